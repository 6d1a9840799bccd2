# What a location of queries is among the other parts of nginx: methods,
# slashes, encodings, caching, gzip, keep-alive, HTTP/2, subrequests, a cache
# in front, variables in logs; and clients or a Redis that go away while a
# large answer is on its way.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Time::HiRes qw( sleep );
use Torus::Clock;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( slurp wait_for free_port );

my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my $now = 1700000000;
my $clock = Torus::Clock->new;

$clock->freeze($now);

my $redis = Torus::Redis->start(clock => $clock);
my $nginx = Torus::Nginx->new(clock => $clock);
my ($port, $h2) = ($nginx->port, $nginx->karbon_port);
my $host = '127.0.0.1:' . $redis->port . '/0';
my $dir = $nginx->dir;

mkdir "$dir/html";
Torus::Util::spew("$dir/html/page.html",
    'a<!--# include virtual="/torus/series?stat=c.a&steps=1" -->b');

$nginx->file('schema.json', <<END);
{ "TIMESERIES": {
    "c": { "type": "count", "match": "c.**", "host": "$host",
        "intervals": { "minute": { "step": 60, "steps": 10 } } },
    "l": { "type": "series", "match": "l.**", "host": "$host",
        "intervals": { "second": { "step": 1 } } } } }
END

$nginx->conf($nginx->http_block(<<END));
    torus_schema schema.json;
    client_max_body_size 0;
    log_format torus '\$uri \$status \$torus_points \$torus_rows '
                     '\$torus_commands \$torus_rounds \$torus_redis_time';
    proxy_cache_path $dir/cache keys_zone=answers:1m;

    server {
        listen 127.0.0.1:$port;
        listen 127.0.0.1:$h2 http2;
        root $dir/html;
        access_log $dir/logs/torus.log torus;

        location /torus/ { torus_query on; torus_insert on; }
        location = /alone { torus_query on prefix=/alone; }
        location ~ ^/re/ { torus_query on prefix=/re; }
        location /gzip/ {
            torus_query on;
            gzip on;
            gzip_types application/json;
            gzip_min_length 1;
        }
        location /cached/ {
            proxy_pass http://127.0.0.1:$port/torus/;
            proxy_cache answers;
            add_header X-Cache \$upstream_cache_status;
        }
        location /ssi/ { alias $dir/html/; ssi on; }
        location /auth/ { auth_request /torus/list; alias $dir/html/; }
        location /mirrored/ {
            mirror /torus/series;
            alias $dir/html/;
        }
        location /rewritten/ { rewrite ^ /torus/series break; torus_query on
            prefix=/torus; }
        location /limited/ {
            torus_query on;
            torus_max_stats 2;
            torus_max_points 30;
            torus_max_body 50;
        }
    }
END
$nginx->start;

sub talk {
    my ($bytes) = @_;
    return Torus::Nginx::talk(Torus::Nginx::connect_to($port), $bytes, 20);
}

is(($nginx->post('/torus/insert', "c.a 3\nc.a%b 1\nc.x\xc3\xa9 2\n"
   . join('', map { 'l.big 1 ' . ($now - $_) . "\n" } 0 .. 199999),
   headers => { 'Content-Type' => 'text/plain' }))[0], 200, 'data');

my $uri = '/torus/series?stat=c.a&steps=1';
my ($status, $body, $head) = $nginx->get($uri);
is($status, 200, 'a query');
is($json->decode($body)->[0]{datapoints}[0][0], 3, 'is answered');
my $whole = $body;


# one answer, asked for in many ways

is(($nginx->get("/torus/series$_?stat=c.a&steps=1"))[1], $whole,
   "a slash more: series$_") for '/', '//';
is(($nginx->get("/torus//series?stat=c.a&steps=1"))[1], $whole, 'before it');
is(($nginx->get("/torus/%73eries?stat=%63.a&st%65ps=1"))[1], $whole,
   'percent-encoded, names too');
is(($nginx->get("/re/series?stat=c.a&steps=1"))[1], $whole,
   'a location by regular expression');
is(($nginx->get('/rewritten/x?stat=c.a&steps=1'))[1], $whole, 'a rewrite');
is(($nginx->post('/torus/series', 'stat=c.a&steps=1', headers => {
   'Content-Type' => 'application/x-www-form-urlencoded; charset=utf-8' }))[1],
   $whole, 'a form');
