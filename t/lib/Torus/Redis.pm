# A Redis of our own for a test, and a client that speaks to any.
#
#   my $redis = Torus::Redis->start(clock => $clock);
#   $redis->cmd(qw( SET a 1 ));
#   $redis->dump(0);

package Torus::Redis;

use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::UNIX;
use Torus::Util qw( temp_dir free_port wait_for spawn stop slurp gone
                    halt );

my $count = 0;


# port, dir, args => [..], clock => Torus::Clock.  Without persistence unless
# args say otherwise.
sub start {
    my ($class, %o) = @_;
    my $n = $count++;
    my $self = bless {
        port  => $o{port} // free_port(),
        dir   => $o{dir} // temp_dir() . "/redis$n",
        args  => $o{args} // [],
        clock => $o{clock},
    }, $class;

    mkdir $self->{dir};
    $self->{sock} = "$self->{dir}/redis.sock";
    $self->{log} = "$self->{dir}/redis.log";
    $self->run;

    return $self;
}

# Starts the server, or starts it again after stop() or kill().
sub run {
    my ($self) = @_;
    my $env = $self->{clock} ? $self->{clock}->env : {};

    $self->disconnect;
    $self->{pid} = spawn($self->{log}, $env,
        $ENV{TORUS_REDIS_SERVER} || 'redis-server',
        '--port', $self->{port}, '--bind', '127.0.0.1',
        '--unixsocket', $self->{sock}, '--dir', $self->{dir},
        '--save', '', '--appendonly', 'no', '--databases', 16,
        '--protected-mode', 'no', '--daemonize', 'no', @{$self->{args}});

    wait_for(sub {
        die "redis-server does not start:\n", slurp($self->{log})
            if gone($self->{pid});
        eval { $self->cmd('PING') eq 'PONG' };
    }, 20) or die "redis-server does not answer:\n", slurp($self->{log});
}

# A client only.
sub connect {
    my ($class, %o) = @_;
    return bless { %o }, $class;
}

sub port { return $_[0]{port}; }
sub sock { return $_[0]{sock}; }
sub pid { return $_[0]{pid}; }

sub stop_server {
    my ($self) = @_;
    $self->disconnect;
    stop(delete $self->{pid}, 'TERM', 10) if $self->{pid};
}

sub kill_server {
    my ($self) = @_;
    $self->disconnect;
    stop(delete $self->{pid}, 'KILL', 10) if $self->{pid};
}

sub pause { halt($_[0]{pid}); }
sub resume { kill 'CONT', $_[0]{pid}; }

sub disconnect {
    my ($self) = @_;
    delete $self->{fh};
}

sub handle {
    my ($self) = @_;

    return $self->{fh} if $self->{fh};

    my $fh = $self->{sock}
        ? IO::Socket::UNIX->new(Peer => $self->{sock}, Timeout => 5)
        : IO::Socket::INET->new(PeerAddr => '127.0.0.1', Timeout => 5,
                                PeerPort => $self->{port});

    die "redis: connect: $!\n" if !$fh;
    binmode $fh;

    return $self->{fh} = $fh;
}

# Sends one command and returns its reply; dies on an error reply.
sub cmd {
    my ($self, @args) = @_;
    my ($reply) = $self->pipeline([ @args ]);

    die "redis: $$reply ($args[0])\n" if ref $reply eq 'SCALAR';

    return $reply;
}

# Sends many, returns their replies; an error is a reference to its text.
sub pipeline {
    my ($self, @cmds) = @_;
    my $fh = $self->handle;
    my $out = '';

    for my $cmd (@cmds) {
        my @args = map { my $a = $_; utf8::encode($a) if utf8::is_utf8($a);
                         $a } @$cmd;
        $out .= '*' . @args . "\r\n";
        $out .= '$' . length($_) . "\r\n$_\r\n" for @args;
    }

    local $SIG{PIPE} = 'IGNORE';
    my $ok = print {$fh} $out;
    $fh->flush;

    my @replies = eval { map { $self->reply } @cmds };
    if (!$ok || $@) {
        my $why = $@ || "redis: write: $!\n";
        $self->disconnect;
        die $why;
    }

    return @replies;
}

