# Redis stands still: for longer than our patience, with batches in its
# socket that it will find when it wakes.  We have reconnected by then, and
# wait; what was in the old socket must be executed before we ask, or never.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw( sleep time );
use Torus::Faults;
use Torus::Util qw( wait_for );

# the timeout is 300 ms, so that the long one has a hundred of them

my @pauses = Torus::Faults::long() ? (1, 5, 30) : (1);
my $w = Torus::Faults->new(stream => <<'END');
karbon_redis_timeout 300ms;
karbon_redis_connect_timeout 300ms;
END

$w->send(rate => 3000) for 1 .. 3;

for my $pause (@pauses) {
    sleep 0.5;
    $w->redis->pause;
    sleep $pause;
    $w->redis->resume;
    ok(wait_for(sub { $w->writers == 2 }, 15),
       "both writers are back after $pause s");
}

# many times: it stops at any moment of a batch

for (1 .. Torus::Faults::pick(4, 60)) {
    $w->redis->pause;
    sleep 0.35 + rand 0.3;
    $w->redis->resume;
    sleep 0.1 + rand 0.2;
}

$w->finish;
$w->judge('paused');
cmp_ok($w->logged(qr/no reply in time/), '>=', 1, 'connections were given up');
$w->clean('paused');

# what waits in its socket while it stands still, and the writer is back
# before it is executed: CLIENT PAUSE lets connections in and holds writes

$w = Torus::Faults->new(stream => <<'END');
karbon_redis_timeout 300ms;
END

$w->send(rate => 3000) for 1 .. 2;

for (1 .. Torus::Faults::pick(3, 30)) {
    $w->redis->cmd(qw( CLIENT PAUSE 700 WRITE ));
    sleep 0.9 + rand 0.2;
}

$w->finish;
$w->judge('CLIENT PAUSE');
$w->clean('CLIENT PAUSE');

done_testing();
