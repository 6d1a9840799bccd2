# Stands between a sender and nginx and keeps what was sent: the truth that
# answers are compared with.
#
#   my $tee = Torus::Tee->start($port_of_nginx);
#   $tee->port     where the sender connects
#   $tee->lines    whole lines so far
#   $tee->stop

package Torus::Tee;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Torus::Util qw( temp_dir slurp );

my $count = 0;


sub start {
    my ($class, $to) = @_;
    my $file = temp_dir() . '/tee' . $count++;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                       Listen => 16) or die "listen: $!\n";
    my $self = bless { port => $listen->sockport, file => $file }, $class;

    $self->{pid} = fork // die "fork: $!\n";

    if ($self->{pid} == 0) {
        $SIG{$_} = 'DEFAULT' for qw( INT TERM HUP );
        eval { relay($listen, $to, $file) };
        POSIX::_exit(0);
    }

    return $self;
}

sub relay {
    my ($listen, $to, $file) = @_;
    my $select = IO::Select->new($listen);
    my (%peer, %out);

    open my $log, '>>:raw', $file or die "$file: $!\n";
    $log->autoflush(1);

    while (1) {
        for my $fh ($select->can_read) {
            if ($fh == $listen) {
                my $in = $listen->accept or next;
                my $up = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                               PeerPort => $to);
                close($in), next if !$up;
                $peer{fileno $in} = $up;
                $out{fileno $in} = '';
                $select->add($in);
                next;
            }

            my $id = fileno $fh;
            my $n = sysread $fh, my $bytes, 65536;

            if (!$n) {
                $select->remove($fh);
                close delete $peer{$id};
                close $fh;
                next;
            }

            # what nginx was given, in whole lines, connection by connection
            my $up = $peer{$id};
            my $off = 0;
            while ($off < $n) {
                my $w = syswrite $up, $bytes, $n - $off, $off;
                last if !$w;
                $off += $w;
            }

            $out{$id} .= $bytes;
            print $log $1 if $out{$id} =~ s/\A(.*\n)//s;
        }
    }
}

sub port { return $_[0]{port}; }
sub lines { return split /\n/, slurp($_[0]{file}); }
sub stop { Torus::Util::stop($_[0]{pid}, 'TERM', 5); }

1;
