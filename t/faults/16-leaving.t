# How long a leaving worker waits for Redis: the drain time begins with the
# last point that was taken, however long clients linger, and
# worker_shutdown_timeout ends it also while there is no connection that nginx
# could tell.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw( sleep time );
use Torus::Faults;
use Torus::Util qw( wait_for );

# A client that does not mind the FIN and sends on through all of the linger,
# which is longer than the drain time: Redis is well, so nothing is lost.

my $w = Torus::Faults->new(workers => 1,
                           stream => 'karbon_redis_drain 300ms;',
                           server => 'karbon_linger 2s;');
my $fh = Torus::Nginx::connect_to($w->nginx->karbon_port);
my $n = 0;

sub point {
    my $ts = int time;
    $n++;
    print $fh "f.0 $n $w->{now}\n" or return 0;
    $fh->flush;
    return 1;
}

$SIG{PIPE} = 'IGNORE';
point() for 1 .. 10;

my $pid = $w->nginx->pid;
my $from = time;

$w->nginx->signal('QUIT');

while (time - $from < 1.5) {
    point();
    sleep 0.005;
}

close $fh;
ok($w->nginx->stop('QUIT', 10), 'it leaves');
is($w->logged(qr/lost on exit/), 0, 'with nothing in its hands');
is($w->redis->cmd(GET => "n:f.0:day:" . int($w->{now} / 86400)),
   $n * ($n + 1) / 2, 'every point is in Redis');

# worker_shutdown_timeout, Redis gone: the worker is between two attempts.

$w = Torus::Faults->new(workers => 1, main => 'worker_shutdown_timeout 1s;',
                        stream => 'karbon_redis_drain 20s;');
$w->redis->kill_server;
$w->send(count => 1000)->{by_itself} = 1;
$w->join;
sleep 0.5;
$from = time;
ok($w->nginx->stop('QUIT', 25), 'worker_shutdown_timeout without Redis');
cmp_ok(time - $from, '<', 4, sprintf 'wins, %.1f s', time - $from);
is($w->logged(qr/: 1000 points .* lost on exit/), 1, 'what is lost is told');

done_testing();
