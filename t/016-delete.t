# POST /delete: what goes, what must stay, what a dry run tells, and that
# other requests are answered meanwhile.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Time::HiRes qw( time );
use Torus::Clock;
use Torus::Nginx;
use Torus::Redis;

my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my $clock = Torus::Clock->new;

$clock->freeze(1700000000);

my $redis = Torus::Redis->start(clock => $clock);
my $nginx = Torus::Nginx->new(clock => $clock);
my $port = $nginx->port;
my $host = '127.0.0.1:' . $redis->port;

$nginx->file('schema.json', <<END);
{ "TIMESERIES": {
    "bare": { "type": "count", "match": "b.**", "host": "$host/0",
        "intervals": { "minute": { "step": 60 },
                       "day": { "step": "1d", "resolution": "1h" } } },
    "p": { "type": "set", "match": "**", "host": "$host/0", "prefix": "p",
        "intervals": { "minute": { "step": 60 } } },
    "q": { "type": "gauge", "match": ["b.**", "a?*"], "host": "$host/1",
        "prefix": "q", "intervals": { "minute": { "step": 60 } } } } }
END

$nginx->conf($nginx->http_block(<<END));
    torus_schema schema.json;
    client_max_body_size 0;
    server {
        listen 127.0.0.1:$port;
        location /torus/ {
            torus_query on;
            torus_insert on;
            torus_delete on;
        }
        location /few/ {
            torus_query on;
            torus_delete on;
            torus_max_names 10;
            torus_max_stats 2;
        }
        location /read/ { torus_query on; torus_insert on; }
    }
END
$nginx->start;

sub insert {
    my ($lines) = @_;
    my ($status) = $nginx->post('/torus/insert', $lines,
                                headers => { 'Content-Type' => 'text/plain' });
    is($status, 200, 'stored');
}

