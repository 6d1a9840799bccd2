# Small things for tests: where the tree is, ports, waiting, processes.

package Torus::Util;

use strict;
use warnings;

use Cwd qw( abs_path );
use Exporter qw( import );
use File::Basename qw( dirname );
use File::Temp qw( tempdir );
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw( WNOHANG );
use Socket qw( SOCK_DGRAM );
use Time::HiRes qw( sleep time );

our @EXPORT_OK = qw( root temp_dir free_port wait_for spawn stop slurp spew
                     gone halt );

my $root = abs_path(dirname(__FILE__) . '/../../..');
my $owner = $$;
my $temp;
my %running;
my %ports;

# so that END blocks run, and with them what stops servers
$SIG{$_} ||= sub { exit 130 } for qw( INT TERM HUP );

adopt();


# Daemons that we start become our children (PR_SET_CHILD_SUBREAPER), so that
# waitpid() sees them go; the init of a container may leave them as zombies
# for seconds.  Where it cannot be had tests are slower, no more.
sub adopt {
    my %number = (x86_64 => 157, aarch64 => 167, i686 => 172);
    my $prctl = $number{(POSIX::uname())[4]} or return;

    eval { syscall $prctl, 36, 1, 0, 0, 0 };
}

sub root { return $root; }

# One directory for this run, gone with it; short, for unix sockets.
sub temp_dir {
    $temp //= tempdir('torus-XXXXXX', TMPDIR => 1);
    return $temp;
}

# Below the range from which outgoing connections take theirs.  It stays ours
# as long as we live, also while nobody listens there: another test must not
# put its Redis where the dead one of this test is.  The mark is an abstract
# socket, which goes with its last process and leaves no file.
sub free_port {
    for (1 .. 1000) {
        my $port = 12000 + int rand 18000;
        my $mark = IO::Socket::UNIX->new(Type => SOCK_DGRAM,
                                         Local => "\0torus-port-$port")
            or next;
        my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
                                      LocalPort => $port)
            or next;

        $ports{$port} = $mark;

        return $port;
    }

    die "no free port\n";
}

# Until the condition holds, its value; or false when seconds have passed.
sub wait_for (&;$) {
    my ($what, $seconds) = @_;
    my $until = time + ($seconds // 5);
    my $pause = 0.001;

    while (1) {
        my $value = $what->();

        return $value if $value;
        return 0 if time > $until;

        sleep $pause;
        $pause = 0.05 if ($pause *= 1.5) > 0.05;
    }
}

# Starts a program with its output in a file; stopped at the latest when the
# test ends.
sub spawn {
    my ($log, $env, @cmd) = @_;
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw( INT TERM HUP );
        POSIX::setsid();
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $log or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT;
        for my $name (keys %$env) {
            if (defined $env->{$name}) {
                $ENV{$name} = $env->{$name};
            } else {
                delete $ENV{$name};
            }
        }
        { no warnings; exec { $cmd[0] } @cmd; }
        print STDERR "exec $cmd[0]: $!\n";
        POSIX::_exit(127);
    }

    $running{$pid} = 1;

    return $pid;
}

sub gone {
    my ($pid) = @_;
    my $child = waitpid $pid, WNOHANG;

    return 0 if $child == 0;

    delete $running{$pid};

    return $child == $pid || !kill 0, $pid;
}

# They stand still when this returns: a process that only has the signal may
# yet see what comes meanwhile.
sub halt {
    my @pids = @_;

    kill 'STOP', @pids;

    return wait_for(sub {
        !grep { slurp("/proc/$_/stat") =~ /\) [^TZX] / } @pids
    }, 5);
}

# Signal, wait; then KILL.  True when the signal was enough.
sub stop {
    my ($pid, $signal, $seconds) = @_;

    return 1 if gone($pid);

    kill $signal // 'TERM', $pid;
    return 1 if wait_for(sub { gone($pid) }, $seconds // 5);

    kill 'KILL', $pid;
    wait_for(sub { gone($pid) }, 5);

    return 0;
}

sub slurp {
    my ($file) = @_;

    open my $in, '<:raw', $file or return '';
    local $/;

    return scalar <$in> // '';
}

sub spew {
    my ($file, @text) = @_;

    open my $out, '>:raw', $file or die "$file: $!\n";
    print $out @text;
    close $out or die "$file: $!\n";
}

END {
    if ($$ == $owner) {
        local $?;
        stop($_, 'TERM', 2) for keys %running;

        if (defined $temp && !$ENV{TORUS_KEEP}) {
            require File::Path;
            File::Path::remove_tree($temp);
        }
    }
}

1;
