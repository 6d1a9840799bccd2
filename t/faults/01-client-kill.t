# Our connections to Redis are killed again and again under load: every point
# is in Redis once, in order.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw( sleep );
use Torus::Faults;
use Torus::Util qw( wait_for );

my $kills = Torus::Faults::pick(50, 500);
my $w = Torus::Faults->new;
my $killed = 0;

$w->send(rate => 4000) for 1 .. 3;

while ($killed < $kills) {
    my @ids = $w->writers;

    for my $id (@ids) {
        $killed += $w->redis->cmd(qw( CLIENT KILL ID ), $id);
    }

    wait_for(sub { $w->writers > 0 }, 10) or last;
    sleep rand 0.05;
}

$w->finish;
cmp_ok($killed, '>=', $kills, "$killed connections were killed");
$w->judge('CLIENT KILL');
$w->clean('CLIENT KILL');
ok($w->stop, 'and it leaves');

done_testing();
