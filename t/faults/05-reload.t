# Reloads and stops under load.  The sender is a decent one: when nginx says
# goodbye it closes and connects again, and what it wrote to a connection that
# was reset without a goodbye, since nobody had accepted it, it sends again.
# Nothing is lost, and nothing is there twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw( sleep time );
use Torus::Faults;
use Torus::Util qw( halt slurp wait_for );

my $reloads = Torus::Faults::pick(6, 50);
my $quits = Torus::Faults::pick(2, 10);
my $w = Torus::Faults->new;
my $slowest = 0;

$w->send(rate => 2000, kind => 'faithful') for 1 .. 4;

for my $i (1 .. $reloads) {
    sleep 0.2 + rand 0.3;
    my $from = time;
    $w->nginx->reload(15) or fail("reload $i");
    $slowest = time - $from if time - $from > $slowest;
}

cmp_ok($slowest, '<', 5, sprintf '%d reloads, the slowest took %.1f s',
       $reloads, $slowest);

$slowest = 0;

for my $i (1 .. $quits) {
    sleep 0.2 + rand 0.3;
    my $from = time;
    $w->nginx->stop('QUIT', 15) or fail("QUIT $i");
    $slowest = time - $from if time - $from > $slowest;
    $w->nginx->start;
}

cmp_ok($slowest, '<', 5, sprintf '%d QUITs, the slowest took %.1f s',
       $quits, $slowest);

$w->finish;
$w->judge('reloads and stops', unordered => 1);
diag(join ', ', map { "$_->{name}: $_->{connects} connections, $_->{again} "
                      . 'points sent again' } @{$w->{senders}});
is($w->logged(qr/lost on exit/), 0, 'no worker left with points');
$w->clean('reloads and stops');

# A connection that nobody has accepted when the listening sockets are closed
# is reset: nothing of it was read, and all of it goes again.  So that this is
# sure to happen the workers stand still when it comes, and have the signal
# before anything else when they go on.  The other sender has few points, so
# that where they stand still is where they wait for events.

$w = Torus::Faults->new;

for my $i (1 .. Torus::Faults::pick(2, 20)) {
    my $accepted = $w->send(rate => 100, kind => 'faithful');
    my @workers = $w->nginx->workers;

    ok(wait_for(sub { $w->status->{points}{received} }, 10),
       "round $i: one is accepted");
    ok(halt(@workers), "round $i: the workers stand still");

    my $queued = $w->send(rate => 1000, kind => 'faithful');
    ok(wait_for(sub { waiting($w->nginx->karbon_port) }, 10),
       "round $i: another waits, with points");

    $w->nginx->signal('QUIT');
    sleep 0.1;
    kill QUIT => @workers;
    kill CONT => @workers;
    ok($w->nginx->stop('QUIT', 15), "round $i: it leaves");
    $w->nginx->start;
    $w->finish;

    # it may meet a socket that is about to close when it connects again
    is($accepted->{first}, 0, "round $i: who was accepted sends nothing again");
    cmp_ok($queued->{again}, '>', 0, "round $i: who was not sends "
           . "$queued->{again} points again");
    is($queued->{connects}, 2, "round $i: on a second connection");
}

$w->judge('not accepted', unordered => 1);
$w->clean('not accepted');
$w->stop;

# a Redis that is away does not keep a worker beyond Debian's 5 s, nor does a
# client that never closes; what is lost is told once, in points

$w = Torus::Faults->new(workers => 1);
my $idle = Torus::Nginx::connect_to($w->nginx->karbon_port);
$w->send(count => 5000)->{by_itself} = 1;
$w->join;
$w->settle;
$w->redis->kill_server;
$w->send(count => 3000, name => 'f.late')->{by_itself} = 1;
$w->join;

my $from = time;
ok($w->nginx->stop('QUIT', 15), 'it leaves without Redis');
cmp_ok(time - $from, '<', 5, sprintf 'in %.1f s', time - $from);
is($w->logged(qr/: 3000 points \(12000 operations\) lost on exit, 0 of them/),
   1, 'and says what is lost');
$w->clean('no Redis');

# TERM does not wait

$w->redis->run;
$w->nginx->start;
$w->wait_ready;
$w->redis->pause;
$w->send(count => 2000, name => q(f.term))->{by_itself} = 1;
$w->join;
$from = time;
ok($w->nginx->stop('TERM', 15), 'TERM');
cmp_ok(time - $from, '<', 1.5, sprintf 'does not wait, %.1f s', time - $from);
is($w->logged(qr/: 2000 points .* lost on exit, \d+ of them were sent/), 1,
   'but says what is lost');
$w->redis->resume;
$w->clean('TERM');

# worker_shutdown_timeout wins over linger and drain

$w = Torus::Faults->new(workers => 1, main => 'worker_shutdown_timeout 1s;',
    stream => 'karbon_redis_drain 30s;', server => 'karbon_linger 30s;');
$idle = Torus::Nginx::connect_to($w->nginx->karbon_port);
$w->redis->pause;
$w->send(count => 1000)->{by_itself} = 1;
$w->join;
$from = time;
ok($w->nginx->stop('QUIT', 15), 'worker_shutdown_timeout');
cmp_ok(time - $from, '<', 3, sprintf 'wins, %.1f s', time - $from);
is($w->logged(qr/: 1000 points .* lost on exit/), 1, 'what is lost is told');
$w->redis->resume;
$w->clean('worker_shutdown_timeout');

done_testing();

# Is there a connection with data that nobody has accepted?  It belongs to no
# file yet: its inode is 0.
sub waiting {
    my ($port) = @_;
    my $local = sprintf ':%04X', $port;

    for my $line (split /\n/, slurp('/proc/net/tcp')) {
        my @f = split ' ', $line;
        return 1 if $f[1] =~ /$local\z/ && $f[3] eq '01'
                    && $f[4] !~ /:0+\z/ && $f[9] eq '0';
    }

    return 0;
}
