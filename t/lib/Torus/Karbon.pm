# An nginx that takes Carbon in, and the Redis behind it, for the suites of
# the stream module.
#
#   my $k = Torus::Karbon->new(server => 'karbon_line_max 100;');
#   $k->send("c.a 1\n");
#   $k->holds('c.a:minute:28333333', 1, 'one point');
#
# The schemas: c.** count, g.** gauge, u.** set of text, s.** series; each
# with one interval, minutes ("minute", "gmin", "umin", "smin").  The time is 1700000000 unless "clock" says
# otherwise (0: the real one).

package Torus::Karbon;

use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket qw( IPPROTO_TCP TCP_NODELAY );
use Test::More ();
use Torus::Clock;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( temp_dir free_port wait_for slurp );

my $count = 0;


# server: more in the server of TCP; servers: more servers; stream: more in
# the stream block; main: more outside; listen: of the server, behind the
# address; redis: another one; events: of the events block.
sub new {
    my ($class, %o) = @_;
    my $clock;

    if ($o{clock} // 1) {
        $clock = Torus::Clock->new;
        $clock->freeze($o{clock} // 1700000000);
    }

    my $redis = $o{redis} // Torus::Redis->start(clock => $clock);
    my $nginx = Torus::Nginx->new(clock => $clock,
                                  level => $o{level} // 'info');
    my $self = bless { nginx => $nginx, redis => $redis, clock => $clock,
                       own => !$o{redis} }, $class;
    my $dir = $nginx->dir;
    my $host = $o{host} // '127.0.0.1:' . $redis->port . '/0';

    $nginx->file('schema.json', schema($host));

    my $port = $nginx->karbon_port;
    my $main = $o{main} // "worker_processes 1;\n";
    my $more = join "\n", map { $_ // '' } $o{stream}, $o{servers};
    my $server = $o{server} // '';
    my $listen = $o{listen} // '';
    my $events = $o{events} // 'worker_connections 256;';

    $more =~ s/\$DIR/$dir/g;
    $server =~ s/\$DIR/$dir/g;

    $nginx->conf(<<END);
$main
events { $events }
stream {
    log_format karbon "\$status \$karbon_lines \$karbon_bad_lines";
    access_log $dir/logs/stream.log karbon;
    karbon_schema schema.json;
    server {
        listen 127.0.0.1:$port $listen;
        karbon on;
        $server
    }
$more
}
END
    $nginx->start if $o{start} // 1;

    return $self;
}

sub schema {
    my ($host) = @_;
    my ($c, $g, $s, $u) = map { <<END } qw( minute gmin smin umin );
           "intervals": { "$_": { "step": 60, "steps": 100000 } }
END

    return <<END;
{ "TIMESERIES": {
    "c": { "type": "count", "host": "$host", "match": "c.**",
$c    },
    "g": { "type": "gauge", "host": "$host", "match": "g.**",
$g    },
    "s": { "type": "series", "host": "$host", "match": "s.**",
$s    },
    "u": { "type": "set", "host": "$host", "match": "u.**",
           "write_func": "string", "read_func": "string",
$u    }
} }
END
}

sub nginx { return $_[0]{nginx}; }
sub redis { return $_[0]{redis}; }
sub clock { return $_[0]{clock}; }
sub port { return $_[0]{nginx}->karbon_port; }
sub log_text { return $_[0]{nginx}->log_text; }

# Bytes on a connection of their own, to its end; a list goes part by part.
sub send {
    my ($self, $bytes, $where, $pause) = @_;
    return Torus::Nginx::carbon($where // $self->port, $bytes, $pause);
}

sub connect {
    my ($self, $where) = @_;
    my $fh = Torus::Nginx::connect_to($where // $self->port);

    $fh->autoflush(1);
    $fh->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1) if ($where // 0) !~ m{^/};

    return $fh;
}

sub udp {
    my ($self, $port, @datagrams) = @_;
    my $fh = IO::Socket::INET->new(PeerAddr => '127.0.0.1', Proto => 'udp',
                                   PeerPort => $port) or die "udp: $!\n";

    for my $datagram (@datagrams) {
        defined $fh->send($datagram) or die "udp: send: $!\n";
    }

    return $fh;
}

# One test: what Redis holds in the end, as text; see Torus::Redis::text().
sub is_stored {
    my ($self, $want, $name, $seconds) = @_;
    my $got;

    wait_for(sub { ($got = $self->{redis}->text) eq $want }, $seconds // 5);

    return Test::More::is($got, $want, $name);
}

# One test: a count, summed up over its buckets.
sub is_sum {
    my ($self, $stat, $want, $name, $seconds) = @_;
    my $got;

    wait_for(sub { ($got = $self->sum($stat)) == $want }, $seconds // 5);

    return Test::More::is($got, $want, $name);
}

sub sum {
    my ($self, $stat) = @_;
    my $redis = $self->{redis};
    my $keys = $redis->cmd(KEYS => "$stat:minute:*");
    my $sum = 0;

    $sum += $_ // 0 for @$keys ? @{$redis->cmd(MGET => @$keys)} : ();

    return $sum;
}

# Lines of the access log: "STATUS LINES BAD".
sub sessions {
    my ($self) = @_;
    return split /\n/, slurp($self->{nginx}->dir . '/logs/stream.log');
}

# One test: the log has this so many times ("+": at least once).
sub is_logged {
    my ($self, $pattern, $want, $name) = @_;
    my $found = sub { my $n = () = $self->log_text =~ /$pattern/g; $n };
    my $least = $want eq '+' ? 1 : $want;

    wait_for(sub { $found->() >= $least }, 3) if $least;

    return $want eq '+' ? Test::More::ok($found->() > 0, $name)
                        : Test::More::is($found->(), $want, $name);
}

# One test: nothing in the log above "notice" but for what matches.
sub is_quiet {
    my ($self, $except, $name) = @_;
    my @lines = grep { /\[(warn|error|crit|alert|emerg)\]/
                       && !(defined $except && /$except/) }
                split /\n/, $self->log_text;

    Test::More::diag($_) for @lines[0 .. ($#lines < 9 ? $#lines : 9)];

    return Test::More::is(scalar @lines, 0, $name // 'a quiet log');
}

sub flush {
    my ($self) = @_;
    $self->{redis}->cmd('FLUSHALL');
}

# One test: it leaves in time and without a word.
sub stop_ok {
    my ($self, $except) = @_;
    my $ok = $self->{nginx}->stop('QUIT', 10);
    my @bad = grep { /\[(error|crit|alert|emerg)\]|open socket/
                     && !(defined $except && /$except/) }
              split /\n/, $self->log_text;

    Test::More::ok($ok && !@bad, 'nginx leaves, and nothing is left')
        or Test::More::diag(join "\n", @bad[0 .. ($#bad < 9 ? $#bad : 9)]);

    $self->{redis}->stop_server if $self->{own};
}

1;
