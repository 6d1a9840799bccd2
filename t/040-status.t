# torus_status: points of every outcome, each in the counter that is its own;
# both identities at a quiet moment, over reloads, with several workers, with
# Redis away, and when a worker is killed; who may ask, and in what format.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Torus::Clock;
use Torus::Karbon;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( wait_for free_port slurp temp_dir );

my $now = 1700000000;
my %form = (headers => {
    'Content-Type' => 'application/x-www-form-urlencoded' });
my $json = JSON::PP->new->canonical;
my $clock = Torus::Clock->new;

$clock->freeze($now);

outcomes();
workers();
away();
killed();
blocked();
expiries();
formats();
places();
faults();

done_testing();


# An nginx with both modules around what a test needs.
sub start {
    my (%o) = @_;
    my $nginx = Torus::Nginx->new(clock => $clock);
    my ($karbon, $http) = ($nginx->karbon_port, $nginx->port);
    my $stream = $o{stream} // '';
    my $workers = $o{workers} // 1;

    $nginx->file('schema.json', schema($o{host}));

    $nginx->conf(<<END . $nginx->http_block(<<END2));
worker_processes $workers;
worker_shutdown_timeout 10s;
stream {
    karbon_schema schema.json;
    karbon_future 60;
    $stream
    server { listen 127.0.0.1:$karbon reuseport; karbon on;
             karbon_path_max 100; }
}
END
    torus_schema schema.json;
    server {
        listen 127.0.0.1:$http;
        location /torus/ { torus_query on; torus_insert on; }
        location /status { torus_status on; }
        location = /metrics { torus_status prometheus; }
        @{[ $o{locations} // '' ]}
    }
END2

    return $nginx->start;
}

sub schema {
    my ($host) = @_;

    return <<END;
{ "TIMESERIES": {
    "c": { "type": "count", "host": "$host", "match": "c.**", "intervals": {
           "minute": { "step": 60, "steps": 100 },
           "hour": { "step": 3600, "steps": 10, "resolution": 60 } } },
    "g": { "type": "gauge", "host": "$host", "match": "g.**", "rolling": 1,
           "intervals": { "gmin": { "step": 60, "steps": 100 } } },
    "s": { "type": "series", "host": "$host", "match": "s.**",
           "intervals": { "smin": { "step": 60, "steps": 100 } } },
    "h": { "type": "histogram", "host": "$host", "match": ["h.**", "u.h.*"],
           "intervals": { "hmin": { "step": 60, "steps": 100 } } },
    "u": { "type": "set", "host": "$host", "match": "u.**",
           "write_func": "string", "read_func": "string",
           "intervals": { "umin": { "step": 60, "steps": 100 } } },
    "t": { "type": "series", "host": "$host", "match": "t.**",
           "write_func": "string", "read_func": "string",
           "transform": { "drop": "v == \\"away\\"" },
           "intervals": { "tmin": { "step": 60, "steps": 100 } } }
  },
  "AGGREGATES": [ [ "c.all", "c.x.*" ] ] }
END
}

sub status {
    my ($nginx) = @_;
    my ($status, $body) = $nginx->get('/status');

    die "status: $status $body\n" if $status != 200;

    return decode_json($body);
}

# Until nothing waits and nothing happens: a worker tells what it has at the
# end of a turn, so that a page may come in between.
sub quiet {
    my ($nginx, $waits) = @_;
    my $before = '';
    my $same = 0;
    my $s;

    wait_for(sub {
        $s = status($nginx);

        my $now = $json->encode([ @$s{qw( points operations )} ]);

        $same = $now eq $before ? $same + 1 : 0;
        $before = $now;
        select undef, undef, undef, 0.02;

        return $same >= 2
               && ($waits || $s->{operations}{queued}
                             + $s->{operations}{in_flight} == 0);
    }, 10);

    return $s;
}

sub sum {
    my $sum = 0;
    $sum += $_ for @_;
    return $sum;
}

# Two tests.
sub adds_up {
    my ($s, $when) = @_;
    my ($p, $o) = @$s{qw( points operations )};

    is($p->{received},
       sum(values %{$p->{refused}},
           @$p{qw( unmatched transformed_away accepted )}),
       "$when: received points add up");
    is($o->{made},
       sum(@$o{qw( applied expired failed dropped lost_by_crash queued
                   in_flight )}), "$when: operations add up");
}

# Line, what it becomes, operations it makes, those out of retention.
sub outcomes {
    my $old = $now - 1000000;
    my $redis = Torus::Redis->start(clock => $clock);
    my ($past, $new, $pickle, $udp) = map { free_port() } 1 .. 4;
    my $nginx = start(host => '127.0.0.1:' . $redis->port . '/0',
                      stream => <<END);
    server { listen 127.0.0.1:$past; karbon on; karbon_past 1h; }
    server { listen 127.0.0.1:$new; karbon on; karbon_new_stats 1; }
    server { listen 127.0.0.1:$pickle; karbon on; karbon_protocol pickle; }
    server { listen 127.0.0.1:$udp udp; karbon on; }
END
    my @lines = (
        [ 'c.a 1',              'accepted',         2, 0, 'c' ],
        [ 'c.a 2',              'accepted',         2, 0, 'c' ],
        [ 'c.x.a 3',            'accepted',         4, 0, 'c' ],
        [ "c.a 1 $old",         'accepted',         2, 2, 'c' ],
        [ 'g.a 5',              'accepted',         2, 0, 'g' ],
        [ 's.a 1.5',            'accepted',         1, 0, 's' ],
        [ "s.a 1.5 $old",       'accepted',         1, 1, 's' ],
        [ 'h.a 7',              'accepted',         1, 0, 'h' ],
        [ 'u.a hello world 1700000000', 'accepted', 1, 0, 'u' ],
        [ 'u.h.a text',         'accepted',         1, 0, 'u', 'h' ],
        [ 't.a here',           'accepted',         1, 0, 't' ],
        [ 't.a away',           'transformed_away', 0, 0 ],
        [ 'foo.bar 1',          'unmatched',        0, 0 ],
        [ 'foo.bar 2',          'unmatched',        0, 0 ],
        [ 'foo.baz 2',          'unmatched',        0, 0 ],
        [ 'c.a one',            'bad_value',        0, 0, '', 'c' ],
        [ 'nonsense',           'bad_line',         0, 0 ],
        [ "c.\001 1",           'bad_path',         0, 0 ],
        [ 'c.' . 'a' x 100 . ' 1', 'bad_length',    0, 0 ],
        [ 'c.a 1 999999999999', 'bad_timestamp',    0, 0 ],
        [ 'c.a inf',            'bad_infinity',     0, 0, '', 'c' ],
        [ 'c.a nan',            'nan',              0, 0, '', 'c' ],
        [ 'c.a 1 1700000100',   'future',           0, 0 ],
    );

    # Redis refuses one of the two operations of this
    $redis->cmd(RPUSH => 'c.wrong:minute:28333333', 'a list');
    push @lines, [ 'c.wrong 1', 'accepted', 2, 0, 'c' ];

    Torus::Nginx::carbon($nginx->karbon_port,
                         join '', map { "$_->[0]\n" } @lines);

    Torus::Nginx::carbon($past, "c.a 1 $old\n");
    Torus::Nginx::carbon($new, "c.n1 1\nc.n2 1\n");
    Torus::Nginx::carbon($pickle, pack('N', 3) . 'abc');

    push @lines, [ '', 'past', 0, 0 ], [ '', 'accepted', 2, 0, 'c' ],
        [ '', 'new_stats', 0, 0 ], [ '', 'bad_frame', 0, 0 ];

    my $fh = IO::Socket::INET->new(PeerAddr => '127.0.0.1', Proto => 'udp',
                                   PeerPort => $udp);
    $fh->send("c.a 5\nnonsense\n");
    push @lines, [ '', 'accepted', 2, 0, 'c' ], [ '', 'bad_line', 0, 0 ];

    my ($code, $body) = $nginx->post('/torus/insert',
        "stat=c.a&value=5&stat=c.a&value=x&stat=none&value=1", %form);
    is($code, 200, "inserted: $body");
    push @lines, [ '', 'accepted', 2, 0, 'c' ],
        [ '', 'bad_value', 0, 0, '', 'c' ], [ '', 'unmatched', 0, 0 ];

    my $s;
    wait_for(sub { $s = quiet($nginx);
                   $s->{points}{received} >= @lines }, 5);

    is($s->{points}{received}, scalar @lines, 'each point is received once');

    my (%want, %schema);
    for my $line (@lines) {
        my ($text, $outcome, $made, $expired, $taken, $skipped) = @$line;
        $want{$outcome}++;
        $want{made} += $made;
        $want{expired} += $expired;
        $schema{$taken}{operations} += $made if $taken;
        $schema{$taken}{points}++ if $taken;
        $schema{$skipped}{values_skipped}++ if $skipped;
    }

    # "c.x.a" is stored under its own name and that of the aggregate
    $schema{c}{points}++;

    is_deeply({ %{$s->{points}{refused}} }, {
        (map { $_ => $want{$_} // 0 } keys %{$s->{points}{refused}})
    }, 'what was refused, by reason');
    is(scalar(grep { !$want{$_} } keys %{$s->{points}{refused}}), 1,
       'and every reason but a full queue has been shown');

    is($s->{points}{$_}, $want{$_}, "points: $_")
        for qw( unmatched transformed_away accepted );
    is($s->{operations}{$_}, $want{$_}, "operations: $_")
        for qw( made expired );
    is($s->{operations}{failed}, 1, 'operations: failed');
    is($s->{operations}{values_skipped}, 1, 'one schema could not take it');
    is($s->{redis}{errors}, 1, 'an error of Redis');
    adds_up($s, 'each outcome');

    for my $name (qw( c g s h u t )) {
        is_deeply($s->{schemas}{$name}, {
            points => 0, operations => 0, values_skipped => 0,
            %{$schema{$name} // {}}
        }, "schema $name");
    }

    my $host = $s->{hosts}{'127.0.0.1:' . $redis->port . '/0'};
    is_deeply([ @$host{qw( writers ready queued in_flight blocked lag_ms )} ],
              [ 2, 2, 0, 0, 0, 0 ], 'the host: a writer of each module');
    is_deeply($s->{workers}, { karbon => 1, torus => 1 }, 'one worker');
    ok($s->{route_cache}{hits} > 0 && $s->{route_cache}{entries} > 0,
       'the route cache');
    is($s->{route_cache}{hits} + $s->{route_cache}{misses},
       $s->{points}{received}
       - sum(map { $s->{points}{refused}{$_} // 0 } qw( bad_line bad_path
             bad_length bad_timestamp future past new_stats bad_frame )),
       'each point that has a name and a time asks it');
    is($s->{since}, $now, 'since when');

    my $began = status($nginx)->{turns}{begin}{total};

    $nginx->get('/torus/series?stat=c.a');
    my ($q) = status($nginx)->{queries};
    is($q->{total}, 1, 'a query');
    ok($q->{points} >= 100 && $q->{rows} >= 1, 'its points and rows');

    my $turns = status($nginx)->{turns};
    is($turns->{begin}{total}, $began + 1, 'it took a turn to begin');
    ok($turns->{redis}{total} >= 1, 'and one for what Redis said');
    ok($turns->{$_}{longest_us} <= $turns->{$_}{time_us},
       "the longest of $_ is one of all") for sort keys %$turns;

    ($code, $body) = $nginx->get('/status/unmatched');
    is($code, 200, 'unmatched names');
    is_deeply(decode_json($body), { points => 4, names => [
        { name => 'foo.bar', count => 2, last_seen => $now },
        { name => 'foo.baz', count => 1, last_seen => $now },
        { name => 'none', count => 1, last_seen => $now },
    ] }, 'the most frequent first');

    ok($nginx->reload, 'reload');

    # the old workers have gone, their slots are in the totals
    my $after = quiet($nginx);
    is_deeply($after->{points}, $s->{points}, 'points survive a reload');
    is_deeply($after->{operations}, $s->{operations},
              'operations survive a reload');
    is_deeply($after->{schemas}, $s->{schemas},
              'schemas survive a reload');
    is($after->{since}, $now, 'since when survives a reload');
    is($after->{route_cache}{entries}, 0, 'the cache does not');
    is($after->{route_cache}{hits}, $s->{route_cache}{hits}, '.. its hits do');
    is_deeply($after->{workers}, { karbon => 1, torus => 1 }, 'one worker');
    adds_up($after, 'after a reload');

    my ($code2, $body2) = $nginx->get('/status/unmatched');
    is($body2, $body, 'unmatched names survive a reload');

    my ($metrics) = promtool($nginx);
    like($metrics, qr/^torus_points_refused_total\{reason="future"\} 1$/m,
         'Prometheus: a reason');
    like($metrics, qr/^torus_schema_points_total\{schema="g"\} 1$/m,
         'Prometheus: a schema');

    ok($nginx->stop, 'it leaves');
    unlike($nginx->log_text, qr/\[(alert|crit|emerg)\]/, 'a quiet log');
    $redis->stop_server;
}

# With Debian's "prometheus" installed, or PROMTOOL naming one.
sub promtool {
    my ($nginx) = @_;
    my ($code, $metrics, $headers) = $nginx->get('/metrics');
    my ($tool) = grep { defined && -x }
                 ($ENV{PROMTOOL}, map { "$_/promtool" } split /:/, $ENV{PATH});

    is($code, 200, 'metrics');
    is($headers->{'content-type'},
       'text/plain; version=0.0.4; charset=utf-8', 'of their type');

    SKIP: {
        skip 'no promtool: Debian has it in "prometheus"', 1 if !$tool;

        my $file = temp_dir() . '/metrics';
        Torus::Util::spew($file, $metrics);
        my $said = `$tool check metrics < $file 2>&1`;
        is($? . $said, '0', 'promtool finds no fault');
    }

    return $metrics;
}

# Points through three workers, over reloads, each counted once.
sub workers {
    my $redis = Torus::Redis->start(clock => $clock);
    my $nginx = start(host => '127.0.0.1:' . $redis->port . '/0',
                      workers => 3);
    my $sent = 0;

    for my $round (1 .. 3) {
        for my $i (1 .. 30) {
            Torus::Nginx::carbon($nginx->karbon_port,
                                 "c.a 1\ng.a 2\nbad\nnone.$i 1\n" x 5);
            $sent += 20;
        }

        if ($round == 2) {
            $nginx->post('/torus/insert', "stat=c.a&value=1", %form)
                for 1 .. 10;
            $sent += 10;
        }

        my $s = quiet($nginx);
        is($s->{points}{received}, $sent, "round $round: all received");
        is_deeply($s->{workers}, { karbon => 3, torus => 3 },
                  "round $round: three workers");
        adds_up($s, "round $round");

        my ($host) = values %{$s->{hosts}};
        is_deeply([ @$host{qw( writers ready )} ], [ 6, 6 ],
                  "round $round: all writers are there");

        ok($nginx->reload, "reload $round");
    }

    my $s = quiet($nginx);
    is($s->{operations}{applied}, 3 * 30 * 5 * 4 + 10 * 2,
       'all of it was applied');
    is($redis->cmd(GET => 'c.a:minute:28333333'), 3 * 30 * 5 + 10,
       '.. and is in Redis');
    adds_up($s, 'after three reloads');

    my ($code, $body) = $nginx->get('/status/unmatched');
    my $names = decode_json($body)->{names};
    is(sum(map { $_->{count} } @$names), 3 * 30 * 5,
       'unmatched names of all workers, those that have left too');
    is(scalar @$names, 30, 'each once');

    $nginx->stop;
    $redis->stop_server;
}

# Redis is away: what waits is seen, and for how long.
sub away {
    my $redis = Torus::Redis->start(clock => $clock);
    my $name = '127.0.0.1:' . $redis->port . '/0';
    my $nginx = start(host => $name);

    wait_for(sub { status($nginx)->{hosts}{$name}{ready} == 2 }, 5);
    $redis->stop_server;

    Torus::Nginx::carbon($nginx->karbon_port, "s.a 1\n" x 100 . "s.b 1\n");

    my $s;
    wait_for(sub { $s = status($nginx);
                   $s->{hosts}{$name}{ready} == 0
                   && $s->{hosts}{$name}{lag_ms} > 300 }, 5);

    my $host = $s->{hosts}{$name};
    is($host->{ready}, 0, 'away: no writer is ready');
    is($host->{writers}, 2, 'away: there are two');
    is($s->{operations}{queued} + $s->{operations}{in_flight}, 101,
       'away: all operations wait');
    ok($host->{queue_bytes} > 0
       && $host->{queue_bytes} < $host->{queue_bytes_max}, 'away: memory');
    ok($host->{lag_ms} > 300, "away: the lag grows, $host->{lag_ms} ms");
    adds_up($s, 'away');

    $redis->run;
    wait_for(sub { status($nginx)->{hosts}{$name}{ready} == 2 }, 10);

    $s = quiet($nginx);
    is($s->{hosts}{$name}{lag_ms}, 0, 'back: no lag');
    is($s->{hosts}{$name}{queue_bytes}, 0, 'back: no memory');
    is($s->{hosts}{$name}{connects}, 4, 'back: connects');
    is($s->{operations}{applied}, 101, 'back: all is applied');
    adds_up($s, 'back');

    $nginx->stop;
    $redis->stop_server;
}

# SIGKILL: what the worker held is lost, and the page says how much.
sub killed {
    my $redis = Torus::Redis->start(clock => $clock);
    my $name = '127.0.0.1:' . $redis->port . '/0';
    my $nginx = start(host => $name);

    Torus::Nginx::carbon($nginx->karbon_port, "c.a 1\n" x 10);
    is(quiet($nginx)->{operations}{applied}, 20, 'killed: some is stored');

    $redis->pause;

    Torus::Nginx::carbon($nginx->karbon_port, "s.a 1\n" x 50);

    my $s;
    wait_for(sub { $s = status($nginx); $s->{operations}{made} == 70 }, 5);
    $s = quiet($nginx, 'Redis does not answer');
    is($s->{operations}{queued} + $s->{operations}{in_flight}, 50,
       'killed: some is not');
    adds_up($s, 'killed, before');

    my ($worker) = $nginx->workers;
    kill 'KILL', $worker;
    wait_for(sub { my @w = $nginx->workers; @w == 1 && $w[0] != $worker }, 5);

    $s = status($nginx);
    is($s->{operations}{lost_by_crash}, 50, 'killed: what it held is lost');
    is($s->{operations}{queued} + $s->{operations}{in_flight}, 0,
       'killed: nothing waits any more');
    is_deeply($s->{workers}, { karbon => 1, torus => 1 },
              'killed: another worker');
    adds_up($s, 'killed');
    like($nginx->log_text, qr/worker process $worker was killed, 50 /,
         'killed: the log says so');

    $redis->resume;

    Torus::Nginx::carbon($nginx->karbon_port, "c.a 1\n" x 10);
    wait_for(sub { $s = quiet($nginx);
                   $s->{operations}{applied} == 40 }, 10);
    is($s->{operations}{applied}, 40, 'killed: the next one goes on');
    is($s->{operations}{lost_by_crash}, 50, 'killed: told once');
    adds_up($s, 'killed, after');

    my $held = $redis->cmd(LLEN => 's.a:smin:28333333');
    ok($held <= 50, "killed: of 50 that were queued Redis has $held");

    $nginx->stop;
    $redis->stop_server;
}

# A full queue stops its clients, who are counted.
sub blocked {
    my $redis = Torus::Redis->start(clock => $clock);
    my $name = '127.0.0.1:' . $redis->port . '/0';
    my $nginx = start(host => $name, stream => 'karbon_redis_queue 64k;');
    my $lines = join '', map { "s.$_ 1\n" } 1 .. 2000;

    wait_for(sub { status($nginx)->{hosts}{$name}{ready} == 2 }, 5);
    $redis->pause;

    my @fh = map { Torus::Nginx::connect_to($nginx->karbon_port) } 1 .. 3;
    syswrite $_, $lines for @fh;

    my $s;
    ok(wait_for(sub { $s = status($nginx);
                      $s->{hosts}{$name}{blocked} == 3 }, 5),
       'blocked: three sessions wait');
    $s = quiet($nginx, 'Redis does not answer');
    ok($s->{points}{received} < 6000, 'blocked: not all is read');
    adds_up($s, 'blocked');

    # one that leaves does not wait any more
    close pop @fh;

    $redis->resume;
    close $_ for @fh;

    ok(wait_for(sub { $s = status($nginx);
                      $s->{operations}{applied} == 6000 }, 10),
       'blocked: all arrives');
    is($s->{hosts}{$name}{blocked}, 0, 'blocked: nobody waits');
    adds_up($s, 'blocked, after');

    $nginx->stop;
    $redis->stop_server;
}

# A new field perhaps is the first of a new key: its expiry comes again.
sub expiries {
    my $redis = Torus::Redis->start(clock => $clock);
    my $name = '127.0.0.1:' . $redis->port . '/0';
    my $nginx = start(host => $name);
    my $key = 'h.a:hmin:28333333';
    my $fields = 0;
    my ($host, $metrics);

    my $send = sub {
        Torus::Nginx::carbon($nginx->karbon_port, 'h.a ' . $fields++ . "\n");
        $host = quiet($nginx)->{hosts}{$name};
    };

    $send->();
    is_deeply([ @$host{qw( expiries_unsure expiries_put_off )} ], [ 0, 0 ],
              'expiries: the first field brings it along');

    my $expiry = $redis->cmd(TTL => $key);
    ok($expiry > 0, 'expiries: it is there') or diag($expiry);
    is($redis->cmd(PERSIST => $key), 1, 'expiries: somebody takes it away');

    # once a second it is sent, and the page may come when that is over
    ok(wait_for(sub { $send->(); $host->{expiries_unsure} == 1 }, 10),
       'expiries: a further field, one key');

    ok(wait_for(sub {
        $host = status($nginx)->{hosts}{$name};
        $host->{expiries_unsure} == 0;
    }, 10), 'expiries: none in a while');
    ok($host->{expiries_put_off} >= 1 && $host->{expiries_put_off} < $fields,
       'expiries: how many there were');
    ok(wait_for(sub { $redis->cmd(TTL => $key) == $expiry }, 5),
       'expiries: it is there again');

    (undef, $metrics) = $nginx->get('/metrics');
    like($metrics, qr/^torus_host_expiries_unsure\{host="\Q$name\E"\} 0$/m,
         'expiries: Prometheus, now');
    like($metrics, qr/^torus_host_expiries_put_off_total\{host="\Q$name\E"\}
                      \ $host->{expiries_put_off}$/mx,
         'expiries: Prometheus, in all');

    $nginx->stop;
    $redis->stop_server;
}

sub formats {
    my $redis = Torus::Redis->start(clock => $clock);
    my $port = $redis->port;

    $redis->cmd(qw( CONFIG SET requirepass s3cret ));

    my $nginx = start(host => "redis://:s3cret\@127.0.0.1:$port/0");
    my $prom = 'text/plain; version=0.0.4; charset=utf-8';

    for my $case (
        [ GET    => '/status', 200, 'application/json', qr/^\{/ ],
        [ GET    => '/status/', 200, 'application/json', qr/"points": \{/ ],
        [ GET    => '/status?format=json', 200, 'application/json', qr/^\{/ ],
        [ GET    => '/status?format=prometheus', 200, $prom, qr/^# HELP/ ],
        [ GET    => '/status?a=1&format=xml', 400, 'application/json',
          qr/"json\\" or \\"prometheus/ ],
        [ GET    => '/metrics', 200, $prom, qr/^# HELP/ ],
        [ GET    => '/metrics?format=json', 200, 'application/json',
          qr/^\{/ ],
        [ GET    => '/status/unmatched', 200, 'application/json',
          qr/"names": \[\]/ ],
        [ GET    => '/status/unmatched?format=prometheus', 400,
          'application/json', qr/must be/ ],
        [ GET    => '/status/other', 404, 'application/json', qr/error/ ],
        [ GET    => '/statusses', 404, 'application/json', qr/error/ ],
        [ HEAD   => '/status', 200, 'application/json', qr/^$/ ],
        [ HEAD   => '/metrics', 200, $prom, qr/^$/ ],
        [ POST   => '/status', 405, 'application/json', qr/GET or HEAD/ ],
        [ DELETE => '/status/unmatched', 405, 'application/json', qr/error/ ],
    ) {
        my ($method, $uri, $want, $type, $pattern) = @$case;
        my ($code, $body, $headers)
            = Torus::Nginx::http($nginx->port, $method, $uri);

        is($code, $want, "$method $uri");
        is($headers->{'content-type'}, $type, '.. its type');
        like($body, $pattern, '.. its body');
        unlike($body, qr/s3cret/, '.. without a password');
        is($headers->{'cache-control'}, $want == 200 ? 'no-cache' : undef,
           '.. not to be kept');
        is($headers->{allow}, $want == 405 ? 'GET, HEAD' : undef, '.. Allow');
    }

    ok(wait_for(sub { my ($host) = values %{status($nginx)->{hosts}};
                      $host->{ready} == 2 }, 5), 'with which it connects');

    $nginx->stop;
    $redis->stop_server;
}

# Where the directive may stand; without a schema, without a stream block.
sub places {
    my $nginx = Torus::Nginx->new(clock => $clock);
    my $http = $nginx->port;
    my $dir = $nginx->dir;

    $nginx->conf($nginx->http_block(<<'END' =~ s/PORT/$http/r));
    server {
        listen 127.0.0.1:PORT;
        location / { torus_status on; }
        location = /exact { torus_status on; }
        location = /exact/unmatched { torus_status on; }
        location ~ ^/re { torus_status prometheus; }
        location /named { error_page 418 = @status; return 418; }
        location @status { torus_status on; }
        location /if { empty_gif; if ($arg_x) { torus_status on; } }
        location /cond { torus_status on;
                         if ($arg_x) { set $y 1; } }
        location /except { limit_except GET { deny all; }
                           torus_status on; }
        location /nested { torus_status on;
                           location /nested/inner { return 204; } }
        location /off { torus_status off; return 204; }
        location /ssi { ssi on; ssi_types *; root html; }
    }
END
    mkdir "$dir/html/ssi";
    Torus::Util::spew("$dir/html/ssi/page.html",
                      '[<!--# include virtual="/exact" -->]');
    $nginx->start;

    my $none = qr/"names": \[\]/;
    my $page = qr/"points": \{/;

    for my $case (
        [ '/',                  200, $page ], [ '/unmatched', 200, $none ],
        [ '/exact',             200, $page ],
        [ '/exact/unmatched',   200, $none ],
        [ '/re',                200, qr/^# HELP/ ],
        [ '/re/a/unmatched/',   200, $none ],
        [ '/named',             200, $page ],
        [ '/if',                200, qr/^GIF/ ],  [ '/if?x=1', 200, $page ],
        [ '/cond/unmatched?x=1', 200, $none ], [ '/cond/b?x=1', 404, qr// ],
        [ '/except',            200, $page ],
        [ '/nested/inner',      204, qr/^$/ ],
        [ '/nested/unmatched',  200, $none ],
        [ '/off',               204, qr/^$/ ],
        [ '/ssi/page.html',     200, qr/^\[\{.*"points": \{.*\}\n\]$/s ],
    ) {
        my ($uri, $want, $pattern) = @$case;
        my ($code, $body) = $nginx->get($uri);

        is($code, $want, "GET $uri");
        like($body, $pattern, '.. its body');
    }

    my ($code) = $nginx->post('/except', '');
    is($code, 403, 'limit_except');

    my $s = decode_json(($nginx->get('/exact'))[1]);
    is_deeply([ @$s{qw( hosts schemas workers )} ],
              [ {}, {}, { karbon => 0, torus => 0 } ],
              'nothing counts here');
    adds_up($s, 'nothing');

    ok($nginx->stop, 'it leaves');
    unlike($nginx->log_text, qr/\[(alert|crit|emerg)\]/, 'a quiet log');
}

# What "nginx -t" says.
sub faults {
    for my $case (
        [ 'torus_status maybe;', qr/invalid value "maybe" in "torus_status" directive, it must be "on",/ ],
        [ 'torus_status on; torus_status on;',
          qr/"torus_status" directive is duplicate/ ],
        [ 'torus_query on; torus_status on;',
          qr/"torus_status" directive cannot share a location with/ ],
        [ 'torus_status on; torus_query on;',
          qr/"torus_query" directive cannot share a location with/ ],
        [ 'torus_status;', qr/invalid number of arguments/ ],
    ) {
        my ($text, $pattern) = @$case;
        my $nginx = Torus::Nginx->new;

        $nginx->conf($nginx->http_block("server { location /s { $text } }"));

        my ($code, $said) = $nginx->test;
        isnt($code, 0, $text);
        like($said, $pattern, '.. says why');
    }
}
