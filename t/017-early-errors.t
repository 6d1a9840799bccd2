# What nginx refuses before it knows the location, in a server whose
# "location /" is ours; and after a reload that failed when the chain of
# filters had been made anew.

use strict;
use warnings;

use lib 't/lib';

use Test::More;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( free_port wait_for );

my $redis = Torus::Redis->start;
my $host = '127.0.0.1:' . $redis->port . '/0';

my @early = (
    [ "NONSENSE\r\n\r\n", 400, '', 'no request line' ],
    [ "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, '', 'a broken URI' ],
    [ "GET /render HTTP/1.1\r\n\r\n", 400, 'text', 'no host' ],
    [ "GET /series HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, '', 'a bad host' ],
    [ "GET /series HTTP/7.0\r\nHost: x\r\n\r\n", 505, '', 'a version' ],
    [ "TRACE /render HTTP/1.1\r\nHost: x\r\n\r\n", 405, 'text',
      'TRACE of Graphite' ],
    [ "TRACE /series HTTP/1.1\r\nHost: x\r\n\r\n", 405, '', 'TRACE' ],
    [ 'GET /' . 'a' x 2000 . " HTTP/1.1\r\nHost: x\r\n\r\n", 414, '',
      'a long URI' ],
    [ "GET /series HTTP/1.1\r\nHost: x\r\nA: " . 'a' x 2000 . "\r\n\r\n", 400,
      '', 'a long header' ],
    [ "GET /refused HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
      . "X-A: 1\r\n\r\n", 403, '',
      'the server\'s own "return"' ],
);

my $other = free_port();
my $nginx = set_up('on');

for my $case (@early) {
    my ($bytes, $status, $kind, $name) = @$case;

    like(ask($nginx->port, $bytes), wanted($status, $kind), $name);
    like(ask($other, $bytes),
         qr{^HTTP/1\.1 $status .*?Content-Type: text/html\r\n.*<html>}s,
         "$name, a page elsewhere");
}

like(ask($nginx->port, "HEAD /none HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n"
                       . "Connection: close\r\n\r\n"),
     qr{^HTTP/1\.1 403 .*Content-Type: application/json\r\n.*\r\n\r\n\z}s,
     'HEAD has the header alone');

late_reload($nginx, sub { my ($worker) = $nginx->workers;
                          kill KILL => $worker;
                          wait_for(sub { my ($new) = $nginx->workers;
                                         $new && $new != $worker }, 10) });

$nginx->stop('QUIT');
is(scalar(() = $nginx->log_text =~ /\[alert\] (?!.*exited on signal 9)/g), 0,
   'no alert');

$nginx = set_up('off');
late_reload($nginx, sub { 1 });
ok($nginx->stop('QUIT'), 'leaves');

done_testing();


sub set_up {
    my ($master) = @_;
    my $nginx = Torus::Nginx->new;

    $nginx->file('schema.json', <<END);
{ "TIMESERIES": { "c": { "type": "count", "match": "**", "host": "$host",
    "intervals": { "minute": { "step": 60 } } } } }
END
    configure($nginx, $master, '');
    $nginx->start;

    return $nginx;
}

sub configure {
    my ($nginx, $master, $more) = @_;
    my $port = $nginx->port;

    $nginx->conf("worker_processes 1;\nmaster_process $master;\n"
                 . $nginx->http_block(<<END));
    torus_schema schema.json;
    large_client_header_buffers 1 1k;
    server {
        listen 127.0.0.1:$port;
        if (\$http_x_a) { return 403; }
        location / { torus_query on; }
        location /deny/ { torus_query on; deny all; }
    }
    server {
        listen 127.0.0.1:$other;
        if (\$http_x_a) { return 403; }
        location / { return 204; }
        location /torus/ { torus_query on; }
    }
$more
END
}

# A reload that fails only when all has been parsed; what serves then has to
# be what served before.
sub late_reload {
    my ($nginx, $then) = @_;
    my $mode = $nginx->workers ? 'with a master' : 'without';

    configure($nginx, $mode eq 'without' ? 'off' : 'on',
              '    access_log /nonexistent/torus/log;');
    $nginx->signal('HUP');

    # a signal that comes just before nginx waits is seen at the next event
    ok(wait_for(sub { ask($other, "TRACE / HTTP/1.0\r\n\r\n");
                      $nginx->log_text =~ m{/nonexistent/torus/log" failed} },
                10), "$mode: a reload fails late");
    ok($then->(), "$mode: somebody serves");

    my $line = " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

    like(ask($nginx->port, "GET /deny/series$line"), wanted(403, ''),
         "$mode: an error is as it was");
    like(ask($nginx->port, "TRACE /series$line"), wanted(405, ''),
         "$mode: so is an early one");
}

sub wanted {
    my ($status, $kind) = @_;

    return $kind eq 'text'
        ? qr{^HTTP/1\.1\ $status .*?Content-Type:\ text/plain\r\n
             .*\r\n\r\n[a-z][a-z\ ]+\n\z}sx
        : qr{^HTTP/1\.1\ $status .*?Content-Type:\ application/json\r\n
             .*\r\n\r\n\{"error":\ "[\w\ ]+"\}\n\z}sx;
}

sub ask {
    my ($port, $bytes) = @_;
    return Torus::Nginx::talk(Torus::Nginx::connect_to($port), $bytes, 10);
}
