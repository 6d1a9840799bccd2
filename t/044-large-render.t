# An answer to /render of ten thousand series, in the midst of which the client
# leaves or nginx does, and which takes the ways through nginx that answers
# take: slow ones, files, caches, filters, subrequests, HTTP/2, each event
# method that this nginx has, and a single process.

use strict;
use warnings;

use lib 't/lib';

use Digest::MD5 qw( md5_hex );
use JSON::PP;
use Test::More;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( slurp spew wait_for free_port );

my $series = 10000;
my $redis = Torus::Redis->start;
my $nginx = Torus::Nginx->new;
my ($port, $karbon, $h2) = ($nginx->port, $nginx->karbon_port, free_port());
my $dir = $nginx->dir;
my $host = '127.0.0.1:' . $redis->port . '/0';
my $now = int(time / 3600) * 3600;
my $query = 'render?target=a.*.*&from=' . ($now - 1800) . "&until=$now";

$nginx->file('schema.json', <<END);
{ "TIMESERIES": { "c": { "type": "gauge", "match": "**", "host": "$host",
    "intervals": { "hour": { "step": 3600, "steps": 9, "resolution": 60,
        "layout": "packed" } } } } }
END
spew("$dir/html/page", "<!--# include virtual=\"/$query\" -->");
spew("$dir/html/small", 'small');
configure();
$nginx->start;

Torus::Nginx::carbon($karbon, join '', map { my $n = $_;
    map { sprintf "a.%d.%d %d %d\n", $n % 100, $n / 100, $n * $_,
          $now - 300 * $_ } 1 .. 5 } 0 .. $series - 1);

