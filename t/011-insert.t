# POST /insert: forms and bodies of lines, in all the ways a body can come;
# what is told about bad lines; when Redis does not answer, when it takes no
# more, when the body or the client breaks off.  Each case compares what was
# told with what Redis holds.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Time::HiRes qw( sleep time );
use Torus::Clock;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( wait_for spew temp_dir );

my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my $now = 1700000000;
my $bucket = int($now / 60);
my $clock = Torus::Clock->new;

$clock->freeze($now);

my $redis = Torus::Redis->start(clock => $clock);
my $nginx = Torus::Nginx->new(clock => $clock);
my ($port, $h2) = ($nginx->port, $nginx->karbon_port);
my $host = '127.0.0.1:' . $redis->port . '/0';
my @lines = ('Content-Type' => 'text/plain');

$nginx->file('schema.json', <<END);
{ "TIMESERIES": {
    "count": { "type": "count", "match": "c.**", "host": "$host",
        "intervals": { "minute": { "step": 60 } } },
    "series": { "type": "series", "match": "s.**", "host": "$host",
        "prefix": "s", "intervals": { "minute": { "step": 60 } } },
    "odd": { "type": "gauge", "match": "o.**", "host": "$host",
        "prefix": "o", "transform": { "drop": "v < 0" },
        "intervals": { "minute": { "step": 60 } } } } }
END

sub configure {
    my ($more) = @_;

    $nginx->conf($nginx->http_block(<<END));
    torus_schema schema.json;
    client_max_body_size 0;
    $more
    server {
        listen 127.0.0.1:$port;
        listen 127.0.0.1:$h2 http2;

        location /torus/ { torus_query on; torus_insert on; }
        location /small/ {
            torus_query on;
            torus_insert on;
            client_max_body_size 1k;
        }
        location /read/ { torus_query on; }
        location = /insert { torus_query on; torus_insert on; }
    }
END
}

configure('torus_insert_timeout 500ms;');
$nginx->start;

