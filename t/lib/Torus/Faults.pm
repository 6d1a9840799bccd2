# A world for tests of faults: a Redis, an nginx before it, senders that
# number their points, and a judge who compares what was sent with what Redis
# holds, point by point.
#
#   my $w = Torus::Faults->new(workers => 2);
#   $w->send(rate => 5000);
#   ... the fault ...
#   $w->finish;
#   $w->judge('killed 500 times');
#
# A sender of number i sends "f.i 1", "f.i 2", .. at one timestamp.  Each is
# stored by four schemas: a series, which shows what is lost, what is there
# twice and what is out of order; a count, a histogram and a gauge, which must
# agree with it.

package Torus::Faults;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Socket qw( IPPROTO_TCP TCP_NODELAY SO_LINGER SOL_SOCKET MSG_DONTWAIT );
use Test::More;
use Time::HiRes qw( sleep time );
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( temp_dir wait_for spew slurp );

my $owner = $$;
my @all;

# TORUS_LONG: the forms of "make soak".
sub long { return $ENV{TORUS_LONG} ? 1 : 0; }

sub pick {
    my ($short, $long) = @_;
    return long() ? $long : $short;
}


# workers, redis (args of a new one, or a Torus::Redis), host (in place of the
# Redis itself), stream, server and events (directives), schema, expire (steps
# of a day, as a number), packed (its days), types (of schemas, of "lnhg"),
# start => 0, wait => 0.
sub new {
    my ($class, %o) = @_;
    my $self = bless {
        workers => 2, stream => '', server => '', events => '', http => '',
        main => '', types => 'lnhg', %o, senders => [], sent => {},
    }, $class;

    $self->{redis} = Torus::Redis->start(args => $o{redis} // [])
        if ref $o{redis} ne 'Torus::Redis';
    $self->{host} //= '127.0.0.1:' . $self->{redis}->port . '/0';
    $self->{nginx} = Torus::Nginx->new(%{$o{nginx} // {}});
    $self->{now} = int time;

    $self->{nginx}->file('schema.json', $self->{schema} // $self->schema);
    $self->write_conf;

    push @all, $self;

    $self->{nginx}->start if !defined $o{start} || $o{start};
    $self->wait_ready if !grep { defined && !$_ } @o{qw( start wait )};

    $self->{only_lists} = $self->{types} eq 'l';

    return $self;
}

sub redis { return $_[0]{redis}; }
sub nginx { return $_[0]{nginx}; }

sub schema {
    my ($self) = @_;
    my $steps = $self->{expire} ? ", \"steps\": $self->{expire}" : '';

    $steps .= ', "resolution": 3600, "layout": "packed"' if $self->{packed};
    my %type = (l => 'series', n => 'count', h => 'histogram', g => 'gauge');
    my @schemas = map { <<END } split //, $self->{types};
    "$_": { "type": "$type{$_}", "match": "f.**", "prefix": "$_",
            "host": "$self->{host}",
            "intervals": { "day": { "step": 86400$steps } } }
END

    return "{ \"TIMESERIES\": {\n" . join(",\n", @schemas) . "}}\n";
}

sub write_conf {
    my ($self) = @_;
    my $port = $self->{nginx}->karbon_port;
    my $http = $self->{nginx}->port;
    my $events = $self->{events};

    $events = 'worker_connections 512;' if !length $events;

    $self->{nginx}->conf(<<END
worker_processes $self->{workers};
$self->{main}
events { $events }
stream {
    karbon_schema schema.json;
$self->{stream}
    server { listen 127.0.0.1:$port; karbon on;
$self->{server}
    }
}
END
    . $self->{nginx}->http_block(<<END));
    torus_schema schema.json;
$self->{http}
    server {
        listen 127.0.0.1:$http;
        location /torus/ { torus_query on; }
        location = /status { torus_status on; }
    }
END
}

# Each worker has said that it is connected.
sub wait_ready {
    my ($self, $seconds) = @_;

    return wait_for(sub { $self->writers >= $self->{workers} },
                    $seconds // 10);
}

# Identities of the writers' connections at Redis.
sub writers {
    my ($self) = @_;
    my $list = eval { $self->{redis}->cmd(qw( CLIENT LIST )) } // '';

    return map { /^id=(\d+) .*\bname=karbon\b/ ? $1 : () } split /\n/, $list;
}

# The counters of the zone, once they are quiet.
sub status {
    my ($self) = @_;
    my ($code, $body) = $self->{nginx}->get('/status');

    die "status: $code $body\n" if $code != 200;
    return JSON::PP->new->decode($body);
}


# Starts a sender: a process of its own.  rate: points a second (0: as fast
# as they are taken), count: ends by itself after so many, port, kind:
#
#   plain      one connection
#   faithful   closes when the server has sent FIN, and goes on with a new
#              connection; sends again all that it wrote to a connection that
#              was reset without a FIN, for nobody had accepted it
#   lossy      gives up without a word when its connection breaks
#
# names: that many stats in turn, which is nothing for judge().
sub send {
    my ($self, %o) = @_;
    my $i = @{$self->{senders}};
    my $result = temp_dir() . "/sender.$self->{now}.$i." . int rand 1e9;
    my $port = $o{port} // $self->{nginx}->karbon_port;
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        my $sender = {
            name => $o{name} // "f.$i", names => $o{names}, rate => $o{rate} // 0,
            count => $o{count}, port => $port, ts => $self->{now},
            kind => $o{kind} // 'plain', file => $result,
            n => 0, again => 0, first => 0, connects => 0,
            stop => 0, error => '',
        };

        $SIG{TERM} = sub { $sender->{stop} = 1 };
        $SIG{INT} = $SIG{HUP} = 'DEFAULT';
        $SIG{PIPE} = 'IGNORE';

        eval { run_sender($sender); 1 } or $sender->{error} = $@;
        spew("$result.new", JSON::PP->new->encode({
            map { $_ => $sender->{$_} } qw( n again first connects error ) }));
        rename "$result.new", $result;
        POSIX::_exit(0);
    }

    push @{$self->{senders}}, { pid => $pid, result => $result,
                                name => $o{name} // "f.$i" };

    return $self->{senders}[-1];
}

sub run_sender {
    my ($s) = @_;
    my $from = time;
    my $first = $s->{n};

    $s->{fh} = dial($s);
    $s->{kept} = '';           # written to this connection
    $s->{kept_from} = 0;       # points before those

    while (!$s->{stop}) {
        last if defined $s->{count} && $s->{n} >= $s->{count};

        my $due = $s->{rate} ? int(($s->{rate} * (time - $from))) - ($s->{n} - $first) : 200;

        if ($due <= 0) {
            look($s, 0.002);
            next;
        }

        $due = 200 if $due > 200;
        $due = $s->{count} - $s->{n}
            if defined $s->{count} && $due > $s->{count} - $s->{n};
        my $bytes = join '', map {
                        my $name = $s->{name};
                        $name .= '.' . $_ % $s->{names} if $s->{names};
                        "$name $_ $s->{ts}\n"
                    } $s->{n} + 1 .. $s->{n} + $due;

        $s->{n} += $due;
        push_bytes($s, $bytes);
        look($s, 0);
    }

    part($s);
}

sub dial {
    my ($s) = @_;
    my $until = time + 30;

    while (1) {
        my $fh = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $s->{port});
        if ($fh) {
            $fh->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
            $fh->blocking(0);
            $s->{connects}++;
            $s->{kept} = '';
            return $fh;
        }

        die "connect to $s->{port}: $!\n" if time > $until;
        sleep 0.01;
    }
}

# All of it, through as many connections as it takes.
sub push_bytes {
    my ($s, $bytes) = @_;
    my $at = 0;

    while ($at < length $bytes) {
        my $len = length($bytes) - $at;

        my $n = syswrite $s->{fh}, $bytes, $len, $at;

        if (defined $n) {
            $s->{kept} .= substr $bytes, $at, $n if $s->{kind} eq 'faithful';
            $at += $n;
            next;
        }

        if ($!{EAGAIN}) {
            my $w = '';
            my $r = '';
            vec($w, fileno $s->{fh}, 1) = 1;
            vec($r, fileno $s->{fh}, 1) = 1 if $s->{kind} eq 'faithful';
            select $r, $w, undef, 0.2;
            next if $s->{kind} ne 'faithful' || !vec $r, fileno $s->{fh}, 1;
        }

        if ($s->{kind} eq 'lossy') {
            spew("$s->{file}.new", JSON::PP->new->encode({ n => $s->{n},
                again => 0, first => 0, connects => 1,
                error => '' }));
            rename "$s->{file}.new", $s->{file};
            POSIX::_exit(0);
        }

        die "write: $!\n" if $s->{kind} ne 'faithful';

        # the rest of a line that has begun belongs to this connection, if it
        # still takes it

        my $state = state_of($s);

        if ($state eq 'reset') {
            again($s, $s->{kept} =~ tr/\n//);
            $bytes = $s->{kept} . substr $bytes, $at;
            $at = 0;
            $s->{fh} = dial($s);

        } elsif ($state eq 'fin') {

            # whole lines only: what was begun goes again as a whole

            my $cut = rindex(substr($bytes, 0, $at), "\n") + 1;
            my $begun = $at - $cut;
            finish_line($s, \$bytes, \$at) if $begun;
            hang_up($s);
            $s->{fh} = dial($s);
        }
    }
}

# The end of a line that was begun, while the server still reads.
sub finish_line {
    my ($s, $bytes, $at) = @_;
    my $end = index($$bytes, "\n", $$at) + 1;

    while ($$at < $end) {
        my $n = syswrite $s->{fh}, $$bytes, $end - $$at, $$at;

        if (defined $n) {
            $$at += $n;
        } elsif ($!{EAGAIN}) {
            IO::Select->new($s->{fh})->can_write(1);
        } else {
            die "the server closed although its FIN was not answered: $!\n";
        }
    }
}

# none, fin or reset.
sub state_of {
    my ($s) = @_;
    my $n = sysread $s->{fh}, my $buf, 1;

    return 'fin' if defined $n && $n == 0;
    return 'none' if defined $n || $!{EAGAIN};
    return 'reset';
}

# Between writes: has the server said goodbye?
sub look {
    my ($s, $seconds) = @_;

    if ($s->{kind} ne 'faithful') {
        sleep $seconds if $seconds;
        return;
    }

    return if !IO::Select->new($s->{fh})->can_read($seconds);

    my $state = state_of($s);

    if ($state eq 'reset') {
        my $kept = $s->{kept};
        again($s, $kept =~ tr/\n//);
        $s->{fh} = dial($s);
        push_bytes($s, $kept);

    } elsif ($state eq 'fin') {
        hang_up($s);
        $s->{fh} = dial($s);
    }
}

# So many points go again; "first" are those of the first connection.
sub again {
    my ($s, $points) = @_;

    $s->{again} += $points;
    $s->{first} += $points if $s->{connects} == 1;
}

# Our FIN, then to the end: the server has read everything before it closes.
sub hang_up {
    my ($s) = @_;
    my $select = IO::Select->new($s->{fh});

    shutdown $s->{fh}, 1;

    while ($select->can_read(180)) {
        my $n = sysread $s->{fh}, my $buf, 4096;
        next if !defined $n && $!{EAGAIN};
        return 1 if defined $n && $n == 0;
        if (!defined $n) {
            return $s->{kind} eq 'lossy' ? 1 : 0
                if $s->{kind} ne 'plain';
            die "reset behind our FIN: $!\n";
        }
    }

    die "the server does not close\n";
}

# The last connection: a reset means that it was never accepted.
sub part {
    my ($s) = @_;

    while (1) {
        return if hang_up($s);
        my $kept = $s->{kept};
        return if !length $kept;
        again($s, $kept =~ tr/\n//);
        $s->{fh} = dial($s);
        push_bytes($s, $kept);
    }
}


# Ends the senders (those without a count); what they say they sent.
sub finish {
    my ($self, $seconds) = @_;

    for my $s (grep { !$_->{done} } @{$self->{senders}}) {
        kill TERM => $s->{pid} if !$s->{by_itself};
    }

    return $self->join($seconds);
}

# Waits for the senders to end.
sub join {
    my ($self, $seconds) = @_;
    my $until = time + ($seconds // 60);

    for my $s (grep { !$_->{done} } @{$self->{senders}}) {
        my $left = $until - time;
        my $gone = wait_for(sub {
            waitpid($s->{pid}, POSIX::WNOHANG()) != 0
        }, $left > 1 ? $left : 1);

        if (!$gone) {
            kill KILL => $s->{pid};
            waitpid $s->{pid}, 0;
            fail("$s->{name} is done in time");
        }

        $s->{done} = 1;

        my $text = slurp($s->{result});
        my $said = length $text ? JSON::PP->new->decode($text) : { n => 0,
                   error => 'killed', again => 0, first => 0,
                   connects => 0 };

        diag("$s->{name}: $said->{error}") if length $said->{error};
        @$s{qw( n again first connects error )}
            = @$said{qw( n again first connects error )};
        $self->{sent}{$s->{name}} = $said->{n};
    }

    return $self->total;
}

sub total {
    my ($self) = @_;
    my $sum = 0;

    $sum += $_ for values %{$self->{sent}};
    return $sum;
}

sub key {
    my ($self, $type, $name) = @_;
    return "$type:$name:day:" . int $self->{now} / 86400;
}

# What Redis holds of a sender: the values of its list.
sub held {
    my ($self, $name) = @_;
    return $self->{redis}->cmd(LRANGE => $self->key(l => $name), 0, -1);
}

# Waits until as many are there as were sent and nothing moves any more.
sub settle {
    my ($self, $seconds) = @_;
    my @names = sort keys %{$self->{sent}};
    my $want = $self->total;
    my $held = sub {
        my $sum = 0;
        eval { $sum += $_ for $self->{redis}->pipeline(
                   map { [ LLEN => $self->key(l => $_) ] } @names); 1 }
            or return -1;
        return $sum;
    };

    my $there = wait_for(sub { $held->() >= $want }, $seconds // 20);
    my $before = $held->();

    sleep 0.3;                   # what would come twice comes now

    return $there && $held->() == $before;
}

# lost, doubled, disorder (places where a list does not grow), wrong (of the
# other types, where they do not say the same as the list).
sub compare {
    my ($self) = @_;
    my %r = (lost => 0, doubled => 0, disorder => 0, wrong => 0, held => 0);

    for my $name (sort keys %{$self->{sent}}) {
        my $n = $self->{sent}{$name};
        my $list = $self->held($name);
        my ($last, $most, $sum, @seen) = (0, 0, 0);

        for my $v (@$list) {
            $r{disorder}++ if $v < $last;
            $last = $v;
            $most = $v if $v > $most;
            $sum += $v;
            $seen[$v]++;
        }

        $r{held} += @$list;
        $r{lost} += grep { !$seen[$_] } 1 .. $n;
        $r{doubled} += grep { ($seen[$_] // 0) > 1 } 1 .. $#seen;
        $r{wrong} += @seen - 1 > $n ? @seen - 1 - $n : 0;

        next if $self->{only_lists};

        my $count = $self->{redis}->cmd(GET => $self->key(n => $name)) // 0;
        my %hist = @{$self->{redis}->cmd(HGETALL => $self->key(h => $name))};
        my $gauge = $self->{redis}->cmd(GET => $self->key(g => $name)) // 0;

        $r{count_wrong} += $count != $sum;
        $r{hist_wrong} += grep { ($hist{$_} // 0) != ($seen[$_] // 0) }
                          1 .. ($n > $#seen ? $n : $#seen);
        $r{gauge_wrong} += $gauge != $most;
    }

    return \%r;
}

# Everything once, nothing twice, in order; "unordered" where a sender's
# points went through several workers, "disorder" how often a batch may have
# been refused while those behind it were not.
sub judge {
    my ($self, $what, %o) = @_;
    my $there = $self->settle($o{seconds});
    my $r = $self->compare;
    my $n = $self->total;
    my $bad = 0;

    $bad ||= !ok($n > 0, "$what: $n points were sent");
    $bad ||= !is($r->{lost}, 0, "$what: nothing is lost");
    $bad ||= !is($r->{doubled} + $r->{wrong}, 0,
                 "$what: nothing is there twice");
    $bad ||= !cmp_ok($r->{disorder}, '<=', $o{disorder} // 0,
                     "$what: in the order they were sent"
                     . ($o{disorder} ? " but for $r->{disorder} times" : ''))
        if !$o{unordered};

    if (!$self->{only_lists}) {
        $bad ||= !is($r->{count_wrong}, 0, "$what: counts agree");
        $bad ||= !is($r->{hist_wrong}, 0, "$what: histograms agree");
        $bad ||= !is($r->{gauge_wrong}, 0, "$what: the last value of a gauge")
            if !$o{unordered};
    }

    $bad ||= !$self->identities($what) if !$o{no_status};

    diag(tail($self->{nginx}->log_text)) if $bad;

    return $r;
}

# The two identities, at a quiet moment.
sub identities {
    my ($self, $what) = @_;
    my ($points, $ops);

    wait_for(sub {
        my $s = $self->status;
        my ($p, $o) = @$s{qw( points operations )};

        $points = $p->{received}
            - sum(@$p{qw( unmatched transformed_away accepted )},
                  values %{$p->{refused}});
        $ops = $o->{made}
            - sum(@$o{qw( applied expired failed dropped lost_by_crash
                          queued in_flight )});

        return $points == 0 && $ops == 0;
    }, 3);

    return is("$points $ops", '0 0', "$what: both identities hold");
}

sub sum {
    my $sum = 0;
    $sum += $_ // 0 for @_;
    return $sum;
}

sub tail {
    my ($text) = @_;
    my @lines = split /\n/, $text;
    @lines = @lines[-40 .. -1] if @lines > 40;
    return CORE::join "\n", @lines;
}

# No alert, no crash, and the error log is what it says.
sub clean {
    my ($self, $what) = @_;
    my $log = $self->{nginx}->log_text;
    my @bad = grep { /\[(?:alert|emerg|crit)\]|exited on signal/ }
              split /\n/, $log;

    return is("@bad", '', "$what: no alert in the log");
}

sub logged {
    my ($self, $pattern) = @_;
    return scalar(() = $self->{nginx}->log_text =~ /$pattern/g);
}

# Resident memory of the workers, KiB.
sub memory {
    my ($self) = @_;
    my $sum = 0;

    for my $pid ($self->{nginx}->workers) {
        $sum += $1 if slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m;
    }

    return $sum;
}

sub stop {
    my ($self, $signal) = @_;
    return $self->{nginx}->stop($signal // 'QUIT');
}

END {
    if ($$ == $owner) {
        local $?;
        for my $s (map { @{$_->{senders}} } @all) {
            kill KILL => $s->{pid} if !$s->{done};
        }
    }
}

1;
