# More clients than worker_connections: fast ones, and some that send a byte
# at a time, while Redis is down, then up.  Who is refused is refused before
# anything of his is read, and comes again; nothing is lost, nothing doubled.
# Then memory, with Redis stopped and clients that never cease: it is flat.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Test::More;
use Time::HiRes qw( sleep time );
use Torus::Faults;
use Torus::Util qw( wait_for temp_dir slurp spew );

my $clients = Torus::Faults::pick(240, 1000);
my $connections = Torus::Faults::pick(80, 256);
my $w = Torus::Faults->new(types => 'l',
                           events => "worker_connections $connections;");

$w->redis->kill_server;

my @pids;
my $procs = 4;

for my $p (0 .. $procs - 1) {
    my $file = temp_dir() . "/crowd.$p";
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw( INT TERM HUP );
        $SIG{PIPE} = 'IGNORE';
        my $said = eval { crowd($p, $clients / $procs) }
            // { error => "$@" };
        spew("$file.new", JSON::PP->new->encode($said));
        rename "$file.new", $file;
        POSIX::_exit(0);
    }

    push @pids, [ $pid, $file ];
}

ok(wait_for(sub { $w->logged(qr/client refused|worker_connections are not/) },
            20), 'some are refused');
sleep 1;
$w->redis->run;

my $refused = 0;

for my $p (@pids) {
    ok(wait_for(sub { waitpid($p->[0], POSIX::WNOHANG()) != 0 }, 90),
       'the crowd has gone')
        or kill KILL => $p->[0];

    my $said = JSON::PP->new->decode(slurp($p->[1]) || '{"error":"killed"}');
    is($said->{error} // '', '', 'and got through');
    $refused += $said->{refused} // 0;
    $w->{sent}{$_} = $said->{sent}{$_} for keys %{$said->{sent} // {}};
}

is(scalar keys %{$w->{sent}}, $clients, "$clients clients");
cmp_ok($refused, '>', 0, "refused $refused times");
$w->judge('a crowd');
unlike($w->nginx->log_text, qr/\[emerg\]|open socket/, 'no socket is left');
ok($w->stop, 'it leaves');
$w->redis->stop_server;


# Redis accepts and says nothing: clients push on and on

my $slow = Torus::Faults::pick(100, 1000);

$w = Torus::Faults->new(workers => 1, types => 'lh',
                        events => 'worker_connections 1200;',
                        stream => 'karbon_redis_queue 16m;');
my $before = $w->memory;
$w->redis->pause;
my $drip = drip($slow);
$w->send(names => 500) for 1 .. Torus::Faults::pick(8, 24);

my ($host, $at, @seen);
ok(wait_for(sub {
    ($host) = grep { $_->{blocked} } values %{$w->status->{hosts}};
    return $host;
}, 30), 'the queue is full, and they wait');

my $until = time + Torus::Faults::pick(3, 60);
sleep 0.5;
push @seen, $w->memory;

while (time < $until) {
    sleep 0.5;
    push @seen, $w->memory;
}

my ($first, $last) = @seen[0, -1];
cmp_ok($last - $first, '<=', 1024,
       "Redis stopped, $slow clients that send a byte a second and others that "
       . "push, memory of the worker: $before KiB before, $first KiB when full "
       . "(a queue of 16384), $last KiB at the end");
cmp_ok($last - $before, '<', 3 * 16384, 'and within the bounds');

kill TERM => $drip;
waitpid $drip, 0;

# what is in the sockets of so many is a lot

$w->redis->resume;
$w->finish(180);
$w->{sent} = {};
ok(wait_for(sub {
    my $o = $w->status->{operations};
    return $o->{made} == $o->{applied};
}, 40), 'all of it arrives');
$w->identities('stopped');
$w->clean('stopped');

done_testing();


# A process with so many connections, on each a byte a second.
sub drip {
    my ($n) = @_;
    my $pid = fork // die "fork: $!\n";

    return $pid if $pid;

    $SIG{$_} = 'DEFAULT' for qw( INT TERM HUP );
    $SIG{PIPE} = 'IGNORE';

    my @fh = map { Torus::Nginx::connect_to($w->nginx->karbon_port) } 1 .. $n;
    my $line = "f.drip 1 $w->{now}\n" x 100;

    for my $i (0 .. length($line) - 1) {
        syswrite $_, $line, 1, $i for @fh;
        sleep 1;
    }

    POSIX::_exit(0);
}

# Clients of one process: the third part of them slow.
sub crowd {
    my ($p, $n) = @_;
    my (%c, %sent);
    my $refused = 0;
    my $until = time + 80;

    for my $i (0 .. $n - 1) {
        my $points = $i % 3 ? 20 + int rand 100 : 3;
        my $name = "f.$p.$i";
        $c{$i} = { name => $name, slow => $i % 3 == 0, at => time + rand 1,
                   bytes => join '', map { "$name $_ $w->{now}\n" }
                            1 .. $points };
        $sent{$name} = $points;
    }

    while (%c) {
        die scalar(keys %c) . " clients left\n" if time > $until;

        my $r = IO::Select->new(grep { $_ } map { $_->{fh} } values %c);
        my %ready = map { fileno($_) => 1 } $r->can_read(0.01);
        my $now = time;

        for my $i (keys %c) {
            my $c = $c{$i};

            if (!$c->{fh}) {
                next if $now < $c->{at};
                $c->{fh} = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                    PeerPort => $w->nginx->karbon_port) or next;
                $c->{fh}->blocking(0);
                $c->{pos} = 0;

                # who is refused is refused at once

                $c->{at} = $now + 0.5;
                next;
            }

            if ($ready{fileno $c->{fh}}) {
                my $got = sysread $c->{fh}, my $buf, 16;
                next if !defined $got && $!{EAGAIN};

                if (defined $got && $got == 0 && $c->{done}) {
                    delete $c{$i};
                    next;
                }

                # refused, and nothing of it was read

                die "closed in the middle of $c->{name}\n" if $c->{pos};
                $refused++;
                delete $c->{fh};
                $c->{at} = $now + 0.3 + rand 0.5;
                next;
            }

            next if $now < $c->{at} || $c->{done};

            my $len = $c->{slow} ? 1 : 4096;
            my $out = syswrite $c->{fh}, $c->{bytes}, $len, $c->{pos};
            $c->{pos} += $out if defined $out;
            $c->{at} = $now + 0.02 if $c->{slow};

            if ($c->{pos} == length $c->{bytes}) {
                shutdown $c->{fh}, 1;
                $c->{done} = 1;
            }
        }
    }

    return { sent => \%sent, refused => $refused };
}
