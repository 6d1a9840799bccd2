# The index of names over time: many writers, what a steady stream costs,
# what expires, what was deleted, and the index made again from data that
# others wrote.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Torus::Clock;
use Torus::Nginx qw( carbon );
use Torus::Redis;
use Torus::Util qw( wait_for );

my $json = JSON::PP->new->utf8->canonical;
my $clock = Torus::Clock->new;
my $now = 1700000000;

$clock->freeze($now);

my $redis = Torus::Redis->start(clock => $clock);
my $nginx = Torus::Nginx->new(clock => $clock);
my $port = $nginx->port;
my $karbon = $nginx->karbon_port;
my $host = '127.0.0.1:' . $redis->port;

$nginx->file('schema.json', <<END);
{ "TIMESERIES": {
    "c": { "type": "count", "match": ["c.**", "k.**"], "host": "$host/0",
        "intervals": { "minute": { "step": 60, "steps": 60 } } },
    "g": { "type": "gauge", "match": ["g.**", "c.0.*"], "host": "$host/1",
        "prefix": "app", "intervals": { "day": { "step": "1d",
                                       "resolution": "1h" } } } } }
END

$nginx->conf("worker_processes 4;\n" . $nginx->http_block(<<END) . <<END2);
    torus_schema schema.json;
    server {
        listen 127.0.0.1:$port;
        location /torus/ {
            torus_query on;
            torus_delete on;
            torus_insert on;
        }
        location /read/ { torus_query on; }
    }
END
stream {
    karbon_schema schema.json;
    server { listen 127.0.0.1:$karbon; karbon on; }
}
END2
$nginx->start;

sub find {
    my ($query) = @_;
    my ($status, $text) = $nginx->get("/torus/metrics/expand?query=$query");
    return $status == 200 ? $json->decode($text)->{results} : $text;
}

sub post {
    my ($path, $args) = @_;
    my ($status, $text) = $nginx->post($path, $args // '',
        headers => { 'Content-Type' => 'application/x-www-form-urlencoded' });
    return ($status, $text);
}

sub calls {
    my ($name) = @_;
    my $info = $redis->cmd(INFO => 'commandstats');
    return $info =~ /cmdstat_$name:calls=(\d+)/ ? $1 : 0;
}

sub at {
    my ($seconds) = @_;
    $now += $seconds;
    $clock->freeze($now);
    # a request makes every worker look at the clock
    $nginx->get('/torus/version') for 1 .. 8;
}

my @names = map { my $i = $_; map { "c.$i.n$_" } 1 .. 10 } 0 .. 19;

sub send_all {
    carbon($karbon, join '', map { "$_ 1 $now\n" } @names) for 1 .. $_[0];
}

sub sum {
    return $redis->cmd(GET => 'c.19.n10:minute:' . int($now / 60)) // 0;
}

# many writers: 40 connections over 4 workers
send_all(40);
ok(wait_for(sub { sum() == 40 }, 20), 'points of many connections');
is($redis->cmd(ZCARD => 'torus:names:0:c.7'), 10, 'each stat once in its node');
is($redis->cmd(ZCARD => 'torus:names:0:c'), 20, 'each node once above it');
is_deeply(find('c.1*.n3'), [ map { "c.$_.n3" } 1, 10 .. 19 ], 'found');
is_deeply(find('c.0.n1'), [ 'c.0.n1' ], 'in two trees, told once');
is_deeply(find('*'), [ 'c' ], 'the root');

$redis->cmd(SELECT => 1);
is($redis->cmd(ZCARD => 'torus:names:4:app:c.0'), 10, 'a tree of its own');
is($redis->cmd(TTL => 'torus:names:4:app:c.0'), -1,
   'which stays, as its data does');
$redis->cmd(SELECT => 0);
cmp_ok($redis->cmd(TTL => 'torus:names:0:c.7'), '>', 86400,
       'the other one expires, long after its data');

# the steady state: every worker knows every name by now, or soon
my $sent = 40;
my $before = -1;
for (1 .. 10) {
    $before = calls('zadd');
    send_all(8);
    $sent += 8;
    wait_for(sub { sum() == $sent }, 20);
    last if calls('zadd') == $before;
}
$before = calls('zadd');
send_all(20);
$sent += 20;
ok(wait_for(sub { sum() == $sent }, 20), 'more points of the same names');
cmp_ok(calls('zadd') - $before, '<=', 25,
       'cost next to no command of the index: ' . (calls('zadd') - $before)
       . ' for ' . 20 * @names . ' points');

# seen again after a while
at(3600);
$before = $redis->cmd(ZSCORE => 'torus:names:0:c.7', 'n1');
send_all(1);
ok(wait_for(sub { sum() == 1 }, 10), 'points of an hour later');
ok(wait_for(sub { $redis->cmd(ZSCORE => 'torus:names:0:c.7', 'n1')
                  == $before + 3600 }, 10), 'are seen then');

