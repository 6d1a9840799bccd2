# The limits of a server: lines, paths, idle time, points of the past, new
# names, connections; and what a bad configuration is told.

use strict;
use warnings;

use lib 't/lib';

use IO::Select;
use Test::More;
use Time::HiRes qw( sleep time );
use Torus::Karbon;
use Torus::Util qw( free_port wait_for );


lines();
past();
new_stats();
idle();
idle_blocked();
idle_leaving();
connections();
limit_conn();
faults();

done_testing();


sub lines {
    my $k = Torus::Karbon->new(server =>
                               'karbon_line_max 64; karbon_path_max 20;');

    my $path = 'c.' . 'x' x 18;
    my $line = "u.a " . 'y' x 60;

    $k->send("${path} 1\n${path}x 2\n" . "$line\n${line}y\nc.last 1\n");
    $k->is_stored("c.last:minute:28333333 string 1\n"
                  . "${path}:minute:28333333 string 1\n"
                  . "u.a:umin:28333333 set " . 'y' x 60 . "\n",
                  'paths of 20 and lines of 64 bytes, and not a byte more');
    $k->is_logged('bad carbon line \(bad_length\)', 2, 'two were too long');

    # one that never ends costs no memory and nothing behind it
    $k->flush;
    $k->send([ 'c.endless ', ('1' x 65536) x 20, "\nc.b 1\n" ], undef, 0);
    $k->is_stored("c.b:minute:28333333 string 1\n", 'a line of a megabyte');

    $k->flush;
    $k->send("c.a 1\n" . 'c.cut ' . '1' x 100);
    $k->is_stored("c.a:minute:28333333 string 1\n",
                  'a last line that is too long');

    $k->stop_ok;
}

sub past {
    my $k = Torus::Karbon->new(server => 'karbon_past 1h;');

    $k->send("c.a 1 1699996400\nc.b 1 1699996399\nc.c 1 1700000000\n");
    $k->is_stored("c.a:minute:28333273 string 1\n"
                  . "c.c:minute:28333333 string 1\n",
                  'an hour is not too old, a second more is');
    $k->is_logged('\(dropped_past\): "c.b 1 1699996399"', 1, 'and the log says so');
    is(($k->sessions)[-1], '200 3 1', 'counted with the bad ones');
    $k->stop_ok;

    $k = Torus::Karbon->new;
    $k->send("c.b 1 1696000000\n");
    $k->is_sum('c.b', 1, 'no such limit by default');
    $k->stop_ok;
}

sub new_stats {
    my $k = Torus::Karbon->new(server => 'karbon_new_stats 10;');

    $k->send(join '', map { "c.n$_ 1\n" } 1 .. 15);
    $k->is_stored(join('', sort map { "c.n$_:minute:28333333 string 1\n" }
                           1 .. 10), 'ten new names');
    $k->is_logged('\(dropped_new_stats\)', 5, 'five were too many');

    $k->flush;
    $k->send(join '', map { "c.n$_ 1\n" } 1 .. 15);
    $k->is_stored(join('', sort map { "c.n$_:minute:28333333 string 1\n" }
                           1 .. 10), 'known ones are free');

    $k->flush;
    $k->clock->freeze(1700000001);
    $k->send(join '', map { "c.n$_ 1 1700000000\n" } 1 .. 15);
    $k->is_stored(join('', sort map { "c.n$_:minute:28333333 string 1\n" }
                           1 .. 15), 'the rest in the next second');
    $k->stop_ok;
}

