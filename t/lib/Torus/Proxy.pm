# A network that fails: a proxy between two TCP ports, in a process of its
# own.
#
#   my $p = Torus::Proxy->start($port, cut => [ 20000, 5000 ], seed => 7);
#   $p->port          where to connect
#   $p->set(..)       the same options, from now on
#   $p->stats         { connections, cut, late }
#   $p->stop
#
# Options:
#
#   cut    a connection ends after so many bytes on average to the server, or
#          to the client, whichever comes first; the offset is random, to the
#          byte.  0: that direction is never cut
#   leave  when it is cut, only the client sees it: the connection to the
#          server stays open, and the bytes that the client had sent behind
#          the cut arrive there so many seconds later
#   deaf   connections are accepted, and nothing moves any more
#   kill   all connections end, now

package Torus::Proxy;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Socket qw( SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY );
use Time::HiRes qw( time );
use Torus::Util qw( temp_dir spew slurp wait_for );

my $owner = $$;
my $count = 0;
my %running;


sub start {
    my ($class, $to, %o) = @_;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        Listen => 64, ReuseAddr => 1, LocalPort => $o{port} // 0)
        or die "listen: $!\n";
    my $file = temp_dir() . '/proxy' . $count++;
    my $self = bless { port => $listen->sockport, file => $file, n => 0,
                       options => { cut => [ 0, 0 ], %o } }, $class;

    $self->set;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw( INT TERM HUP );
        $SIG{PIPE} = 'IGNORE';
        eval { run($listen, $to, $file, $o{seed} // 1); 1 }
            or print STDERR "proxy: $@";
        POSIX::_exit(0);
    }

    close $listen;
    $self->{pid} = $pid;
    $running{$pid} = $self;

    return $self;
}

sub port { return $_[0]{port}; }

# Returns when the proxy has seen it.
sub set {
    my ($self, %o) = @_;
    my $options = $self->{options};

    %$options = (%$options, %o, n => ++$self->{n});
    spew("$self->{file}.new", JSON::PP->new->encode($options));
    rename "$self->{file}.new", $self->{file};
    delete $options->{kill};

    return if !$self->{pid};

    wait_for(sub { $self->stats->{n} == $self->{n} }, 5)
        or die "the proxy does not answer\n";
}

sub stats {
    my ($self) = @_;
    my $text = slurp("$self->{file}.stats");

    return length $text ? JSON::PP->new->decode($text)
                        : { n => 0, connections => 0, cut => 0, late => 0 };
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;

    delete $running{$pid};
    kill KILL => $pid;
    waitpid $pid, 0;
}


sub run {
    my ($listen, $to, $file, $seed) = @_;
    my %pair;
    my @late;
    my %stats = (n => 0, connections => 0, cut => 0, late => 0);
    my $said = '';
    my $next = 0;
    my $o;

    srand $seed;

    while (1) {
        if (time > $next) {
            $next = time + 0.02;
            my $new = eval { JSON::PP->new->decode(slurp($file)) } || $o;

            if (!$o || $new->{n} != $o->{n}) {
                $o = $new;
                $stats{n} = $o->{n};
                end_pair($_, \%pair) for $o->{kill} ? values %pair : ();
                @late = () if $o->{kill};
            }

            my $text = JSON::PP->new->canonical->encode(\%stats);
            if ($text ne $said) {
                $said = $text;
                spew("$file.stats.new", $text);
                rename "$file.stats.new", "$file.stats";
            }
        }

        # what lies about in the network arrives

        while (@late && $late[0]{at} <= time) {
            my $l = shift @late;
            $stats{late} += length $l->{bytes};
            $l->{fh}->blocking(1);
            syswrite $l->{fh}, $l->{bytes};
            close $l->{fh};
        }

        if ($o->{deaf}) {
            select undef, undef, undef, 0.01;
            next;
        }

        my ($r, $w) = ('', '');
        vec($r, fileno $listen, 1) = 1;

        for my $p (values %pair) {
            for my $d (0, 1) {
                vec($r, fileno $p->{fh}[$d], 1) = 1
                    if length $p->{buf}[$d] < 262144 && !$p->{eof}[$d];
                vec($w, fileno $p->{fh}[1 - $d], 1) = 1
                    if length $p->{buf}[$d];
            }
        }

        select $r, $w, undef, 0.01;

        if (vec $r, fileno $listen, 1) {
            my $c = $listen->accept;
            my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                          PeerPort => $to);
            if ($c && $s) {
                $_->blocking(0), $_->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
                    for $c, $s;
                $stats{connections}++;
                my $p = { fh => [ $c, $s ], buf => [ '', '' ],
                          eof => [ 0, 0 ], left => [
                    map { $_ ? 1 + int rand 2 * $_ : 0 } @{$o->{cut}} ] };
                $pair{$p} = $p;
            } elsif ($c) {
                reset_socket($c);
            }
        }

        for my $p (values %pair) {
            my $over = 0;

            for my $d (0, 1) {
                my $fh = $p->{fh}[$d];

                if (!$p->{eof}[$d] && vec $r, fileno $fh, 1) {
                    my $n = sysread $fh, $p->{buf}[$d], 65536,
                                    length $p->{buf}[$d];
                    $p->{eof}[$d] = 1 if defined $n ? $n == 0 : !$!{EAGAIN};
                }

                if (length $p->{buf}[$d]) {
                    my $len = length $p->{buf}[$d];
                    my $left = $p->{left}[$d];
                    $len = $left if $left && $len > $left;

                    my $n = syswrite $p->{fh}[1 - $d], $p->{buf}[$d], $len;

                    if (defined $n) {
                        substr $p->{buf}[$d], 0, $n, '';
                        $p->{left}[$d] -= $n if $left;
                        $over = 2 if $left && !$p->{left}[$d];
                    } elsif (!$!{EAGAIN}) {
                        $over = 1;
                    }
                }

                $over ||= 1 if $p->{eof}[$d] && !length $p->{buf}[$d];
                last if $over;
            }

            next if !$over;

            $stats{cut}++ if $over == 2;

            if ($over == 2 && $o->{leave}) {
                my $bytes = $p->{buf}[0];
                my $c = $p->{fh}[0];

                # what the client had sent already is on its way

                while (1) {
                    my $n = sysread $c, $bytes, 65536, length $bytes;
                    last if !$n;
                }

                reset_socket($c);
                push @late, { at => time + $o->{leave}, bytes => $bytes,
                              fh => $p->{fh}[1] };
                delete $pair{$p};
                next;
            }

            end_pair($p, \%pair);
        }
    }
}

sub end_pair {
    my ($p, $pairs) = @_;

    # half of them with FIN, the others with a reset

    if (rand() < 0.5) {
        reset_socket($p->{fh}[0]);
    } else {
        close $p->{fh}[0];
    }

    close $p->{fh}[1];
    delete $pairs->{$p};
}

sub reset_socket {
    my ($fh) = @_;
    setsockopt $fh, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    close $fh;
}

END {
    if ($$ == $owner) {
        local $?;
        $_->stop for values %running;
    }
}

1;