sub del {
    my ($args, $where) = @_;
    my ($status, $text) = $nginx->post(($where // '/torus') . '/delete', $args,
        headers => { 'Content-Type' => 'application/x-www-form-urlencoded' });
    return ($status, eval { $json->decode($text) } // $text);
}

# Names of keys without the buckets, of both databases.
sub held {
    my %names;
    for my $db (0, 1) {
        for my $key (keys %{$redis->dump($db)}) {
            next if $key =~ /^torus:/;
            (my $name = "$db/$key") =~ s/:\w+:\d+(?::\d+)?\z//;
            $names{$name}++;
        }
    }
    return \%names;
}

my @foreign = ('b.x:minutes:1', 'b.x', 'x:b.x:minute:28333333',
               'b.x:minute:28333333:7', 'b.x:day:01', 'a.b:minute:28333333',
               'q:b.x:minute:28333333');

sub fill {
    $redis->cmd('FLUSHALL');
    insert("b.x 1\nb.x 1 1699000000\nb.xy 1\nb.[x] 1\na.b 1\na* 1\n");
    $redis->cmd(SET => $_ => 'foreign') for @foreign;
}

# keys each point has: bare 1 + 2, p 1, q 1
fill();
my $all = held();

my ($status, $answer) = del('stat=b.x&dry_run=1');
is($status, 200, 'a dry run');
is_deeply($answer, { would_delete => { stats => 1, keys => 10 },
                     names => [ 'b.x' ] }, 'tells what would go');
is_deeply(held(), $all, 'and nothing went');

($status, $answer) = del('stat=b.x');
is_deeply([$status, $answer], [200, { deleted => { stats => 1, keys => 10 } }],
          'the same for good, resolution keys too');
my $left = held();
ok(!$left->{$_}, "$_ is gone") for '0/p:b.x', '1/q:b.x';
is($left->{'0/b.xy'}, 3, 'a name that begins alike is still there');
is($redis->cmd(EXISTS => @foreign), 7, 'so is what is no key of ours');
is_deeply([del('stat=b.x')], [200, { deleted => { stats => 0, keys => 0 } }],
          'again: nothing to do');

($status, $answer) = del('stat=b.%5bx%5d');
is_deeply($answer, { deleted => { stats => 1, keys => 5 } },
          'characters of globs in names are literal');
($status, $answer) = del('stat=a*');
is_deeply($answer, { deleted => { stats => 1, keys => 2 } }, 'a star too');
ok(held()->{'0/p:a.b'}, 'a.b was not meant');

fill();
($status, $answer) = del('stat=b.x&schema=bare');
is_deeply($answer, { deleted => { stats => 1, keys => 6 } }, 'of one schema');
is(held()->{'0/p:b.x'}, 2, 'the others keep theirs');

($status, $answer) = del('match=b.*&pretty=1');
is_deeply($answer, { deleted => { stats => 3, keys => 14 } },
          'all that match a pattern, in both databases');
ok(!(grep { /b\.(?!x\z)/ } keys %{held()}), 'all are gone');
ok(held()->{'0/p:a.b'}, 'but those that do not');

is_deeply([del('stat=b.xy&stat=a.b&dry_run=on')],
          [200, { would_delete => { stats => 1, keys => 1 },
                  names => [ 'a.b' ] } ], 'several');

# faults

for (['', 400, 'stat'], ['stat=a&match=b', 400, 'match'],
     ['match=~x', 400, 'match'], ['match=[', 400, 'match'],
     ['stat=a&dry_run=maybe', 400, 'dry_run'],
     ['stat=a&schema=nope', 404, 'nope'])
{
    my ($args, $want, $word) = @$_;
    ($status, $answer) = del($args);
    is($status, $want, "\"$args\": $want");
    like($answer->{error}, qr/\Q$word\E/, "\"$args\": says why");
}

my ($code, $body, $headers) = $nginx->get('/torus/delete?stat=b.x');
is($code, 405, 'GET is not allowed');
is($headers->{allow}, 'POST', 'what is');
is((del('stat=b.x', '/read'))[0], 403, 'not open without torus_delete');

# limits

insert(join '', map { "b.n$_ 1\n" } 1 .. 50);
is((del('stat=a&stat=b&stat=c', '/few'))[0], 413, 'too many stats');
($status, $answer) = del('match=b.n*&dry_run=1', '/few');
is($status, 413, 'too many names');
like($answer->{error}, qr/more than 10 names/, 'says how many');

# after a deletion a key that comes again has an expiry again: none here, but
# the point is stored

del('stat=b.x');
insert("b.x 4\n");
is($redis->cmd(GET => 'b.x:minute:28333333'), 4, 'the name can come again');

# many keys: in slices, others are answered meanwhile

insert(join '', map { my $s = $_; map { "b.m$s 1 " . (1700000000 - 60 * $_)
                                        . "\n" } 0 .. 199 } 1 .. 300);
my $pid = fork // die;
if (!$pid) {
    my ($s, $a) = del('match=b.m*');
    my $fine = $s == 200 && $a->{deleted}{stats} == 300;
    POSIX::_exit($fine ? 0 : 1);
}

my ($n, $worst) = (0, 0);
while (waitpid($pid, POSIX::WNOHANG()) == 0) {
    my $t = time;
    my ($s) = $nginx->get('/torus/series?stat=b.x&steps=1');
    last if $s != 200;
    $t = time - $t;
    $worst = $t if $t > $worst;
    $n++;
}
is($? >> 8, 0, '60,000 points of 300 stats go');
cmp_ok($n, '>=', 1, "queries meanwhile: $n");
cmp_ok($worst, '<', 1, sprintf('the slowest took %.0f ms', $worst * 1000));
is_deeply([del('match=b.m*&dry_run=1')],
          [200, { would_delete => { stats => 0, keys => 0 }, names => [] }],
          'none is left');

# Redis says no, or is away

insert("b.x 1\n");
$redis->cmd(qw( ACL SETUSER default -unlink ));
($status, $answer) = del('stat=b.x');
is($status, 503, 'Redis does not permit it');
unlike($answer->{error} // 'undefined', qr/^undefined$/, 'said as JSON');
$redis->cmd(qw( ACL SETUSER default +unlink ));
$redis->stop_server;
is((del('stat=b.x'))[0], 503, 'Redis is away');

ok($nginx->stop, 'nginx leaves');
unlike($nginx->log_text, qr/\[(?:alert|emerg|crit)\]/, 'and says nothing bad');

done_testing();
