# Redis dies under load.  With every write in its log nothing is lost and
# nothing doubled.  Restarted from a snapshot it has lost what it had
# acknowledged: that is counted, in points, exactly, and nothing is doubled.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw( sleep );
use Torus::Faults;
use Torus::Util qw( wait_for );

my $kills = Torus::Faults::pick(4, 40);

my $w = Torus::Faults->new(redis => [ qw( --appendonly yes
                                          --appendfsync always ) ]);
$w->send(rate => 2000) for 1 .. 3;

for (1 .. $kills) {
    sleep 0.3 + rand 0.3;
    $w->redis->kill_server;
    sleep rand 0.2;
    $w->redis->run;
    wait_for(sub { $w->writers == 2 }, 10);
}

$w->finish;
$w->judge('appendfsync always');
is($w->status->{points}{lost_by_store}, 0, 'no loss by the store');
$w->clean('appendfsync always');
$w->stop;
$w->redis->stop_server;


# the snapshot is older than what was acknowledged

$w = Torus::Faults->new;
$w->send(rate => 2000) for 1 .. 3;

for (1 .. Torus::Faults::pick(3, 30)) {
    sleep 0.2 + rand 0.2;
    $w->redis->cmd('SAVE');
    sleep 0.2 + rand 0.2;
    $w->redis->kill_server;
    $w->redis->run;
    wait_for(sub { $w->writers == 2 }, 10);
}

$w->finish;

my ($o, $p);
ok(wait_for(sub {
    my $s = $w->status;
    ($o, $p) = @$s{qw( operations points )};
    return $o->{queued} + $o->{in_flight} == 0;
}, 20), 'snapshot: all is settled');

my $r = $w->compare;

cmp_ok($r->{lost}, '>', 0, "snapshot: of " . $w->total
       . " points $r->{lost} are lost");
is($p->{lost_by_store}, $r->{lost}, 'snapshot: as many as were counted');
is($p->{in_doubt}, 0, 'snapshot: none are in doubt');
is($r->{doubled} + $r->{wrong}, 0, 'snapshot: nothing is there twice');
is($r->{disorder}, 0, 'snapshot: in order');
is($r->{count_wrong} + $r->{hist_wrong}, 0, 'snapshot: the types agree');
$w->identities('snapshot');
cmp_ok($w->logged(qr/has lost \d+ points/), '>=', 1, 'the log says so');
$w->clean('snapshot');
$w->stop;
$w->redis->stop_server;


# nothing is left: a Redis without persistence.  What was unanswered is not
# sent again, and is counted as being in doubt

$w = Torus::Faults->new;
$w->send(rate => 4000) for 1 .. 3;
sleep 0.5;
$w->redis->kill_server;
sleep 0.2;
$w->redis->run;
wait_for(sub { $w->writers == 2 }, 10);
sleep 0.5;
$w->finish;

wait_for(sub {
    my $s = $w->status;
    ($o, $p) = @$s{qw( operations points )};
    return $o->{queued} + $o->{in_flight} == 0;
}, 20);

$r = $w->compare;
is($r->{doubled} + $r->{wrong}, 0, 'empty: nothing is there twice');
is($r->{disorder}, 0, 'empty: in order');
cmp_ok($r->{lost}, '>', 0, "empty: $r->{lost} of " . $w->total
       . " points are gone, $p->{in_doubt} were in doubt");
cmp_ok($p->{in_doubt}, '<=', $r->{lost}, 'empty: what is in doubt is gone');
is($w->logged(qr/has lost the key of this writer/), 2,
   'empty: both writers say so');
$w->identities('empty');
$w->clean('empty');

done_testing();
