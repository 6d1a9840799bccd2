# Debian's relays as senders while the connections to Redis are killed and
# nginx is reloaded.
#
# Connections to Redis are nothing that a relay sees: each of its points is
# there once.  A reload it does see, in its own way: carbon-c-relay does not
# look at what nginx says before its next write fails, and carbon-relay drops
# what it had not written yet; each may also send again what it has written.
# So behind a reload it is counted what nginx has read: as much as that is in
# Redis, neither more nor less, and not one point that nobody sent.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw( sleep time );
use Torus::Faults;
use Torus::Relays;
use Torus::Util qw( free_port wait_for stop );

plan skip_all => 'carbon-c-relay and graphite-carbon are not installed'
    if !Torus::Relays::installed();

my $seconds = Torus::Faults::pick(3, 30);

for my $name ('carbon-c-relay', 'carbon-relay') {
    my $pickle = free_port();
    my $w = Torus::Faults->new(types => 'n', stream => <<END);
    server { listen 127.0.0.1:$pickle; karbon on; karbon_protocol pickle; }
END
    my ($port, $pid) = $name eq 'carbon-relay'
        ? Torus::Relays::carbon_relay($pickle)
        : Torus::Relays::carbon_c_relay($w->nginx->karbon_port);

    my ($sent, $kills) = feed($w, $port, 'f.killed', sub {
        my $n = 0;
        $n += $w->redis->cmd(qw( CLIENT KILL ID ), $_) for $w->writers;
        return $n;
    }, 0.03);

    my %have = held($w, 'f.killed', $sent);
    my @doubled = grep { $_ != 1 } values %have;

    cmp_ok($kills, '>', 10 * $seconds, "$name: $kills connections are killed");
    is(scalar keys %have, $sent, "$name: $sent points have come");
    is(scalar @doubled, 0, "$name: each of them once");
    $w->identities($name);

    my $before = $w->status->{points}{received};
    my ($more, $reloads) = feed($w, $port, 'f.reloaded', sub {
        return $w->nginx->reload(15);
    }, 0.5);

    stop($pid);
    wait_for(sub { !defined settled($w) }, 20);

    %have = held($w, 'f.reloaded', 0);

    my ($sum, $again, $read) = (0, 0, 0);
    my $s = $w->status;

    $sum += $_ for values %have;
    $again += $_ - 1 for values %have;
    $read = $s->{points}{received} - $before;

    cmp_ok($reloads, '>=', 1, "$name: $reloads reloads");
    is(settled($w), undef, "$name: all is settled");
    is($sum, $read, "$name: nginx has read $read points, and as many are "
       . 'there');
    is(scalar(grep { !/^n:f\.reloaded\.(\d+):/ || $1 > $more } keys %have), 0,
       "$name: none that nobody sent");
    is($s->{points}{lost_by_store} + $s->{points}{in_doubt}, 0,
       "$name: none is lost or in doubt");
    note("$name: of $more points ", $more - keys %have,
         " did not come, $again came again");
    is($w->logged(qr/lost on exit/), 0, "$name: nor left behind");
    $w->identities($name);
    $w->clean($name);
    $w->stop;
    $w->redis->stop_server;
}

done_testing();


# Some thousand points a second through the relay, each of a name of its own,
# with a fault again and again; how many points and how many faults.
sub feed {
    my ($w, $port, $name, $fault, $pause) = @_;
    my ($fh, $sent, $faults, $from) = (undef, 0, 0, undef);

    wait_for(sub {
        $fh = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                    PeerPort => $port);
    }, 20) or die "the relay does not listen\n";

    my $child = fork // die "fork: $!\n";

    if ($child == 0) {
        $SIG{$_} = 'DEFAULT' for qw( INT TERM );
        $from = time;

        while (time - $from < $seconds) {
            print $fh map { "$name.$_ 1 $w->{now}\n" } $sent + 1 .. $sent + 20;
            $fh->flush;
            $sent += 20;
            sleep 0.01;
        }

        close $fh;
        Torus::Util::spew(Torus::Util::temp_dir() . "/sent.$name", $sent);
        POSIX::_exit(0);
    }

    close $fh;

    while (waitpid($child, POSIX::WNOHANG()) == 0) {
        $faults += $fault->();
        sleep $pause;
    }

    return (Torus::Util::slurp(Torus::Util::temp_dir() . "/sent.$name"),
            $faults);
}

# Counts by key, once there are so many, or no more come.
sub held {
    my ($w, $name, $least) = @_;
    my ($keys, $last, $still) = ([], -1, 0);

    wait_for(sub {
        $keys = $w->redis->cmd(KEYS => "n:$name.*");
        $still = @$keys == $last ? $still + 1 : 0;
        $last = @$keys;
        sleep 0.1;
        return $least ? @$keys >= $least : $still > 10;
    }, 30);

    sleep 0.5;                          # what would come twice comes now

    my %have;
    @have{@$keys} = @{$w->redis->cmd(MGET => @$keys)} if @$keys;

    return %have;
}

# Undef, or what is still on its way.
sub settled {
    my ($w) = @_;
    my $o = $w->status->{operations};
    my $left = $o->{queued} + $o->{in_flight};

    return $left ? $left : undef;
}
