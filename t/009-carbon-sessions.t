# The life of a session: a busy one leaves the others their turn, a blocked
# one goes on with every event method, and one of a leaving worker ends
# without a loss, or when worker_shutdown_timeout says so.

use strict;
use warnings;

use lib 't/lib';

use IO::Select;
use POSIX ();
use Test::More;
use Time::HiRes qw( sleep time );
use Torus::Karbon;
use Torus::Util qw( halt wait_for );

busy();
newcomers();
new_in_a_frame();
blocked($_) for qw( epoll poll select );
leaving();
shutdown_timeout();
reset_by_client();

done_testing();


# Clients that send without end: a session that has more to read waits for the
# next turn, so that Redis and other clients are served in between.
sub busy {
    my $k = Torus::Karbon->new;
    my @pids;

    for (1 .. 6) {
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            my $fh = $k->connect;
            my $chunk = "c.flood;a=b 1 1700000000\n" x 50000;
            my $until = time + 3;
            while (time < $until && defined syswrite $fh, $chunk) { }
            POSIX::_exit(0);
        }

        push @pids, $pid;
    }

    sleep 0.5;

    my $worst = 0;
    for my $i (1 .. 10) {
        my $start = time;
        my $fh = $k->connect;

        syswrite $fh, "c.other 1 1700000000\n";
        wait_for(sub { $k->sum('c.other') == $i }, 5);
        $worst = time - $start if time - $start > $worst;
    }

    note("at worst after $worst s");
    is((grep { waitpid($_, POSIX::WNOHANG()) == 0 } @pids), 6,
       'while six clients send on');
    cmp_ok($worst, '<', 1, 'another is served within a second');
    kill 'KILL', @pids;
    waitpid $_, 0 for @pids;
    is($k->sum('c.other'), 10, 'each time');
    $k->stop_ok;
}

# New names are dear: one session's do not keep the others waiting.  What the
# log has to say about the last line of each tells who came first.
sub newcomers {
    my $k = Torus::Karbon->new;
    my @fh = ($k->connect, $k->connect);
    my ($worker) = $k->nginx->workers;

    syswrite $_, "c.known 1\n" for @fh;
    $k->is_sum('c.known', 2, 'two sessions');

    halt($worker);
    syswrite $fh[0], join '', (map { "c.n$_ 1\n" } 1 .. 2000), "last\n";
    syswrite $fh[1], "other\n";
    kill 'CONT', $worker;

    $k->is_logged('bad carbon line', 2, 'both are at their end');
    is_deeply([ $k->log_text =~ /bad carbon line \S+ "(\w+)"/g ],
              [ qw( other last ) ], 'new names let another go before');
    stored($k, 2000, 'and none of them is lost');

    close $_ for @fh;
    $k->stop_ok;
}

# The rest of a frame waits in the session, no bytes behind it.
sub new_in_a_frame {
    my $k = Torus::Karbon->new(server => 'karbon_protocol pickle;');
    my $fh = $k->connect;
    my $frame = '(l' . join '', map { "(Vc.n$_\n(I1700000000\nI1\ntta" }
                                1 .. 2000;

    syswrite $fh, pack('N', 1 + length $frame) . "$frame.";
    stored($k, 2000, 'a frame of new names');

    close $fh;
    $k->stop_ok;
}

sub blocked {
    my ($method) = @_;
    my $k = Torus::Karbon->new(stream => 'karbon_redis_queue 64k;',
                               events => "use $method;", start => 0);
    my ($code, $out) = $k->nginx->test;

  SKIP: {
    skip "this nginx has no $method", 3 if $out =~ /invalid event type/;

    $k->nginx->start;
    my $fh = $k->connect;

    syswrite $fh, "c.first 1\n";
    $k->is_sum('c.first', 1, "connected, $method");
    $k->redis->pause;

    my $pid = sender($fh, 5000);
    sleep 0.5;
    $k->redis->resume;
    waitpid $pid, 0;

    stored($k, 5000, "all that waited for Redis is stored, $method");
    $k->stop_ok;
  }
}

sub leaving {
    my $k = Torus::Karbon->new(stream => 'karbon_redis_queue 64k;');
    my $fh = $k->connect;

    syswrite $fh, "c.first 1\n";
    $k->is_sum('c.first', 1, 'connected');
    $k->redis->pause;

    my $pid = sender($fh, 5000);
    sleep 0.3;
    $k->nginx->signal('HUP');
    sleep 0.5;
    $k->redis->resume;
    waitpid $pid, 0;

    stored($k, 5000, 'a worker that leaves with Redis slow loses nothing');
    ok(wait_for(sub { $k->nginx->workers == 1 }, 10), 'and leaves');
    $k->stop_ok;
}

# The linger of a client that never closes, cut short.
sub shutdown_timeout {
    my $k = Torus::Karbon->new(
        main   => "worker_processes 1;\nworker_shutdown_timeout 400ms;\n",
        server => 'karbon_linger 20s;');
    my $fh = $k->connect;
    my $start = time;

    syswrite $fh, "c.a 1\nc.a 1\nc.cut 1";
    $k->is_sum('c.a', 2, 'a client that stays');
    ok($k->nginx->reload(10), 'the old worker leaves');
    cmp_ok(time - $start, '<', 4, 'when worker_shutdown_timeout is over');
    is($k->sum('c.cut'), 0, 'half a line is not stored');
    close $fh;
    $k->stop_ok('the worker has to leave, 0 points');
}

sub reset_by_client {
    my $k = Torus::Karbon->new;
    my $fh = $k->connect;

    syswrite $fh, "c.a 1\nc.cut 1";
    $k->is_sum('c.a', 1, 'a client');
    setsockopt $fh, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack 'ii', 1, 0;
    close $fh;
    wait_for(sub { $k->sessions }, 5);
    is(($k->sessions)[-1], '400 1 0', 'that resets its connection');
    is($k->sum('c.cut'), 0, 'its half line is not stored');
    $k->is_quiet;
    $k->stop_ok;
}


# Sends points of their own names, then closes: a process, since it may wait.
sub sender {
    my ($fh, $n) = @_;
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        my $bytes = join '', map { "c.n$_ 1 1700000000\n" } 1 .. $n;
        while (length $bytes) {
            my $sent = syswrite $fh, $bytes or POSIX::_exit(1);
            substr $bytes, 0, $sent, '';
        }
        shutdown $fh, 1;
        POSIX::_exit(0);
    }

    close $fh;
    return $pid;
}

sub stored {
    my ($k, $n, $name) = @_;
    my ($keys, $values);

    wait_for(sub { $keys = $k->redis->cmd(KEYS => 'c.n*'); @$keys >= $n },
             15);
    $values = @$keys ? $k->redis->cmd(MGET => @$keys) : [];

    is(scalar(grep { $_ eq '1' } @$values), $n, $name);
}
