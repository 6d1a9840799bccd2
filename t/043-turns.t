# Turns: all that holds a worker is counted, under the kind of what began it,
# and what starts inside a turn is part of that.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( spew wait_for );

my $redis = Torus::Redis->start;
my $nginx = Torus::Nginx->new;
my $port = $nginx->port;
my $host = '127.0.0.1:' . $redis->port . '/0';

$nginx->file('schema.json', <<END);
{ "TIMESERIES": { "c": { "type": "count", "match": "**", "host": "$host",
    "intervals": { "minute": { "step": 60 } } } } }
END

$nginx->conf("worker_processes 1;\n" . $nginx->http_block(<<END));
    torus_schema schema.json;
    torus_slice 1ms;
    client_max_body_size 64m;
    client_body_buffer_size 16k;
    server {
        listen 127.0.0.1:$port;
        location /torus/ { torus_query on; torus_insert on; }
        location /short/ { torus_query on; torus_timeout 100ms; }
        location /mirrored/ {
            torus_query on;
            torus_insert on;
            mirror /nothing;
        }
        location = /nothing { return 204; }
        location = /status { torus_status on; }
        location /page { root html; ssi on; ssi_types *; }
    }
END

spew($nginx->dir . '/html/page',
     join '', map { "<!--# include virtual=\"/torus/series?stat=a.$_\" "
                    . "wait=\"yes\" -->" } 1 .. 5);
$nginx->start;

my $lines = join '', map { "c.$_ 1\n" } 1 .. 20;
my $before = turns();

is((post('/torus/insert', $lines))[0], 200, 'points');
ok(since('insert') >= 1, 'a body is a turn');

$before = turns();
is((post('/torus/insert', 'stat=c.f&value=1',
         'application/x-www-form-urlencoded'))[0], 200, 'a form of points');
is(since('begin'), 1, 'a form begins');
ok(since('insert') >= 1, 'its report is a turn');

# in parts, each of which comes when the one before has been taken
$before = turns();
my $fh = Torus::Nginx::connect_to($port);
syswrite $fh, "POST /torus/insert HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
              . "Content-Type: text/plain\r\nContent-Length: "
              . 3 * length($lines) . "\r\n\r\n";

for my $n (1 .. 3) {
    my $received = status()->{points}{received};
    syswrite $fh, $lines;
    ok(wait_for(sub { status()->{points}{received} == $received + 20 }, 10),
       "part $n");
}

like(Torus::Nginx::talk($fh, '', 10), qr/"stored": ?60,/, 'all are stored');
ok(since('insert') >= 4, 'each part is a turn, and the report');

# one that another module has read, into a file
$before = turns();
my $n = 60000;
my ($status, $answer) = post('/mirrored/insert',
                             join '', map { "m.$_ 1\n" } 1 .. $n);
is($status, 200, 'a body in a file');
is(decode_json($answer)->{stored}, $n, 'all of it');
ok(since('insert') > 5, 'is taken in many turns: ' . since('insert'));

# a subrequest starts when the one before has ended, inside its last turn
$before = turns();
my ($got, $page) = $nginx->get('/page');
is($got, 200, 'a page');
is(scalar(() = $page =~ /"stat": ?"a\.\d"/g), 5, 'of five answers');
is(since('begin'), 1, 'all but the first start inside a turn');

# those that end otherwise
$before = turns();
$redis->pause;
is(($nginx->get('/short/series?stat=a'))[0], 504, 'too late');
is(since('end'), 1, 'is a turn');

$fh = Torus::Nginx::connect_to($port);
syswrite $fh, "GET /torus/series?stat=a HTTP/1.1\r\nHost: x\r\n\r\n";
ok(wait_for(sub { since('begin') == 2 }, 10), 'a query waits');
close $fh;
ok(wait_for(sub { since('end') == 2 }, 10), 'its client leaves, a turn');
$redis->resume;

for my $kind (sort keys %{turns()}) {
    my $turn = turns()->{$kind};
    ok($turn->{longest_us} <= $turn->{time_us}, "$kind: one is of all");
}

ok($nginx->stop, 'leaves');
unlike($nginx->log_text, qr/\[(?:alert|emerg|crit)\]/, 'without an alert');

done_testing();


sub status { return decode_json(($nginx->get('/status'))[1]); }

sub turns { return status()->{turns}; }

sub since {
    my ($kind) = @_;
    return turns()->{$kind}{total} - $before->{$kind}{total};
}

sub post {
    my ($uri, $body, $type) = @_;
    return $nginx->post($uri, $body,
                        headers => { 'Content-Type' => $type // 'text/plain' });
}