is(($nginx->post('/torus/series?steps=1', 'stat=c.a', headers => {
   'Content-Type' => 'application/x-www-form-urlencoded' }))[1],
   $whole, 'a form and a query string');
is(($nginx->get('/torus/series?stat=c.a&stat=c.a&x=y&&=&steps=&steps=1'))[1],
   $whole, 'arguments repeated, unknown and empty');

($status, $body) = $nginx->get('/torus/series?stat=c.a%25b&stat=c.x%C3%A9'
                               . '&stat=c.+b&steps=1');
my $got = $json->decode($body);
is_deeply([ map { $_->{stat} } @$got ],
          ['c.a%b', "c.x\x{e9}", 'c. b'], 'escapes, UTF-8 and plus');
is($got->[1]{datapoints}[0][0], 2, 'find their data');

is(($nginx->post('/torus/series', 'x', headers => {
   'Content-Type' => 'multipart/form-data; boundary=x' }))[0], 400,
   'multipart/form-data is refused');


# methods

($status, $body, $head) = Torus::Nginx::http($port, 'HEAD', $uri);
is($status, 200, 'HEAD');
is($body, '', 'has no body');
is($head->{'content-length'}, length $whole, 'but its length');
for my $method (qw( PUT DELETE OPTIONS PATCH )) {
    ($status, $body, $head) = Torus::Nginx::http($port, $method, $uri);
    is($status, 405, "$method is not allowed");
    is($head->{allow}, 'GET, HEAD, POST', 'what is');
    ok($json->decode($body)->{error}, 'said as JSON');
}


# jsonp

($status, $body, $head) = $nginx->get("$uri&jsonp=my.cb");
like($body, qr/\Amy\.cb\(\[.*\]\s*\)\s*\z/s, 'jsonp wraps');
is($head->{'content-type'}, 'text/javascript', 'as a script');
is(($nginx->get("$uri&jsonp=a(b"))[0], 400, 'its name must be one');


# caching

($status, $body, $head) = $nginx->get($uri);
like($head->{etag}, qr/^"[0-9a-f]+"$/, 'an ETag');
is($head->{'cache-control'}, 'max-age=60', 'at most a step');
($status, $body) = $nginx->get($uri, headers => {
    'If-None-Match' => $head->{etag} });
is($status, 304, 'not modified');
is($body, '', 'and nothing said');
is(($nginx->get('/torus/list'))[2]{'cache-control'}, 'no-cache',
   'a listing is of now');
($status, $body, $head) = $nginx->get('/torus/series?stat=c.a&steps=x');
is_deeply([ @$head{qw( etag cache-control )} ], [undef, undef],
          'a fault is not cached');

(undef, $body, $head) = $nginx->get('/cached/series?stat=c.a&steps=1');
is($head->{'x-cache'}, 'MISS', 'behind a cache');
is($body, $whole, 'the answer');
(undef, $body, $head) = $nginx->get('/cached/series?stat=c.a&steps=1');
is($head->{'x-cache'}, 'HIT', 'is kept');
is($body, $whole, 'the same');


# gzip, keep-alive, HTTP/2

($status, $body, $head) = $nginx->get('/gzip/series?stat=c.a',
    headers => { 'Accept-Encoding' => 'gzip' });