# expiry: a name is there as long as its points may be
my $one = 'c.new.one';
carbon($karbon, "$one 1 $now\n");
ok(wait_for(sub { @{find('c.new.*')} == 1 }, 10), 'a new one');
at(3660);
is_deeply(find('c.new.*'), [ $one ], 'not before its points are gone');
at(1000);
is_deeply(find('c.new.*'), [], 'then it is');
is_deeply(find('c.0.n*'), [ sort map { "c.0.n$_" } 1 .. 10 ],
          'kept for ever in the other tree');
is($redis->cmd(ZSCORE => 'torus:names:0:c.new', 'one'), $now - 4660,
   'in Redis it waits to be taken out');
at(90000);
carbon($karbon, "c.new.two 1 $now\n");
ok(wait_for(sub { @{find('c.new.*')} == 1 }, 10), 'another one');
my ($status, $text) = post('/torus/reindex');
is($status, 200, 'reindex');
is($redis->cmd(ZSCORE => 'torus:names:0:c.new', 'one'), undef,
   'takes out what is of no use');
is_deeply(find('c.new.*'), [ 'c.new.two' ], 'and leaves the rest');

# deleted, and there again when more points come
post('/torus/delete', 'stat=c.new.two');
is_deeply(find('c.new.*'), [], 'deleted, and not found');
at(3600);
carbon($karbon, "c.new.two 1 $now\n") for 1 .. 8;
ok(wait_for(sub { @{find('c.new.*')} == 1 }, 10), 'more points, found again');

# what kairos wrote
my $bucket = int($now / 60);
my $day = int($now / 86400);
my $hour = int($now / 3600);
$redis->cmd(FLUSHALL => );
$redis->cmd(SET => "k.a.b:minute:$bucket", 1);
$redis->cmd(SET => "k.a.old:minute:" . ($bucket - 30), 1);
$redis->cmd(SET => "k.a.b:minutes:$bucket", 1);
$redis->cmd(SET => "other.a.b:minute:$bucket", 1);
$redis->cmd(SELECT => 1);
$redis->cmd(SADD => "app:g.x;host=a.b:day:$day", $hour);
$redis->cmd(SET => "app:g.x;host=a.b:day:$day:$hour", 1);
$redis->cmd(SET => "app:g.y:day:$day:$hour", 1);
$redis->cmd(SELECT => 0);

is_deeply(find('k.**'), [], 'data of others is not in the index');
($status, $text) = post('/read/reindex');
is($status, 403, 'reindex is not open everywhere');
($status) = $nginx->get('/torus/reindex');
is($status, 405, 'nor by GET');
($status, $text) = post('/torus/reindex');
is_deeply([ $status, $json->decode($text) ],
          [ 200, { reindexed => { keys => 5 } } ], 'reindex');
is_deeply(find('k.**'), [ qw( k k.a k.a.b k.a.old ) ], 'found now');
($status, $text) = $nginx->get('/torus/metrics/index.json');
is_deeply($json->decode($text), [ qw( g.x;host=a.b g.y k.a.b k.a.old ) ],
          'all of them');
($status, $text) = $nginx->get('/torus/list');
is_deeply($json->decode($text), [ qw( g.x;host=a.b g.y k.a.b k.a.old ) ],
          'as the listing has them');
cmp_ok($redis->cmd(ZSCORE => 'torus:names:0:k.a', 'old'), '<', $now - 1700,
       'seen when its data says');
cmp_ok($redis->cmd(TTL => 'torus:names:0:k.a'), '>', 86400, 'and expiring');

# forgotten: data that went by other ways
$redis->cmd(DEL => "k.a.b:minute:$bucket");
post('/torus/reindex');
is_deeply(find('k.a.*'), [ qw( k.a.b k.a.old ) ], 'a reindex adds');
post('/torus/reindex', 'fresh=1');
is_deeply(find('k.a.*'), [ qw( k.a.old ) ], 'a fresh one forgets, too');

# many names by many slices
$redis->pipeline(map { [ SET => "k.many.$_.x:minute:$bucket", 1 ] } 1 .. 5000);
($status, $text) = post('/torus/reindex');
is($json->decode($text)->{reindexed}{keys}, 5004, 'many keys');
is(scalar @{find('k.many.*.x')}, 5000, 'many names');

# Redis is away
$redis->stop_server;
($status, $text) = $nginx->get('/torus/metrics/find?query=*');
is($status, 503, 'Redis is away');
like($text, qr/^[^{\n]+\n\z/, 'which is told in a line of text');

$nginx->stop;

unlike($nginx->log_text, qr/\[alert\]|\[emerg\]|\[crit\]/, 'nothing alarming');

done_testing();
