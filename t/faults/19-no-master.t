# A reload with "master_process off": nginx takes no further connection then,
# whatever its modules, but those that it has go on, served by the cycle that
# they came from.  What is in that cycle's pool has to stay: its Redis links,
# its schema, its clients.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use IO::Select;
use Test::More;
use Time::HiRes qw( time );
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( wait_for );

my $redis = Torus::Redis->start;
my $host = '127.0.0.1:' . $redis->port . '/0';
my $nginx = Torus::Nginx->new(level => 'notice');
my ($karbon, $http) = ($nginx->karbon_port, $nginx->port);

$nginx->file('schema.json', <<END);
{ "TIMESERIES": { "c": { "type": "count", "match": "**", "host": "$host",
    "intervals": { "day": { "step": "daily", "steps": 10 } } } } }
END
$nginx->conf(<<END . $nginx->http_block(<<END2));
master_process off;
stream {
    karbon_schema schema.json;
    server { listen 127.0.0.1:$karbon; karbon on; }
}
END
    torus_schema schema.json;
    keepalive_timeout 300s;
    server {
        listen 127.0.0.1:$http;
        location / { torus_query on; torus_insert on; }
    }
END2
$nginx->start;

my $now = int time;
my $query = "/series?stat=c.a&start=$now&end=$now";
my $lines = Torus::Nginx::connect_to($karbon);
my $asks = Torus::Nginx::connect_to($http);
my $inserts = Torus::Nginx::connect_to($http);
my $sent = 0;

both('before');

for my $n (1 .. 2) {
    $nginx->signal('HUP');

    # a signal that comes just before nginx waits is seen at the next event
    ok(wait_for(sub { ask($query);
                      my $times = () = $nginx->log_text
                                       =~ /\d: reconfiguring$/mg;
                      $times == $n }, 10), "reload $n");
    both("after reload $n");
}

ok($nginx->stop, 'it leaves, and no sanitizer complains');
unlike($nginx->log_text, qr/\[(?:alert|crit|emerg)\]/, 'nor does nginx');

done_testing();


# Points by both modules, and a query that finds them.
sub both {
    my ($when) = @_;

    syswrite $lines, "c.a 1 $now\n" x 10;
    like(insert("c.a 1 $now\n" x 10), qr/^HTTP\S+ 200 /, "$when: an insert");
    $sent += 20;

    ok(wait_for(sub { ask($query) =~ /\[\[$sent,\d+\]\]/ }, 10),
       "$when: both are stored") or diag(ask($query));
}

sub ask {
    my ($uri) = @_;
    return talk($asks, "GET $uri HTTP/1.1\r\nHost: x\r\n\r\n");
}

sub insert {
    my ($body) = @_;
    return talk($inserts, "POST /insert HTTP/1.1\r\nHost: x\r\n"
                          . "Content-Type: text/plain\r\n"
                          . 'Content-Length: ' . length($body)
                          . "\r\n\r\n$body");
}

# An answer on a connection that stays, by its length.
sub talk {
    my ($fh, $request) = @_;
    my $select = IO::Select->new($fh);
    my $answer = '';
    my $end = time + 10;

    syswrite $fh, $request;

    while (time < $end && $select->can_read($end - time)) {
        sysread $fh, $answer, 65536, length $answer or last;
        last if $answer =~ /\r\nContent-Length: (\d+)\r\n.*?\r\n\r\n/s
                && length($answer) >= $+[0] + $1;
        last if $answer =~ /\r\n0\r\n\r\n\z/;
    }

    return $answer;
}