is($head->{'content-encoding'} // 'none', 'none', 'gzip needs HTTP/1.1');
$got = `curl -s --compressed -D - http://127.0.0.1:$port/gzip/series?stat=c.a`;
like($got, qr/^Content-Encoding: gzip/m, 'gzip');
like($got, qr/^ETag: W\//m, 'makes the ETag a weak one');
like($got, qr/^\[\{"stat"/m, 'the answer is the same');

$got = talk(join '', map { "GET $_ HTTP/1.1\r\nHost: a\r\n"
    . ($_ =~ /list/ ? "Connection: close\r\n" : '') . "\r\n" }
    $uri, '/torus/nope', "$uri&steps=2", '/torus/list');
is(() = $got =~ m{HTTP/1\.1 (?:200|404)}g, 4,
   'four requests at once on one connection');
like($got, qr/^HTTP.*HTTP\S+ 404.*HTTP\S+ 200.*\["c\.a"/s, 'in their order');

is(`curl -s --http2-prior-knowledge 'http://127.0.0.1:$h2$uri'`, $whole,
   'HTTP/2');
is(`curl -s --http2-prior-knowledge -d stat=c.a -d steps=1 \\
    'http://127.0.0.1:$h2/torus/series'`, $whole, 'HTTP/2, a form');
my $big = "/torus/series?stat=l.big&start=${\ ($now - 199999)}&end=$now";
my $want = `curl -s 'http://127.0.0.1:$port$big'`;
cmp_ok(length $want, '>', 2000000, 'a large answer');
is(scalar @{$json->decode($want)->[0]{datapoints}}, 200000, 'is whole');
ok(`curl -s --http2-prior-knowledge 'http://127.0.0.1:$h2$big'` eq $want,
   'the same over HTTP/2');


# subrequests

like(($nginx->get('/ssi/page.html'))[1], qr/\Aa\Q$whole\E?\s*b\z/,
     'as a part of a page (SSI)');
is(($nginx->get('/auth/page.html'))[0], 200, 'as auth_request');
is(($nginx->get('/mirrored/page.html?stat=c.a'))[0], 200, 'as a mirror');


# variables

ok(wait_for(sub { slurp("$dir/logs/torus.log")
                  =~ m{^/torus/series 200 1 1 1 1 0\.0\d\d$}m }, 5),
   'points, rows, commands, round trips and time in the log');

$redis->pause;
my $pid = fork // die;
if (!$pid) { sleep 0.3; $redis->resume; POSIX::_exit(0); }
$nginx->get('/torus/series?stat=c.a&steps=2');
waitpid $pid, 0;
ok(wait_for(sub { slurp("$dir/logs/torus.log")
                  =~ m{^/torus/series 200 2 1 1 1 0\.[234]\d\d$}m }, 5),
   'the time that Redis took');


# limits

for (['/limited/series?stat=a&stat=b&stat=c', 'stats'],
     ['/limited/series?stat=c.a&steps=31', 'points'])
{
    ($status, $body) = $nginx->get($_->[0]);
    is($status, 413, "more $_->[1] than allowed");
    like($json->decode($body)->{error}, qr/more than \d+|limit|\d/,
         'said with the number');
}
is(($nginx->get('/limited/series?stat=c.a&steps=30'))[0], 200,
   'as much as allowed');
is(($nginx->post('/limited/series', 'stat=' . 'a' x 50, headers => {
   'Content-Type' => 'application/x-www-form-urlencoded' }))[0], 413,
   'a body too large');


# those who go away in the middle

sub sockets { return scalar grep { m{/fd/} && (readlink($_) // '') =~ /socket/ }
                            map { glob "/proc/$_/fd/*" } $nginx->workers; }

my $quiet = sockets();
for (1 .. 20) {
    my $fh = Torus::Nginx::connect_to($port);
    syswrite $fh, "GET $big HTTP/1.1\r\nHost: a\r\n\r\n";
    sysread $fh, my $some, 1000 if $_ % 2;
    close $fh;
}
ok(wait_for(sub { sockets() <= $quiet + 1 }, 10),
   'clients that vanish leave no socket behind');
is(($nginx->get($uri))[1], $whole, 'others are answered as before');

my $fh = Torus::Nginx::connect_to($port);
$fh->setsockopt(Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 4096);
syswrite $fh, "GET $big HTTP/1.1\r\nHost: a\r\n\r\n";
sysread $fh, $got, 1000;
$redis->kill_server;
sleep 0.3;
$got .= do { local $/; <$fh> // '' };
like($got, qr{^HTTP/1\.1 200}, 'Redis dies below a large answer');
unlike($got, qr/\r\n0\r\n\r\n\z/, 'it does not look whole');
cmp_ok(length $got, '<', length $want, 'for it is not');

is(($nginx->get($uri))[0], 503, 'then a clean 503');
$redis->run;
ok(wait_for(sub { ($nginx->get($uri))[0] == 200 }, 10), 'until Redis is back');

ok($nginx->stop, 'nginx leaves');
unlike($nginx->log_text, qr/\[(?:alert|crit|emerg)\]/, 'nothing alarming');

done_testing();
