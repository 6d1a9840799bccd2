# Random bytes on the ports of lines, datagrams and frames, while a neighbour
# sends good points: all of his are stored, no worker dies, and the log says
# no more than it has to.  TORUS_SECONDS: for how long.

use strict;
use warnings;

use lib 't/lib';

use POSIX ();
use Test::More;
use Time::HiRes qw( sleep time );
use Torus::Karbon;
use Torus::Util qw( free_port wait_for );

my $seconds = $ENV{TORUS_SECONDS} || 3;
my ($udp, $pickle) = (free_port(), free_port());

my $k = Torus::Karbon->new(servers => <<END);
    server { listen 127.0.0.1:$udp udp; karbon on; }
    server { listen 127.0.0.1:$pickle; karbon on; karbon_protocol pickle; }
END

my $seed = $ENV{TORUS_SEED} || time;
diag("seed $seed") if $ENV{TORUS_SEED};

# the port is open before there is a worker
my $worker;
wait_for(sub { ($worker) = $k->nginx->workers; defined $worker });

my $until = time + $seconds;
my @pids;

push @pids, child(\&garbage, $_) for 1 .. 2;
push @pids, child(\&datagrams);
push @pids, child(\&frames);

# the neighbours, one connection for lines and one for frames
my $lines = $k->connect;
my $frames = $k->connect($pickle);
my $sent = 0;

while (time < $until) {
    for (1 .. 20) {
        $sent++;
        syswrite $lines, "c.neighbour.line 1 1700000000\n";
        syswrite $frames, pack 'N/a', "(l(S'c.neighbour.frame'\n"
                                      . "(I1700000000\nI1\ntta.";
    }
    sleep 0.01;
}

my @failed = grep { waitpid($_, 0); $? != 0 } @pids;
is(scalar @failed, 0, 'garbage was sent');
close $lines;
close $frames;

wait_for(sub { ($k->redis->cmd(GET => 'c.neighbour.line:minute:28333333')
                // 0) >= $sent }, 10);
is($k->redis->cmd(GET => 'c.neighbour.line:minute:28333333'), $sent,
   "$sent lines of a neighbour are stored");
wait_for(sub { ($k->redis->cmd(GET => 'c.neighbour.frame:minute:28333333')
                // 0) >= $sent }, 10);
is($k->redis->cmd(GET => 'c.neighbour.frame:minute:28333333'), $sent,
   'and his frames');

is_deeply([ $k->nginx->workers ], [ $worker ], 'the worker lives');

my @warn = grep { /\[warn\]/ } split /\n/, $k->log_text;
my @bad = grep { /bad carbon (line|frame)/ } @warn;
my @stray = grep { /no schema matches/ } @warn;

cmp_ok(scalar @bad, '>', 0, 'garbage was seen as such');

# three servers, each a line a second, and the seconds of both ends
cmp_ok(scalar @bad, '<=', 3 * ($seconds + 3), 'a sample a second at warn');
cmp_ok(scalar @stray, '<=', $seconds / 60 + 2, 'a stray name a minute');
$k->is_quiet('bad carbon (line|frame)|no schema matches',
             'and nothing else above notice');
unlike($k->log_text, qr/[^\n -~]/, 'no byte of it in the log');
$k->stop_ok;

done_testing();


sub child {
    my ($what, $n) = @_;
    my $pid = fork // die "fork: $!\n";

    return $pid if $pid;

    srand $seed + ($n // 0);
    local $SIG{PIPE} = 'IGNORE';
    eval { while (time < $until) { $what->() } };
    POSIX::_exit($@ ? 1 : 0);
}

# Bytes of all kinds: any; those that lines are made of; lines, bent.
sub noise {
    my ($n) = @_;
    my @alphabet = split //, "c.ag u;=~-+eN0123456789\n\n\r\t \xff\0";
    my $kind = int rand 3;

    return join '', map { chr int rand 256 } 1 .. $n if $kind == 0;
    return join '', map { $alphabet[rand @alphabet] } 1 .. $n if $kind == 1;

    my $lines = "c.x 1 1700000000\ng.y 2.5\nu.z some one\n" x (1 + $n / 40);
    substr $lines, rand length $lines, 1, chr int rand 256 for 1 .. 1 + $n / 50;

    return $lines;
}

sub garbage {
    my $fh = $k->connect;

    for (1 .. 1 + rand 20) {
        last if !defined syswrite $fh, noise(1 + rand 5000);
        sleep 0.001;
    }

    # a reset now and then
    setsockopt $fh, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack 'ii', 1, 0
        if rand() < 0.3;
    close $fh;
}

sub datagrams {
    $k->udp($udp, map { noise(1 + rand 1400) } 1 .. 10);
    sleep 0.01;
}

sub frames {
    my $fh = $k->connect($pickle);
    my $p = "(l(S'c.x'\n(I1700000000\nF1.5\ntta(Vg.y\n(L5L\nS'2'\ntta.";

    for (1 .. 5) {
        my $frame = rand() < 0.2 ? noise(1 + rand 500) : $p;

        substr $frame, rand length $frame, 1, chr int rand 256
            if rand() < 0.7;
        $frame = rand() < 0.9 ? pack('N/a', $frame) : $frame;
        last if !defined syswrite $fh, $frame;
    }

    close $fh;
    sleep 0.002;
}
