# The packed layout beside that of kairos: an interval of each in every schema,
# so that each point is stored in both; then all answers are the same.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Torus::Clock;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( wait_for );

my $now = 1700000000;         # 22:13:20, in hour 472222, minute 28333333
my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my $clock = Torus::Clock->new;

$clock->freeze($now);

my $redis = Torus::Redis->start(clock => $clock);
my $nginx = Torus::Nginx->new(clock => $clock);
my ($karbon, $port) = ($nginx->karbon_port, $nginx->port);
my @types = qw( count gauge histogram series set );

# each layout is a schema of its own, since properties and listings are told
# by schema; and an interval in both, since answers are told by interval
my %schemas;

for my $layout (qw( kairos packed )) {
    for my $type (@types) {
        $schemas{"$type-$layout"} = {
            type => $type, match => "$type.**", prefix => $layout,
            host => '127.0.0.1:' . $redis->port . '/0',
            intervals => {
                hour => { step => 3600, steps => 4, resolution => 60,
                          layout => $layout },
                month => { step => 'monthly', resolution => 'daily',
                           layout => $layout },
            },
        };
    }
}

$nginx->file('schema.json', $json->encode({ TIMESERIES => \%schemas }));
$nginx->conf(<<END . $nginx->http_block(<<END2));
stream {
    karbon_schema schema.json;
    server { listen 127.0.0.1:$karbon; karbon on; }
}
END
    torus_schema schema.json;
    server {
        listen 127.0.0.1:$port;
        location / {
            torus_query on;
            torus_insert on;
            torus_delete on;
            torus_explain on;
        }
    }
END2
$nginx->start;

store();
in_redis();
alike();
explained();
deleted();
changed();

$nginx->stop;
unlike($nginx->log_text, qr/\[(?:error|crit|alert|emerg)\](?!.*WRONGTYPE)/,
       'nothing in the log');

done_testing();


# Half of it by Carbon, half by /insert: over four hours, late ones too.
sub store {
    my ($x, @lines) = (1);

    for my $i (0 .. 1499) {
        $x = ($x * 1103515245 + 12345) % 2**31;

        my $type = $types[$i % 5];
        my $value = $x % 13 == 0 ? $x % 100 / 8 : ($x >> 8) % 40;
        my $ts = $now - ($x >> 4) % ($i % 9 == 0 ? 3_000_000 : 13_000);

        push @lines, "$type." . qw( a b )[$x >> 16 & 1] . " $value $ts\n";
    }

    # one after the other: two connections have no order between them

    Torus::Nginx::carbon($karbon, join '', @lines[0 .. 749]);
    is(series(150), 150, 'half of it is stored');

    my ($status, $body) = $nginx->post('/insert', join('', @lines[750 .. 1499]),
        headers => { 'Content-Type' => 'text/plain' });

    is($status, 200, 'inserted');
    is($json->decode($body)->{stored}, 750, 'all of them');

    is(series(300), 300, 'all is stored');
}


# How many values of series there are, once there are so many.
sub series {
    my ($want) = @_;
    my $n;

    wait_for(sub {
        my @keys = grep { /^(?:kairos:series\..:month:\d+:|packed:series\..:month)/ }
                   @{$redis->cmd(KEYS => '*')};
        $n = 0;
        $n += $_ for $redis->pipeline(map { [ LLEN => $_ ] } @keys);
        return $n == 2 * $want;
    }, 10);

    return $n / 2;
}


