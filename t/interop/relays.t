# Debian's relays as senders: carbon-c-relay with lines, carbon-relay (package
# graphite-carbon) with pickle.  Each gets points of names of their own, and
# each of them arrives once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw( sleep );
use Torus::Karbon;
use Torus::Relays;
use Torus::Util qw( free_port wait_for stop );

plan skip_all => 'carbon-c-relay and graphite-carbon are not installed'
    if !Torus::Relays::installed();

my $points = 5000;
my $now = int time;
my $pickle = free_port();
my $k = Torus::Karbon->new(clock => 0, servers => <<END);
    server { listen 127.0.0.1:$pickle; karbon on; karbon_protocol pickle; }
END

arrive('carbon-c-relay', Torus::Relays::carbon_c_relay($k->port));
arrive('carbon-relay', Torus::Relays::carbon_relay($pickle));

$k->is_quiet('no schema matches');
$k->stop_ok;

done_testing();


sub arrive {
    my ($name, $port, $pid) = @_;
    my ($fh, $keys, $values);

    wait_for(sub { $fh = IO::Socket::INET->new(PeerPort => $port,
                                               PeerAddr => '127.0.0.1') }, 20)
        or die "$name does not listen\n";

    $k->flush;
    print $fh map { "c.n$_ 1 $now\n" } 1 .. $points;
    close $fh;

    wait_for(sub { $keys = $k->redis->cmd(KEYS => 'c.n*'); @$keys >= $points },
             30);

    # behind the last one, what would come twice
    sleep 0.5;
    $values = @$keys ? $k->redis->cmd(MGET => @$keys) : [];
    is(scalar(grep { $_ eq '1' } @$values), $points,
       "$points points of $name, each once");

    stop($pid);
}
