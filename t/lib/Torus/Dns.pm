# A name server that knows one thing: the addresses of every name.
#
#   my $dns = Torus::Dns->start('127.0.0.1');
#   $dns->port
#   $dns->set('127.0.0.2')     none: the name does not exist
#   $dns->asked                how often

package Torus::Dns;

use strict;
use warnings;

use IO::Socket::INET;
use POSIX ();
use Torus::Util qw( temp_dir spew slurp );

my $owner = $$;
my $count = 0;
my %running;


sub start {
    my ($class, @addresses) = @_;
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp')
        or die "udp: $!\n";
    my $self = bless { port => $s->sockport,
                       file => temp_dir() . '/dns' . $count++ }, $class;

    $self->set(@addresses);
    spew("$self->{file}.asked", 0);

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw( INT TERM HUP );
        eval { $self->run($s) };
        POSIX::_exit(0);
    }

    $self->{pid} = $pid;
    $running{$pid} = $self;

    return $self;
}

sub port { return $_[0]{port}; }

sub set {
    my ($self, @addresses) = @_;
    spew("$self->{file}.new", "@addresses");
    rename "$self->{file}.new", $self->{file};
}

sub asked { return slurp("$_[0]{file}.asked") || 0; }

sub run {
    my ($self, $s) = @_;
    my $asked = 0;

    while (my $from = $s->recv(my $query, 512)) {
        my $id = substr $query, 0, 2;
        my $end = index($query, "\0", 12) + 5;
        my $question = substr $query, 12, $end - 12;
        my $type = unpack 'n', substr $question, -4, 2;
        my @a = split ' ', slurp($self->{file});

        $asked++;
        spew("$self->{file}.asked", $asked);

        # AAAA: there are none

        my @answers = $type == 1 ? @a : ();
        my $flags = @a ? 0x8180 : 0x8183;

        $s->send($id . pack('n5', $flags, 1, scalar @answers, 0, 0)
                 . $question
                 . join('', map { pack('n n n N n', 0xc00c, 1, 1, 1, 4)
                                  . pack 'C4', split /\./ } @answers),
                 0, $from);
    }
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;

    delete $running{$pid};
    kill KILL => $pid;
    waitpid $pid, 0;
}

END {
    if ($$ == $owner) {
        local $?;
        $_->stop for values %running;
    }
}

1;