# Data resets it; then there is a FIN, and what is on its way is stored.
sub idle {
    my $k = Torus::Karbon->new(server => 'karbon_idle_timeout 800ms;
                                          karbon_linger 500ms;');
    my $fh = $k->connect;
    my $start = time;

    for (1 .. 8) {
        syswrite $fh, "c.a 1\n";
        sleep 0.1;
    }

    ok(!IO::Select->new($fh)->can_read(0), 'not while it sends');
    ok(IO::Select->new($fh)->can_read(5), 'then there is an end');
    is(sysread($fh, my $buf, 10), 0, 'a FIN');
    cmp_ok(time - $start, '>=', 1.1, 'not before it was idle so long');

    ok(syswrite($fh, "c.a 1\nc.a 1"), 'which is not a reset');
    close $fh;
    $k->is_sum('c.a', 10, 'and what was on its way is stored');
    $k->is_logged('\[info\].*carbon client was idle', 1, 'an info');
    wait_for(sub { $k->sessions }, 5);
    is(($k->sessions)[-1], '200 10 0', 'a session like any other');

    # one that does not answer the FIN
    $fh = $k->connect;
    ok(IO::Select->new($fh)->can_read(5), 'a silent one');
    wait_for(sub { $k->sessions == 2 }, 5);
    is(scalar $k->sessions, 2, 'is closed when the linger ends');
    $k->is_quiet;
    $k->stop_ok;
}

# It is not the client that is idle while Redis is slow.
sub idle_blocked {
    my $k = Torus::Karbon->new(server => 'karbon_idle_timeout 200ms;',
                               stream => 'karbon_redis_queue 64k;');
    my $fh = $k->connect;
    my $sent = 0;

    syswrite $fh, "c.n0 1 1700000000\n";
    $k->is_sum('c.n0', 1, 'connected');
    $k->redis->pause;

    $fh->blocking(0);
    my $line = '';
    for (1 .. 20000) {
        $line = sprintf "c.n%05d 1 1700000000\n", $_;
        my $n = syswrite $fh, $line;
        last if !defined $n || $n < length $line;
        $sent++;
    }

    sleep 1;
    $k->is_logged('was idle', 0, 'nobody was idle');
    $k->redis->resume;
    close $fh;
    wait_for(sub { $k->redis->cmd('DBSIZE') >= $sent + 1 }, 10);
    cmp_ok($k->redis->cmd('DBSIZE'), '>=', $sent + 1,
           "all $sent points are stored");
    $k->stop_ok;
}

# The timer of an idle client must not hold an old worker.
sub idle_leaving {
    my $k = Torus::Karbon->new(server => 'karbon_idle_timeout 60s;
                                          karbon_linger 500ms;');
    my $fh = $k->connect;

    syswrite $fh, "c.a 1\n";
    $k->is_sum('c.a', 1, 'a client with a long idle time');

    my $start = time;
    ok($k->nginx->reload(10), 'the old worker leaves');
    cmp_ok(time - $start, '<', 5, 'in time');
    $k->stop_ok;
}

# The last connections are for Redis: more clients than there are.
sub connections {
    my $k = Torus::Karbon->new(events => 'worker_connections 24;');
    my @fh = map { $k->connect } 1 .. 30;

    for (@fh) {
        local $SIG{PIPE} = 'IGNORE';
        syswrite $_, "c.a 1\n";
    }

    $k->is_logged('client refused, the last \d+ worker_connections are for '
                  . 'redis', '+', 'some are refused, and why');
    ok(scalar(grep { /^503 / } $k->sessions), 'with 503 in the access log');

    # Redis is still to be had, and can come back
    $k->redis->cmd('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    sleep 0.3;
    syswrite $fh[0], "c.b 1\n";
    $k->is_sum('c.b', 1, 'a link can connect again');

    close $_ for @fh;
    sleep 0.2;
    $k->flush;
    $k->send("c.c 1\n");
    $k->is_sum('c.c', 1, 'and clients can, too');
    $k->stop_ok('worker_connections|redis|connection');
}

sub limit_conn {
    my $k = Torus::Karbon->new(
        stream => 'limit_conn_zone $binary_remote_addr zone=c:1m;',
        server => 'limit_conn c 2;');
    my @fh = map { my $fh = $k->connect; syswrite $fh, "c.a 1\n"; $fh } 1 .. 2;

    $k->is_sum('c.a', 2, 'two connections');
    my $third = $k->connect;
    ok(IO::Select->new($third)->can_read(5), 'a third is closed');
    close $_ for @fh, $third;
    sleep 0.2;
    $k->send("c.a 1\n");
    $k->is_sum('c.a', 3, 'one of two again');
    $k->stop_ok('limiting connections');
}

sub faults {
    my %faults = (
        'karbon_path_max 100; karbon_line_max 50;'
            => '"karbon_path_max" must be from 1 to "karbon_line_max"',
        'karbon_line_max 64k; karbon_path_max 32k;'
            => '"karbon_path_max" must be from 1 to 16384, not 32768',
        'karbon_path_max 0;' => '"karbon_path_max" must be from 1',
        'karbon_frame_max 257m;' => '"karbon_frame_max" must be from 1 to 256m',
        'karbon_frame_max 0;' => '"karbon_frame_max" must be from 1 to 256m',
        'karbon_protocol json;' => 'invalid value "json" in'
            . ' "karbon_protocol" directive, it must be "line" or "pickle"',
        'karbon_idle_timeout soon;' => 'invalid value',
        'karbon_past -1;' => 'invalid value',
        'karbon_new_stats x;' => 'invalid number',
        'karbon_new_stats 1; karbon_new_stats 1;' => 'is duplicate',
    );

    my $redis = Torus::Redis->start;

    for my $server (sort keys %faults) {
        my $k = Torus::Karbon->new(server => $server, start => 0,
                                   redis => $redis);
        my ($code, $out) = $k->nginx->test;

        like($out, qr/\[emerg\].*\Q$faults{$server}\E/, "refused: $server");
    }
}
