# Between nginx and Redis is a network that cuts connections at any byte, in
# either direction: what was half sent, sent and not executed, executed and
# not answered, or half answered is told apart each time.  Then one in which
# the old connection stays open and delivers what was in it behind our back:
# the fence.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw( sleep time );
use Torus::Faults;
use Torus::Proxy;
use Torus::Redis;
use Torus::Util qw( wait_for );

my $cuts = Torus::Faults::pick(12, 2000);
my $seed = $ENV{TORUS_SEED} // $$;

diag("TORUS_SEED=$seed");

# bytes there and back, within which a connection is cut; how long the old one
# lives; how many cuts.  The answers to a greeting are some 5,000 bytes.  Who
# is cut off before he is ready comes again later and later

my @cases = (
    [ 'cut on the way there', [ 30000, 0 ], 0, $cuts ],
    [ 'cut on the way back', [ 0, 12000 ], 0, $cuts ],
    [ 'cut in the greeting', [ 900, 7000 ], 0, Torus::Faults::pick(12, 400) ],
    [ 'cut both ways', [ 60000, 16000 ], 0, $cuts ],
    [ 'the old connection lives', [ 40000, 0 ], 0.4, $cuts ],
    [ 'the old connection lives, cut on the way back', [ 0, 12000 ], 0.4,
      $cuts ],
);

for my $case (@cases) {
    my ($what, $cut, $leave, $cuts) = @$case;
    my $redis = Torus::Redis->start;
    my $proxy = Torus::Proxy->start($redis->port, seed => $seed++);
    my $w = Torus::Faults->new(redis => $redis,
                               host => '127.0.0.1:' . $proxy->port . '/0');

    $w->send(rate => 3000) for 1 .. 2;
    $proxy->set(cut => $cut, leave => $leave, kill => 1);

    ok(wait_for(sub { $proxy->stats->{cut} >= $cuts }, 20 + $cuts / 4),
       "$what: " . $proxy->stats->{cut} . ' times');

    $proxy->set(cut => [ 0, 0 ], leave => 0);
    $w->finish;
    $proxy->set(kill => 1);          # and those that were to be cut still
    $w->judge($what);

    if ($leave) {
        sleep $leave + 0.1;
        my $r = $w->compare;
        is($r->{doubled} + $r->{lost}, 0,
           "$what: nor later, " . $proxy->stats->{late} . ' bytes came late');
    }

    $w->clean($what);
    ok($w->stop, "$what: and it leaves");
    $proxy->stop;
    $redis->stop_server;
}

done_testing();