# A key for each bucket, which expires with its bucket.
sub in_redis {
    my $dump = $redis->dump;
    my @packed = sort grep { /^packed:/ } keys %$dump;
    my @deep = grep { /:(?:hour|month):\d+:/ } @packed;
    my (%types, @wrong);

    cmp_ok(scalar @packed, '>', 20, @packed . ' packed keys');
    is("@deep", '', 'none of them of a resolution bucket');

    for my $key (@packed) {
        my ($type, $interval, $bucket) = $key =~ /^packed:(\w+)\.\w:(\w+):(\d+)/;
        my $want = $interval eq 'month' ? 0 : ($bucket + 5) * 3600;

        $types{$type}{$dump->{$key}[0]}++;
        push @wrong, $key if ($dump->{$key}[2] // 0) != $want;
    }

    is("@wrong", '', 'each expires when its bucket says');
    is_deeply({ map { $_ => join ' ', keys %{$types{$_}} } keys %types },
              { count => 'hash', gauge => 'hash', histogram => 'hash',
                series => 'list', set => 'set' }, 'a type of Redis for each');

    my @places = sort { $a <=> $b }
                 map { keys %{$dump->{$_}[1]} } grep { /:gauge\..:hour:/ } @packed;
    cmp_ok($places[-1], '<', 60, 'places of an hour end with 59');
    cmp_ok($places[0], '>=', 0, '.. and begin with 0');
}


sub alike {
    my @queries = (
        'series?stat=%s.a', 'series?stat=%s.a&format=json',
        'series?stat=%s.a&format=csv', 'series?stat=%s.a&format=json&condense=1',
        'series?stat=%s.a&collapse=1', 'series?stat=%s.a,%s.b&format=json',
        'series?stat=sum(%s.a,%s.b)', 'series?stat=max(%s.b)&format=json',
        'series?stat=%s.a&fill=linear&steps=9',
        'series?stat=%s.a&fill=previous&steps=9',
        'series?stat=%s.a&start=-90min&end=-80min&format=json',
        'series?stat=%s.a&interval=month&steps=2&format=json',
        'series?stat=%s.b&interval=month&steps=2',
        'properties?stat=%s.a&stat=%s.b', 'list?match=%s.*',
    );
    my @targets = (
        '%s.a', '%s.*', 'sumSeries(%s.*)', 'summarize(%s.a,"10min","max")',
        'interval(%s.a,"month")', 'percentile(%s.*,95)', 'movingAverage(%s.b,5)',
    );

    for my $type (@types) {
        for my $query (@queries) {
            same($type, sub { "/$query&schema=$type-$_[0]" }, $query);
        }

        for my $target (@targets) {
            my $t = $target =~ s/(%s\.\S)/schema($1,"%L")/r;

            for my $more ('from=-3h', 'from=-3h&maxDataPoints=11',
                          'from=-100min&until=-95min&format=csv')
            {
                same($type, sub {
                    '/render?target=' . $t =~ s/%L/$type-$_[0]/r
                    . '&format=json&' . $more;
                }, "render?target=$target&$more");
            }
        }
    }
}


sub same {
    my ($type, $uri, $what) = @_;
    my (@status, @body);

    for my $layout (qw( kairos packed )) {
        my ($status, $body) = $nginx->get($uri->($layout) =~ s/%s/$type/gr
                                          =~ s/"/%22/gr);
        push @status, $status;
        push @body, $body =~ s/-(?:kairos|packed)\b//gr;
    }

    is($status[1], $status[0], "$type: $what: $status[0]");
    is($body[1], $body[0], "$type: $what: the same");
}


sub explained {
    my (undef, $body) = $nginx->get('/explain?stat=count.x&value=2');
    my ($packed) = grep { $_->{schema} eq 'count-packed' }
                   @{$json->decode($body)->{schemas}};

    my ($hour) = grep { $_->{interval} eq 'hour' } @{$packed->{intervals}};

    is($hour->{layout}, 'packed', 'explained: the layout');
    is($hour->{keys}[0]{value_key}, 'packed:count.x:hour:472222',
       'explained: the key');
    is($hour->{keys}[0]{place}, 13, 'explained: the place');
    cmp_ok($hour->{bytes}, '<', 4096, "explained: $hour->{bytes} bytes");

    my @hash = grep { $_->[0] eq 'HINCRBY' && $_->[1] =~ /hour/ }
               @{$packed->{commands}};
    is_deeply(\@hash, [ [ 'HINCRBY', 'packed:count.x:hour:472222', '13',
                          '2' ] ], 'explained: the command');
}


# What is deleted comes back with its expiry, with the next point.
sub deleted {
    my $key = 'packed:gauge.a:hour:472222';

    my (undef, $body) = $nginx->post('/delete', 'match=gauge.*&schema=gauge-packed',
        headers => { 'Content-Type' => 'application/x-www-form-urlencoded' });
    is($json->decode($body)->{deleted}{stats}, 2, 'two stats are deleted');
    is_deeply([ grep { /^packed:gauge/ } @{$redis->cmd(KEYS => '*')} ], [],
              '.. and all their keys');

    my @kairos = grep { /^kairos:gauge/ } @{$redis->cmd(KEYS => '*')};
    cmp_ok(scalar @kairos, '>', 0, '.. but not those of the other schema');

    Torus::Nginx::carbon($karbon, "gauge.a 5 $now\n");
    ok(wait_for(sub { ($redis->cmd(HGET => $key, 13) // '') eq '5' }, 5),
       'a point comes after it');
    ok(wait_for(sub { $redis->cmd(EXPIRETIME => $key) == 472227 * 3600 }, 5),
       '.. and the key expires again');

    ($body) = ($nginx->post('/reindex', 'fresh=1', headers =>
        { 'Content-Type' => 'application/x-www-form-urlencoded' }))[1];
    like($body, qr/"reindexed":\{"keys":\d+/, 'reindexed');

    ($body) = ($nginx->get('/metrics/find?query=*.*&format=completer'))[1];
    is(join(' ', sort map { $_->{path} } @{$json->decode($body)->{metrics}}),
       join(' ', map { ("$_.a", "$_.b") } @types), '.. finds all names');
}


# Keys of the other layout are no fault of a query, and are told by a writer.
sub changed {
    my $key = 'packed:count.old:hour:472222';

    $redis->cmd(SADD => $key, 28333333);
    $redis->cmd(SET => "$key:28333333", 7);

    my ($status, $body) = $nginx->get('/series?stat=count.old&steps=1'
                                      . '&schema=count-packed');
    is($status, 200, 'a key of the layout of kairos is no fault');
    is_deeply($json->decode($body)->[0]{datapoints}, [ [ undef, 1699999200 ] ],
              '.. it holds nothing');

    Torus::Nginx::carbon($karbon, "count.old 5 $now\n");
    ok(wait_for(sub { $nginx->log_text =~ /\Q$key\E.*WRONGTYPE/ }, 5),
       '.. and cannot be written, as the log says');
}
