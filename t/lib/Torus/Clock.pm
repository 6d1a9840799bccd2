# A realtime clock that a test sets, for servers that are started with its
# environment: see clock.c beside this directory.
#
#   my $clock = Torus::Clock->new;
#   $clock->freeze(1700000000);
#   $clock->env       the variables that put a process under it

package Torus::Clock;

use strict;
use warnings;

use POSIX ();
use Time::HiRes ();
use Torus::Util qw( root temp_dir );

my $count = 0;


sub new {
    my ($class, $file) = @_;
    my $self = bless {}, $class;

    $self->{file} = $file // temp_dir() . '/clock' . $count++;
    $self->{lib} = $ENV{TORUS_CLOCK_LIB} || build();
    $self->real;

    return $self;
}

sub build {
    my $dir = root() . '/build/t';
    my $lib = "$dir/clock.so";
    my $src = root() . '/t/lib/clock.c';

    return $lib if -e $lib && -M $lib < -M $src;

    require File::Path;
    File::Path::make_path($dir);

    my @cmd = ($ENV{CC} || 'cc', qw( -std=gnu11 -O2 -g -Wall -Wextra -Werror
               -fPIC -shared -o ), "$lib.$$", $src);
    system(@cmd) == 0 or die "clock.c does not compile\n";
    rename "$lib.$$", $lib or die "$lib: $!\n";

    return $lib;
}

# Eight bytes, so that a reader sees the old or the new: nanoseconds, even
# where they are added to the clock, odd where they are the time.
sub put {
    my ($self, $ns, $frozen) = @_;

    $ns = ($ns & ~1) | ($frozen ? 1 : 0);

    open my $out, '+>>', $self->{file} or die "$self->{file}: $!\n";
    close $out;
    open $out, '+<', $self->{file} or die "$self->{file}: $!\n";
    binmode $out;
    syswrite $out, pack 'q', $ns;
    close $out;
}

sub ns {
    my ($seconds) = @_;
    my $whole = POSIX::floor($seconds);
    return $whole * 1_000_000_000 + int(($seconds - $whole) * 1e9 + 0.5);
}

sub real {
    my ($self) = @_;
    $self->put(0, 0);
}

# The time stands still there.
sub freeze {
    my ($self, $epoch) = @_;
    $self->put(ns($epoch), 1);
}

# The time goes on from there.
sub run_from {
    my ($self, $epoch) = @_;
    $self->put(ns($epoch) - ns(Time::HiRes::time()), 0);
}

sub preload { return $_[0]{lib}; }
sub file { return $_[0]{file}; }

sub env {
    my ($self) = @_;
    my $others = $ENV{LD_PRELOAD};

    return {
        TORUS_CLOCK => $self->{file},
        LD_PRELOAD  => join(' ', grep { defined && length }
                            $others, $self->{lib}),
    };
}

1;