my ($status, $whole);
ok(wait_for(sub { ($status, $whole) = $nginx->get("/$query");
                  5 * $series == (() = $whole =~ /\[\d/g) }, 60), 'stored');
is($status, 200, 'an answer');
is(scalar(() = $whole =~ /"target"/g), $series, 'of all series');
is(scalar(@{decode_json($whole)}), $series, 'is JSON');
my $sum = md5_hex($whole);
my $length = length $whole;
cmp_ok($length, '>', 5_000_000, "$length bytes");


# ways through nginx

for my $way (qw( limited proxy files cached cached aio )) {
    my ($got, $body) = $nginx->get("/$way/$query");
    is($got, 200, "$way: answered");
    is(md5_hex($body), $sum, "$way: the same");
}

is(md5_hex(($nginx->get('/ssi/page'))[1]), $sum, 'a subrequest of a page');
is(($nginx->get('/auth/small'))[1], 'small', 'one that only permits');
is(($nginx->get('/mirrored/small'))[1], 'small', 'one that only mirrors');

is(md5_hex(`curl -s --compressed 'http://127.0.0.1:$port/gzip/$query'`), $sum,
   'gzip');
is(md5_hex(`curl -s --http2-prior-knowledge 'http://127.0.0.1:$h2/$query'`),
   $sum, 'HTTP/2');
is(md5_hex(`curl -s --http2-prior-knowledge 'http://127.0.0.1:$h2/limited/$query'`),
   $sum, 'HTTP/2, slowly');

my $answer = Torus::Nginx::talk(Torus::Nginx::connect_to($port),
    "HEAD /$query HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 30);
like($answer, qr{\AHTTP/1\.1 200 .*\r\n\r\n\z}s, 'HEAD has the head alone');

my ($got, $part) = $nginx->get("/$query",
                               headers => { Range => 'bytes=100-299' });
is($got, 200, 'no range of what has no length');
is(md5_hex($part), $sum, 'but all');
($got, $part) = $nginx->get("/cached/$query",
                            headers => { Range => 'bytes=100-299' });
is($got, 200, 'nor has what is cached');
is(md5_hex($part), $sum, 'which is all, too');

idle('after all those');


# clients that leave

for my $way ('', qw( limited/ proxy/ files/ gzip/ cached/?x=1& )) {
    my $uri = $way =~ /\?/ ? "/cached/$query&x=1" : "/$way$query";
    close((begin($uri))[0]);
    idle("\"$way\": its client has left");
}

my $head = "GET /$query HTTP/1.1\r\nHost: x\r\n\r\n";
my $fh = Torus::Nginx::connect_to($port);
syswrite $fh, $head . $head;
sysread $fh, my $first, 500;
close $fh;
idle('one that has asked twice');

my $pid = fork // die "fork: $!\n";

if ($pid == 0) {
    open STDOUT, '>', '/dev/null';
    exec 'curl', '-s', '--http2-prior-knowledge', '--limit-rate', '100k',
         "http://127.0.0.1:$h2/$query";
}

ok(wait_for(sub { connections() == 1 }, 10), 'HTTP/2 begins');
kill KILL => $pid;
waitpid $pid, 0;
idle('HTTP/2: it has left');
is(md5_hex(($nginx->get("/$query"))[1]), $sum, 'all is as before');


# nginx that leaves

my @fhs = map { [ begin("/$_$query") ] } '', qw( limited/ proxy/ );
$nginx->reload(1);
whole('a reload', @fhs);

@fhs = map { [ begin("/$_$query") ] } '', qw( limited/ proxy/ );
$nginx->signal('QUIT');
whole('QUIT', @fhs);
ok($nginx->stop('QUIT', 20), 'QUIT: it leaves');

$nginx->start;
@fhs = map { [ begin("/$_$query") ] } '', qw( limited/ proxy/ );
ok($nginx->stop('TERM', 10), 'TERM: it leaves');
cut('TERM', @fhs);


# other event methods, and no master

for my $how ('use poll;', 'use select;', 'master_process off;') {
    my ($events, $main) = $how =~ /use/ ? ($how, '') : ('', $how);

    configure($events, $main);
    my ($code, $said) = $nginx->test;

    if ($code != 0 && $said =~ /invalid event type/) {
        diag("this nginx has no \"$how\"");
        next;
    }

    is($code, 0, "$how: right") or diag($said);
    $nginx->start;

    for my $way ('', qw( limited/ proxy/ )) {
        is(md5_hex(($nginx->get("/$way$query"))[1]), $sum,
           "$how: \"$way\" is answered");
    }

    @fhs = map { [ begin("/$_$query") ] } '', qw( limited/ );
    close $fhs[0][0];
    idle("$how: one has left", 1);

    $nginx->signal('QUIT');

    # a single process does not wait for anybody
    $how =~ /off/ ? cut($how, $fhs[1]) : whole($how, $fhs[1]);
    ok($nginx->stop('QUIT', 20), "$how: it leaves");
}

(my $log = $nginx->log_text) =~ s/^.*invalid event type.*\n//gm;
unlike($log, qr/\[(?:alert|emerg|crit)\]/, 'without an alert');

done_testing();


sub configure {
    my ($events, $main) = (@_, '', '');

    # which those others cannot do
    my $threads = $events eq '' && !$ENV{TEST_NGINX_EVENT_TYPE}
                  ? 'aio threads; aio_write on;' : '';

    $nginx->conf("worker_processes 1;\n$main\n"
                 . "events { worker_connections 256; $events }\n" . <<END
stream {
    karbon_schema schema.json;
    server { listen 127.0.0.1:$karbon; karbon on; }
}
END
                 . $nginx->http_block(<<END));
    torus_schema schema.json;
    proxy_cache_path $dir/cache keys_zone=answers:1m;
    sendfile on;

    server {
        listen 127.0.0.1:$port sndbuf=32k;
        listen 127.0.0.1:$h2 http2;
        root $dir/html;

        location / { torus_query on; }
        location = /asked { rewrite ^ /$query last; }
        location /limited/ { torus_query on; limit_rate 8m; }
        location /gzip/ { torus_query on; gzip on; gzip_types *; }
        location /proxy/ {
            proxy_pass http://127.0.0.1:$port/;
            proxy_buffering off;
        }
        location /files/ {
            proxy_pass http://127.0.0.1:$port/;
            proxy_buffers 4 4k;
            proxy_busy_buffers_size 4k;
            limit_rate 8m;
        }
        location /cached/ {
            proxy_pass http://127.0.0.1:$port/;
            proxy_cache answers;
            proxy_cache_valid 200 1h;
            proxy_ignore_headers Cache-Control Expires;
        }
        location /aio/ {
            proxy_pass http://127.0.0.1:$port/;
            proxy_buffers 4 4k;
            proxy_busy_buffers_size 4k;
            $threads
            limit_rate 8m;
        }
        location /ssi/ { alias $dir/html/; ssi on; ssi_types *; }
        location /auth/ { auth_request /asked; alias $dir/html/; }
        location /mirrored/ { mirror /asked; alias $dir/html/; }
    }
END
}

# Sockets that nginx has open for clients, those included that have left.
sub connections {
    my $ports = join '|', map { sprintf '%04X', $_ } $port, $h2;

    return scalar grep { /^\s*\d+: \w+:(?:$ports) \w+:\w+ 0[18] / }
                  split /\n/, slurp('/proc/net/tcp');
}

# Nobody has a connection but those who still wait.
sub idle {
    my ($what, $still) = @_;
    $still //= 0;

    ok(wait_for(sub { connections() == $still }, 20), "$what: it is idle")
        or diag(connections() . ' connections');
}

# A client that has had the beginning of its answer.
sub begin {
    my ($uri) = @_;
    my $fh = Torus::Nginx::connect_to($port);

    syswrite $fh, "GET $uri HTTP/1.1\r\nHost: x\r\n"
                  . "Accept-Encoding: gzip\r\nConnection: close\r\n\r\n";
    sysread $fh, my $head, 500;
    $head =~ m{^HTTP/1.1 200 } or fail("$uri: $head");

    return ($fh, $head);
}

sub whole {
    my ($what, @fhs) = @_;

    for my $i (0 .. $#fhs) {
        my ($fh, $head) = @{$fhs[$i]};
        my $answer = $head . Torus::Nginx::talk($fh, '', 30);
        $answer =~ s/\A.*?\r\n\r\n//s;

        ok($answer =~ /\r\n0\r\n\r\n\z/, "$what: answer $i has its end");
        cmp_ok(length $answer, '>=', $length, "$what: answer $i has all");
    }
}

sub cut {
    my ($what, @fhs) = @_;

    for my $i (0 .. $#fhs) {
        my ($fh, $head) = @{$fhs[$i]};
        my $answer = $head . Torus::Nginx::talk($fh, '', 30);

        ok($answer !~ /\r\n0\r\n\r\n\z/, "$what: answer $i looks cut");
    }
}
