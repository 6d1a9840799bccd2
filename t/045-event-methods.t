# With each event method that this nginx has: while Redis does not answer,
# nginx sleeps, also after a client that was slow has taken all there is, and
# it sees a client leave, also one whose request had a body that came on its
# own.

use strict;
use warnings;

use lib 't/lib';

use IO::Select;
use List::Util qw( sum );
use Test::More;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( slurp wait_for );

my $redis = Torus::Redis->start;
my $nginx = Torus::Nginx->new;
my $port = $nginx->port;
my $host = '127.0.0.1:' . $redis->port . '/0';
my $query = 'series?stat=a&interval=minute&format=json&steps=300000';
my $whole;

$nginx->file('schema.json', <<END);
{ "TIMESERIES": { "c": { "type": "count", "match": "**", "host": "$host",
    "intervals": { "minute": { "step": 60 } } } } }
END

for my $method (qw( epoll kqueue poll select )) {
    $nginx->conf("worker_processes 1;\n"
                 . "events { worker_connections 256; use $method; }\n"
                 . $nginx->http_block(<<END));
    torus_schema schema.json;
    torus_redis_timeout 60s;
    torus_timeout 60s;
    server {
        listen 127.0.0.1:$port sndbuf=32k;
        location / { torus_query on; }
    }
END

    if (($nginx->test)[1] =~ /invalid event type/) {
        diag("this nginx has no $method");
        next;
    }

    $nginx->start;
    $whole //= length +($nginx->get("/$query"))[1];

    slow($method);
    body($method);

    ok($nginx->stop('QUIT', 10), "$method: it leaves");
}

(my $log = $nginx->log_text) =~ s/^.*invalid event type.*\n//gm;
unlike($log, qr/\[(?:alert|emerg|crit)\]/, 'without an alert');

done_testing();


# Its answer is larger than what sockets hold: nginx has had to wait for it.
sub slow {
    my ($method) = @_;
    my $fh = Torus::Nginx::connect_to($port);
    my $taken = 0;

    syswrite $fh, "GET /$query HTTP/1.1\r\nHost: x\r\n\r\n";
    sysread $fh, my $head, 500;
    like($head, qr{^HTTP/1.1 200 }, "$method: an answer begins");
    ok(asleep(), "$method: nginx sleeps until the client takes more");

    $redis->pause;

    while (IO::Select->new($fh)->can_read(0.5)) {
        my $n = sysread $fh, my $part, 65536;
        last if !$n;
        $taken += $n;
    }

    cmp_ok($taken, '<', $whole, "$method: $taken of $whole bytes for now");
    ok(asleep(), "$method: nginx sleeps until Redis answers");
    leave($method, $fh);
    $redis->resume;
}

# Read to its very end, a body does not tell whether more has come.
sub body {
    my ($method) = @_;
    my ($path, $form) = split /\?/, $query;
    my $fh = Torus::Nginx::connect_to($port);

    $redis->pause;
    syswrite $fh, "POST /$path HTTP/1.1\r\nHost: x\r\nContent-Length: "
                  . length($form) . "\r\nContent-Type: "
                  . "application/x-www-form-urlencoded\r\n\r\n";
    ok(asleep(), "$method: nginx sleeps until a body comes");
    syswrite $fh, $form;
    ok(asleep(), "$method: nginx sleeps until Redis answers what it asks");
    leave("$method, with a body", $fh);
    $redis->resume;
}

sub leave {
    my ($what, $fh) = @_;
    my $left = sub {
        return scalar(() = $nginx->log_text =~ /client prematurely closed/g);
    };
    my $before = $left->();

    close $fh;
    ok(wait_for(sub { $left->() == $before + 1 }, 5), "$what: one has left");
}

# Has nginx done nothing for a while?
sub asleep {
    my $ticks = sub {
        return sum(map { (split ' ', slurp("/proc/$_/stat") =~ s/.*\) //r)
                         [11, 12] } $nginx->workers);
    };

    return wait_for(sub {
        my $from = $ticks->();
        select undef, undef, undef, 0.3;
        return $ticks->() - $from <= 1;
    }, 5);
}
