# Redis is out of memory, then relieved, with several batches in flight:
# refusals are told by place, nothing is lost and nothing doubled.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw( sleep );
use Torus::Faults;
use Torus::Util qw( wait_for );

my $rounds = Torus::Faults::pick(5, 100);
my $w = Torus::Faults->new;

$w->send(rate => 8000, kind => 'plain') for 1 .. 3;

for (1 .. $rounds) {
    sleep 0.2 + rand 0.1;
    $w->redis->cmd(qw( CONFIG SET maxmemory 1000000 ));
    sleep 0.1 + rand 0.4;
    $w->redis->cmd(qw( CONFIG SET maxmemory 0 ));
}

$w->finish;

# what is behind a refused batch may be taken when memory is there by then

$w->judge('out of memory', disorder => 2 * $rounds);
cmp_ok($w->logged(qr/takes no writes: OOM/), '>=', 1, 'the log says why');
cmp_ok($w->logged(qr/takes no writes: OOM/), '<=', 2 * $rounds,
       'and says it once each time');
$w->clean('out of memory');

# a snapshot that fails, stop-writes-on-bgsave-error: MISCONF

$w = Torus::Faults->new(redis => [ '--save', '3600 1000000' ]);
$w->send(rate => 4000) for 1 .. 2;
sleep 0.3;
mkdir $w->redis->{dir} . '/dump.rdb' or die;
eval { $w->redis->cmd('BGSAVE') };
wait_for(sub {
    $w->redis->cmd('INFO', 'persistence') =~ /rdb_last_bgsave_status:err/
}, 5);
ok(wait_for(sub { $w->logged(qr/takes no writes: MISCONF/) }, 5),
   'the log says MISCONF');
sleep 0.5;
$w->redis->cmd(qw( CONFIG SET stop-writes-on-bgsave-error no ));
$w->finish;
$w->judge('MISCONF', disorder => 2);
$w->clean('MISCONF');

done_testing();