sub reply {
    my ($self) = @_;
    my $fh = $self->{fh};
    local $/ = "\r\n";

    my $line = <$fh>;
    die "redis: connection closed\n" if !defined $line || $line !~ /\r\n\z/;

    chomp $line;
    my $type = substr $line, 0, 1, '';

    return $line if $type eq '+' || $type eq ':';
    return \"$line" if $type eq '-';
    return undef if $line == -1;

    if ($type eq '$') {
        my $data = '';
        read($fh, $data, $line + 2) == $line + 2
            or die "redis: connection closed\n";
        return substr $data, 0, -2;
    }

    die "redis: reply of an unknown type \"$type\"\n" if $type ne '*';

    return [ map { $self->reply } 1 .. $line ];
}

# What a database holds but for our bookkeeping: key => [type, value, expiry
# in epoch seconds or undef].  Hashes are hashes, sets sorted lists.
sub dump {
    my ($self, $db) = @_;

    $self->cmd(SELECT => $db // 0);

    my @keys = sort grep { !/^torus:/ } @{$self->cmd(KEYS => '*')};
    my @types = $self->pipeline(map { [ TYPE => $_ ] } @keys);
    my %read = (
        string => sub { [ GET => $_[0] ] },
        list   => sub { [ LRANGE => $_[0], 0, -1 ] },
        set    => sub { [ SMEMBERS => $_[0] ] },
        hash   => sub { [ HGETALL => $_[0] ] },
        zset   => sub { [ ZRANGE => $_[0], 0, -1, 'WITHSCORES' ] },
        none   => sub { [ GET => $_[0] ] },
        stream => sub { [ XLEN => $_[0] ] },
    );
    my @values = $self->pipeline(
        map { $read{$types[$_]}->($keys[$_]) } 0 .. $#keys);
    my @expires = $self->pipeline(map { [ EXPIRETIME => $_ ] } @keys);
    my %dump;

    for my $i (0 .. $#keys) {
        my ($type, $value) = ($types[$i], $values[$i]);

        next if $type eq 'none';

        $value = [ sort @$value ] if $type eq 'set';
        $value = { @$value } if $type eq 'hash';

        $dump{$keys[$i]} = [ $type, $value,
                             $expires[$i] < 0 ? undef : $expires[$i] ];
    }

    $self->cmd(SELECT => 0) if $db;

    return \%dump;
}

# The dump as text, a line for each key:
#
#   app.hits:minute:28333333 string 7
#   app.rt:minute:28333333 hash 12=1 15=2
#   app.users:minute:28333333 set a b
#   app.v:minute:28333333 list 5 7
#
# with " @1700000400" behind it, the expiry, when asked for.
sub text {
    my ($self, $db, $expiry) = @_;
    my $dump = $self->dump($db);
    my $text = '';

    for my $key (sort keys %$dump) {
        my ($type, $value, $expire) = @{$dump->{$key}};

        $value = join ' ', @$value if ref $value eq 'ARRAY';
        $value = join ' ', map { "$_=$value->{$_}" } sort keys %$value
            if ref $value eq 'HASH';

        $text .= "$key $type $value";
        $text .= defined $expire ? " \@$expire" : ' @never' if $expiry;
        $text .= "\n";
    }

    return $text;
}

# Writes to the data set so far: grows by what has been applied.
sub changes {
    my ($self) = @_;
    my ($n) = $self->cmd('INFO', 'persistence')
              =~ /^rdb_changes_since_last_save:(\d+)/m;
    return $n;
}

# Until something has been written since $before, and then nothing more for
# a moment.
sub quiet {
    my ($self, $before, $seconds) = @_;
    my $last = -1;
    my $same = 0;

    return wait_for(sub {
        my $now = $self->changes;

        return 0 if $now <= $before;

        $same = $now == $last ? $same + 1 : 0;
        $last = $now;
        select undef, undef, undef, 0.004;

        return $same >= 5;
    }, $seconds // 5);
}

1;
