# A worker dies by SIGKILL.  Of the points it had read, at most what the zone
# says it held is lost; its connections are the senders' loss.  Nothing is
# there twice: the worker that takes its place has a number of its own.

use strict;
use warnings;

use FindBin;
use POSIX ();
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw( sleep );
use Torus::Faults;
use Torus::Util qw( wait_for );

# one schema, so that a point is an operation

my $w = Torus::Faults->new(types => 'l');
my $redis = $w->redis;

for my $round (1 .. Torus::Faults::pick(4, 60)) {
    my $stopped = $round % 2;

    $w->send(rate => 8000, kind => 'lossy', name => "f.$round.$_")
        for 1 .. 4;
    sleep 0.3 + rand 0.2;

    # with Redis at work, and with a queue

    if ($stopped) {
        $redis->pause;
        sleep 0.2;
    }

    my ($victim) = $w->nginx->workers;
    kill KILL => $victim;
    ok(wait_for(sub { !grep { $_ == $victim } $w->nginx->workers }, 5),
       "round $round: a worker is killed, Redis "
       . ($stopped ? 'stands still' : 'works'));

    $redis->resume if $stopped;
    $w->finish;
}

my ($p, $o);
ok(wait_for(sub {
    my $s = $w->status;
    ($p, $o) = @$s{qw( points operations )};
    return $o->{queued} + $o->{in_flight} == 0
        && $p->{received} > 0
        && $o->{made} == $o->{applied} + $o->{lost_by_crash};
}, 15), 'made = applied + lost by crash');

my $r = $w->compare;
my $lost = $p->{received} - $r->{held};

cmp_ok($lost, '<=', $o->{lost_by_crash},
       "of $p->{received} points read $lost are lost, the zone says at most "
       . $o->{lost_by_crash});
cmp_ok($lost, '>=', 0, 'and not more is there than was read');
cmp_ok($o->{lost_by_crash}, '>', 0, 'the queues were not empty');
is($r->{doubled} + $r->{wrong}, 0, 'nothing is there twice');
is($r->{disorder}, 0, 'in order');
$w->identities('killed workers');
is($w->logged(qr/exited on signal 9/), Torus::Faults::pick(4, 60),
   'as many workers as were killed');

$w->stop;

# An old worker is killed while it leaves, so that no other takes its place,
# and its number is another process's by the time somebody looks.

SKIP: {
    $w = Torus::Faults->new(types => 'l', workers => 1,
                            stream => 'karbon_redis_drain 20s;');
    $w->redis->pause;
    $w->send(count => 700)->{by_itself} = 1;
    $w->join;
    wait_for(sub { $w->status->{points}{received} == 700 }, 5);

    my ($old) = $w->nginx->workers;
    $w->nginx->signal('HUP');
    wait_for(sub { $w->nginx->workers == 2 }, 5);
    kill KILL => $old;
    wait_for(sub { !kill 0, $old }, 5);

    my $other = fork_as($old)
        or skip 'no process can have a number of our choice here', 2;

    ok(wait_for(sub {
        $o = $w->status->{operations};
        return $o->{lost_by_crash} == 700;
    }, 5), 'a number that is used again keeps nothing');
    $w->redis->resume;
    $w->identities('another process');
    kill KILL => $other;
    waitpid $other, 0;
}

done_testing();


# Another process may come between.
sub fork_as {
    my ($want) = @_;

    for (1 .. 50) {
        open my $fh, '>', '/proc/sys/kernel/ns_last_pid' or return;
        print $fh $want - 1;
        close $fh or return;

        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            $SIG{TERM} = $SIG{INT} = 'DEFAULT';
            sleep 60;
            POSIX::_exit(0);
        }

        return $pid if $pid == $want;

        kill KILL => $pid;
        waitpid $pid, 0;
    }

    return;
}