# Status and answer.
sub post {
    my ($uri, $body, @headers) = @_;
    my ($status, $text, $headers) = $nginx->post($uri, $body,
                                                 headers => { @headers });
    return ($status, eval { $json->decode($text) } // $text, $headers);
}

sub get { return $redis->cmd(GET => "$_[0]:minute:" . ($_[1] // $bucket)); }

sub stored {
    my ($n, %more) = @_;
    return { stored => $n, queued => 0, bad => [], %more };
}

my @form = ('Content-Type' => 'application/x-www-form-urlencoded');


# forms

my ($status, $answer) = post('/torus/insert', 'stat=c.a&value=3', @form);
is($status, 200, 'a form');
is_deeply($answer, stored(1), 'says what was stored');
is(get('c.a'), 3, 'and it is');

($status, $answer) = post('/torus/insert/',
    'stat=c.b&stat=c.b&value=1&stat=c.%62&timestamp=1699999940&value=2'
    . '&value=+4+&timestamp=now', @form);
is_deeply($answer, stored(3), 'fields that are repeated go together');
is(get('c.b', $bucket - 1), 1, 'the first of each');
is(get('c.b'), 6, 'the others; a timestamp may be a word or missing');

($status, $answer) = post('/torus/insert?stat=c.q&value=5', '');
is_deeply([$status, $answer], [200, stored(1)], 'a query string does as well');
($status, $answer) = post('/insert?stat=c.q&value=5', '');
is_deeply([$status, $answer], [200, stored(1)], 'an exact location');

post('/torus/insert', 'stat=c.tz&value=1&timestamp=2023-11-14+12:00'
     . '&tz=Asia/Kathmandu', @form);
is(get('c.tz', int(1699942500 / 60)), 1, 'dates are read in a time zone');

($status, $answer) = post('/torus/insert',
    'stat=c.e&value=x&stat=c.e&stat=&value=&value=3&stat=c.e&value=1'
    . '&timestamp=&timestamp=&timestamp=&timestamp=nonsense', @form);
is($status, 400, 'nothing that can be stored is a fault');
is_deeply([ map { $_->{line} } @{$answer->{bad}} ], [1 .. 4],
          'each is told by its number');
is($answer->{stored}, 0, 'nothing was stored');
like($answer->{bad}[3]{reason}, qr/time/, 'and why');

($status, $answer) = post('/torus/insert', 'value=2&' x 1500
    . 'stat=c.many&stat=c.more&' x 1500 . 'value=3&' x 1500, @form);
is_deeply($answer, stored(3000), 'more points than fit a turn');
is(get('c.many') + get('c.more'), 7500, 'each with its value');
is(get('c.many'), 3750, 'and in its place');

($status, $answer) = post('/torus/insert', '&' x 1000000 . 'stat=c.sep&value=1',
    @form);
is($status, 200, 'separators without end are no arguments');
is(get('c.sep'), 1, 'what stands behind them is one');

is((post('/torus/insert', 'value=3', @form))[0], 400, 'no stat at all');
like((post('/torus/insert', "c.a 1\n", @form))[1]{error}, qr{text/plain},
     'lines sent as a form: a hint');


# lines

($status, $answer) = post('/torus/insert',
    "c.l 1\r\n\n  \nbad\nc.l nope 1700000000\nzz 1\ns.x 1.5 1699999999\n"
    . "o.x -1\nc.l 2", @lines);
is($status, 200, 'lines, some of them bad');
is($answer->{stored}, 3, 'the good ones are stored');
is_deeply([ map { [ @$_{qw( line text )} ] } @{$answer->{bad}} ],
          [ [4, 'bad'], [5, 'c.l nope 1700000000'], [6, 'zz 1'] ],
          'bad ones have their numbers; what a schema drops is not bad');
like($answer->{bad}[2]{reason}, qr/no schema/, 'what no schema takes is told');
is(get('c.l'), 3, 'the last line needs no newline');

($status, $answer) = post('/torus/insert', "o.x -1\n", @lines);
is_deeply([$status, $answer], [200, stored(0)],
          'a point that a schema drops is no fault');

($status, $answer) = post('/torus/insert', "nope\n" x 250 . "c.m 1\n", @lines);
is(scalar @{$answer->{bad}}, 100, 'the first 100 bad lines are told');
is($answer->{stored}, 1, 'the rest still counts');

($status, $answer) = post('/torus/insert', "\xff\x00\"\\ 1\n", @lines);
is($status, 400, 'a line of odd bytes');
ok(ref $answer && @{$answer->{bad}} == 1, 'is told as JSON');

($status, $answer) = post('/torus/insert', 'x' x 20000 . " 1\nc.n 1\n", @lines);
is_deeply([ $answer->{stored}, $answer->{bad}[0]{line},
            length $answer->{bad}[0]{text} ], [1, 1, 256],
          'a line too long costs only itself, and is quoted in part');

is((post('/torus/insert', "c.t 1\n"))[0], 200, 'no content type: lines');
is((post('/torus/insert', "c.t 1\n", 'Content-Type' => 'application/json'))[0],
   200, 'any type but a form');

# a body in pieces of all sizes, also chunked: the numbers of lines hold

my $text = join '', map { $_ % 50 ? "c.p 1\n" : "broken\n" } 1 .. 500;

for my $size (1, 7, 100) {
    for my $chunked (0, 1) {
        $redis->cmd('FLUSHALL');
        my $fh = Torus::Nginx::connect_to($port);
        $fh->autoflush(1);
        $fh->setsockopt(Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), 1);

        print $fh "POST /torus/insert HTTP/1.1\r\nHost: a\r\n"
                  . "Connection: close\r\nContent-Type: text/plain\r\n"
                  . ($chunked ? "Transfer-Encoding: chunked\r\n\r\n"
                              : 'Content-Length: ' . length($text)
                                . "\r\n\r\n");

        for (my $i = 0; $i < length $text; $i += $size) {
            my $part = substr $text, $i, $size;
            print $fh $chunked ? sprintf("%x\r\n%s\r\n", length $part, $part)
                               : $part;
        }

        print $fh "0\r\n\r\n" if $chunked;

        my $got = do { local $/; <$fh> };
        my ($body) = $got =~ /\r\n\r\n(.*)/s;
        my $what = "pieces of $size" . ($chunked ? ', chunked' : '');

        $answer = eval { $json->decode($body) } // {};
        is($answer->{stored}, 490, "$what: stored");
        is_deeply([ map { $_->{line} } @{$answer->{bad}} ],
                  [ map { 50 * $_ } 1 .. 10 ], "$what: numbers of lines");
        is(get('c.p'), 490, "$what: in Redis");
    }
}

# large ones, also over HTTP/2

my $large = temp_dir() . '/large';
spew($large, join '', map { 'c.big' . $_ % 100 . " 1\n" } 1 .. 400000);

for my $how ('--http1.1', '--http2-prior-knowledge', '--http1.1 -T -') {
    $redis->cmd('FLUSHALL');
    my $to = $how =~ /http2/ ? $h2 : $port;
    my $data = $how =~ /-T/ ? "< $large" : "--data-binary \@$large";
    my $got = `curl -s -X POST $how -H 'Content-Type: text/plain' \\
               http://127.0.0.1:$to/torus/insert $data`;

    is_deeply(eval { $json->decode($got) }, stored(400000), "large, $how");
    is(get('c.big7'), 4000, "large, $how: in Redis");
}


# methods and places

my ($code, $body, $headers) = $nginx->get('/torus/insert?stat=c.a&value=1');
is($code, 405, 'GET is not allowed');
is($headers->{allow}, 'POST', 'what is');
is((post('/read/insert', 'stat=c.a&value=1', @form))[0], 403,
   'not open where only queries are');
is((post('/torus/insert/x', 'a', @lines))[0], 404, 'nothing below it');


# bodies that break

sub raw {
    my ($bytes) = @_;
    my $fh = Torus::Nginx::connect_to($port);
    return Torus::Nginx::talk($fh, $bytes, 10);
}

$redis->cmd('FLUSHALL');
my $head = "POST /torus/insert HTTP/1.1\r\nHost: a\r\n"
           . "Content-Type: text/plain\r\n";

$answer = raw("${head}Transfer-Encoding: chunked\r\n\r\nZZ\r\n");
like($answer, qr{^HTTP/1.1 400 .*"error"}s, 'a body that is broken at once');

my $fh = Torus::Nginx::connect_to($port);
$fh->autoflush(1);
print $fh "${head}Transfer-Encoding: chunked\r\n\r\n6\r\nc.k 1\n\r\n";
sleep 0.2;
print $fh "ZZ\r\n";
$answer = do { local $/; <$fh> };
like($answer, qr{^HTTP/1.1 202 .*"error":.*"stored":1,"queued":0,"lines":1}s,
     'in the middle: what was accepted is not answered with an error');
is(get('c.k'), 1, 'and is in Redis');

$fh = Torus::Nginx::connect_to($port);
$fh->autoflush(1);
print $fh "${head}Content-Length: 1000\r\n\r\nc.v 1\nc.v 1\nc.v";
sleep 0.2;
close $fh;
ok(wait_for(sub { (get('c.v') // 0) == 2 }, 5),
   'a client that vanishes: whole lines stand');

is((post('/small/insert', "c.z 1\n" x 1000, @lines))[0], 413,
   'client_max_body_size is heeded');
is((post('/torus/insert', 'stat=c.z&value=1&x=' . 'x' x 1100000, @form))[0],
   413, 'a form has a limit of its own');


# Redis is away: accepted is accepted

$redis->stop_server;
my $t = time;
($status, $answer) = post('/torus/insert', 'stat=c.w&value=7', @form);
is($status, 202, 'not acknowledged in time');
is_deeply($answer, { stored => 0, queued => 1, bad => [] }, 'but accepted');
cmp_ok(time - $t, '<', 5, 'in time');
$redis->run;
ok(wait_for(sub { (get('c.w') // 0) == 7 }, 10), 'and stored later');

# slow Redis: the answer waits for it
$redis->pause;
my $pid = fork // die;
if (!$pid) { sleep 0.2; $redis->resume; POSIX::_exit(0); }
($status, $answer) = post('/torus/insert', 'stat=c.x&value=7', @form);
waitpid $pid, 0;
is($status, 200, 'acknowledged late but in time');
is(get('c.x'), 7, 'stored');


# a queue that is full

$nginx->stop;
configure('torus_insert_timeout 300ms; torus_redis_queue 128k;');
$redis->stop_server;
$nginx->start;

my $many = join '', map { "c.f$_ 1\n" } 1 .. 20000;
($status, $answer) = post('/torus/insert', $many, @lines);
is($status, 202, 'Redis is away and the queue full');
like($answer->{error}, qr/takes no more/, '.. is told');
cmp_ok($answer->{queued}, '>', 100, 'what was accepted is told');
is($answer->{lines}, $answer->{queued}, 'and where to go on');
my $first = $answer->{queued};

$redis->run;
ok(wait_for(sub { $redis->cmd('DBSIZE') >= $first }, 10), 'it is stored later');
sleep 0.3;
is($redis->cmd('EXISTS', "c.f$first:minute:$bucket",
               'c.f' . ($first + 1) . ":minute:$bucket"), 1,
   'exactly up to there');

$redis->cmd('FLUSHALL');
($status, $answer) = post('/torus/insert', $many, @lines);
is_deeply([$status, $answer], [200, stored(20000)],
          'with Redis the same body flows through the small queue');
is($redis->cmd('EXISTS', map { "c.f$_:minute:$bucket" } 1 .. 20000), 20000,
   'whole');


# what nginx -t says

sub refused {
    my ($location, $like, $what) = @_;
    my $other = Torus::Nginx->new;
    $other->file('schema.json', Torus::Util::slurp($nginx->dir
                                                   . '/conf/schema.json'));
    $other->conf($other->http_block("torus_schema schema.json;\n"
                                    . "server { listen 127.0.0.1:$port;\n"
                                    . "$location }"));
    my ($rc, $said) = $other->test;
    ok($rc, "$what: refused");
    like($said, $like, $what);
}

refused('location /a/ { torus_insert on; }', qr/needs "torus_query on"/,
        'without torus_query');
refused('location /a/ { torus_query on; torus_path_max 0; }',
        qr/torus_path_max/, 'no paths at all');
refused('location = /x/nope { torus_query on; torus_insert on; }',
        qr/no torus command/, 'an exact location of nothing');

ok($nginx->stop, 'nginx leaves');
unlike($nginx->log_text, qr/\[(?:alert|emerg|crit)\]/, 'and says nothing bad');

done_testing();
