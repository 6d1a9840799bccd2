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
                           stream => 'karbon_redis_drain 700ms;',
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

# Points over HTTP that come when the drain time is over already, in a request
# that began before: who sent them is told at once that nobody knows, and who
# finds no room that there will be none.

for my $case ([ 'room', 100, '"queued":100', '202' ],
              [ 'no room', 20000, 'takes no more', '503' ])
{
    my ($what, $points, $says, $status) = @$case;
    my $port = Torus::Util::free_port();

    $w = Torus::Faults->new(workers => 1, http => <<END);
    torus_redis_drain 300ms;
    torus_redis_queue 64k;
    torus_insert_timeout 20s;
    server { listen 127.0.0.1:$port;
             location / { torus_query on; torus_insert on; } }
END
    $w->redis->kill_server;

    # more than the queue takes: it waits for room

    my $first = Torus::Nginx::connect_to($port);
    my $late = Torus::Nginx::connect_to($port);

    post($first, $points, 0);
    post($late, 100, 50);
    ok(wait_for(sub {
        $w->status->{points}{received} >= ($points > 100 ? 100 : 150)
    }, 5), "$what: points are queued");

    $from = time;
    $w->nginx->signal('QUIT');
    like(answer($first), qr/^HTTP\S+ 202 .*\Q$says/s, "$what: the first one");
    cmp_ok(time - $from, '<', 3, sprintf '%s: after %.1f s', $what,
           time - $from);

    $from = time;
    print $late map { "f.late $_ $w->{now}\n" } 51 .. 100;
    $late->flush;
    like(answer($late), qr/^HTTP\S+ $status /, "$what: the late one");
    cmp_ok(time - $from, '<', 3, sprintf '%s: after %.1f s', $what,
           time - $from);

    close $_ for $first, $late;
    ok($w->nginx->stop('QUIT', 15), "$what: it leaves");
    is($w->logged(qr/points .* lost on exit/), 1, "$what: which is told");
    $w->clean($what);
}

done_testing();


# A POST of so many lines, of which some are still to come (0: none are).
sub post {
    my ($fh, $points, $now) = @_;
    my @lines = map { "f.late $_ $w->{now}\n" } 1 .. $points;
    my $length = length join '', @lines;

    @lines = @lines[0 .. $now - 1] if $now;
    $fh->blocking(0);
    print $fh "POST /insert HTTP/1.1\r\nHost: x\r\nContent-Length: $length\r\n"
              . "Content-Type: text/plain\r\n\r\n", @lines;
    $fh->flush;
}

sub answer {
    my ($fh) = @_;
    my $text = '';

    $fh->blocking(1);
    local $SIG{ALRM} = sub { die "no answer\n" };
    alarm 15;
    eval { sysread $fh, $text, 4096; };
    alarm 0;

    return $text;
}
