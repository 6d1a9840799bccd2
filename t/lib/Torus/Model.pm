# What is expected of intervals, worked out from the lines that a sender sent:
# the keys in Redis and the answers of /series.
#
#   my $model = Torus::Model->new(type => 'count', match => sub { .. },
#       intervals => { minute => 60, hour => [ 'daily', 3600 ] });
#   $model->line('a.b 1 1700000000');
#   $model->compare($redis, $nginx, '/torus');

package Torus::Model;

use strict;
use warnings;

use JSON::PP;
use POSIX qw( strftime );
use Test::More;
use Time::Local qw( timegm );

my $json = JSON::PP->new->allow_nonref->canonical;


# intervals: name => step, a key of seconds each; or name => [ step,
# resolution ], packed.  A step may be "daily" or "monthly", so may a
# resolution.  type: count, gauge, series or histogram.  prefix, as in the
# schema; write, what becomes of a value before it is stored.
sub new {
    my ($class, %o) = @_;
    return bless { %o, data => {} }, $class;
}

# What was sent, by resolution bucket: that of a coarse interval is "".
sub line {
    my ($self, $line) = @_;
    my ($stat, $value, $ts) = split ' ', $line;

    return 0 if !defined $ts || $value =~ /nan/i;
    return 0 if !$self->{match}->($stat);

    $value = $self->{write}->($value) if $self->{write};

    for my $interval (keys %{$self->{intervals}}) {
        my ($step, $resolution) = $self->steps($interval);
        my $bucket = bucket($step, $ts);
        my $sub = defined $resolution
                  ? start($resolution, bucket($resolution, $ts)) : '';

        push @{$self->{data}{$stat}{$interval}{$bucket}{$sub}}, $value;
    }

    return 1;
}

sub steps {
    my ($self, $interval) = @_;
    my $steps = $self->{intervals}{$interval};

    return ref $steps ? @$steps : $steps;
}

# The bucket of a time, and where one begins.
sub bucket {
    my ($step, $ts) = @_;

    return strftime('%Y%m%d', gmtime $ts) if $step eq 'daily';
    return strftime('%Y%m', gmtime $ts) if $step eq 'monthly';
    return int $ts / $step;
}

sub start {
    my ($step, $bucket) = @_;

    return $bucket * $step if $step !~ /\D/;
    my ($year, $month, $day) = $bucket =~ /^(....)(..)(..)?$/;
    return timegm(0, 0, 0, $day // 1, $month - 1, $year);
}

# Which of a bucket's resolution buckets one is.
sub place {
    my ($self, $interval, $bucket, $sub) = @_;
    my ($step, $resolution) = $self->steps($interval);
    my $seconds = $resolution eq 'daily' ? 86400 : $resolution;

    return ($sub - start($step, $bucket)) / $seconds;
}

sub stats { return sort keys %{$_[0]{data}}; }

sub key {
    my ($self, $stat, $interval, $bucket) = @_;
    my $prefix = $self->{prefix} // '';

    $prefix .= ':' if length $prefix && $prefix !~ /:\z/;
    return "$prefix$stat:$interval:$bucket";
}

# Every key that the lines make.
sub keys_of {
    my ($self) = @_;
    my @keys;

    for my $stat ($self->stats) {
        for my $interval (keys %{$self->{data}{$stat}}) {
            push @keys, map { $self->key($stat, $interval, $_) }
                        keys %{$self->{data}{$stat}{$interval}};
        }
    }

    return @keys;
}

# What a bucket or resolution bucket holds; numbers as numbers.
sub value {
    my ($self, $values) = @_;

    return $values->[-1] + 0 if $self->{type} eq 'gauge';

    if ($self->{type} eq 'count') {
        my $sum = 0;
        $sum += $_ for @$values;
        return $sum;
    }

    return [ map { $_ + 0 } @$values ] if $self->{type} eq 'series';

    my %times;
    $times{$_ + 0}++ for @$values;
    return \%times;
}

# All of a bucket as /series answers it: without a function, the mean.
sub shown {
    my ($self, $subs) = @_;
    my @values = map { @{$subs->{$_}} }
                 sort { ($a || 0) <=> ($b || 0) } keys %$subs;
    my $sum = 0;

    return $self->value(\@values) if $self->{type} =~ /^(?:count|gauge)$/;

    $sum += $_ for @values;
    return $sum / @values;
}

# What is in Redis of a bucket, in the form of expected().
sub stored {
    my ($self, $redis, $interval, $key) = @_;
    my ($step, $resolution) = $self->steps($interval);
    my $type = $self->{type};

    return $redis->cmd(LRANGE => $key, 0, -1)
        if $type eq 'series' && !defined $resolution;
    return $redis->cmd(GET => $key)
        if $type ne 'histogram' && !defined $resolution;

    my %got = @{$redis->cmd(HGETALL => $key)};
    return \%got if $type ne 'histogram';
    return { map { $_ + 0 => $got{$_} } keys %got } if !defined $resolution;

    my %places;
    for my $field (keys %got) {
        my ($place, $value) = $field =~ /^(\d+):(.+)$/;
        $places{$place}{$value + 0} = $got{$field};
    }
    return \%places;
}

# By place; of a coarse interval the one there is.
sub expected {
    my ($self, $interval, $bucket, $subs) = @_;

    return $self->value($subs->{''}) if exists $subs->{''};
    return { map { $self->place($interval, $bucket, $_) =>
                   $self->value($subs->{$_}) } keys %$subs };
}

sub near {
    my ($a, $b) = @_;

    return 0 if !defined $a || !defined $b;

    if (ref $a eq 'HASH' && ref $b eq 'HASH') {
        return 0 if keys %$a != keys %$b;
        near($a->{$_}, $b->{$_}) or return 0 for keys %$a;
        return 1;
    }

    if (ref $a || ref $b) {
        return 0 if ref $a ne 'ARRAY' || ref $b ne 'ARRAY' || @$a != @$b;
        near($a->[$_], $b->[$_]) or return 0 for 0 .. $#$a;
        return 1;
    }

    my $size = abs($b) > 1 ? abs $b : 1;
    return abs($a - $b) <= 1e-9 * $size;
}

# Every key that the lines make must be there with its value, and /series
# must say the same in both formats.  One test for each stat and view.
sub compare {
    my ($self, $redis, $nginx, $location) = @_;

    for my $stat ($self->stats) {
        my (@keys, @json, @graphite);

        for my $interval (sort keys %{$self->{intervals}}) {
            my $buckets = $self->{data}{$stat}{$interval};

            for my $bucket (sort { $a <=> $b } keys %$buckets) {
                my $subs = $buckets->{$bucket};
                my $want = $self->expected($interval, $bucket, $subs);
                my $key = $self->key($stat, $interval, $bucket);
                my $got = $self->stored($redis, $interval, $key);

                push @keys, "$key: " . $json->encode($got) . ', not '
                    . $json->encode($want) if !near($got, $want);

                my @of = ($nginx, $location, $stat, $interval, $bucket);
                push @json, $self->ask_json(@of, $subs);
                push @graphite, $self->ask_graphite(@of, $subs);
            }
        }

        ok(!@keys, "$stat: the keys of $self->{type} in Redis")
            or diag(join "\n", @keys);
        ok(!@json, "$stat: /series, json") or diag(join "\n", @json);
        ok(!@graphite, "$stat: /series, graphite")
            or diag(join "\n", @graphite);
    }
}

# Nothing, or what is wrong with the answer about one bucket.
sub ask_json {
    my ($self, $nginx, $location, $stat, $interval, $bucket, $subs) = @_;
    my ($uri, $ts, $points, $body) = $self->ask($nginx, $location, $stat,
                                                $interval, $bucket, 'json');
    my $want = exists $subs->{''}
               ? $self->value($subs->{''})
               : { map { $_ => $self->value($subs->{$_}) } keys %$subs };
    my $got = ref $points eq 'HASH' && keys %$points == 1
              ? $points->{$ts} : undef;

    if ($self->{type} eq 'histogram' && ref $got eq 'HASH') {
        $got = exists $subs->{''} ? numbers($got)
               : { map { $_ => numbers($got->{$_}) } keys %$got };
    }

    return () if near($got, $want);
    return "$uri: $body, not " . $json->encode($want);
}

# Values are keys there, and so texts.
sub numbers {
    my ($hash) = @_;
    return ref $hash eq 'HASH'
           ? { map { $_ + 0 => $hash->{$_} } keys %$hash } : $hash;
}

sub ask_graphite {
    my ($self, $nginx, $location, $stat, $interval, $bucket, $subs) = @_;
    my ($uri, $ts, $points, $body) = $self->ask($nginx, $location, $stat,
                                                $interval, $bucket,
                                                'graphite');
    my $want = $self->shown($subs);

    return () if ref $points eq 'ARRAY' && @$points == 1
                 && near($points->[0][0], $want) && $points->[0][1] == $ts;
    return "$uri: $body, not [[$want,$ts]]";
}

# The request, where the bucket begins, its "datapoints" and the whole answer.
sub ask {
    my ($self, $nginx, $location, $stat, $interval, $bucket, $format) = @_;
    my ($step) = $self->steps($interval);
    my $ts = start($step, $bucket);
    my $name = $stat =~ s/([^\w.~-])/sprintf '%%%02X', ord $1/ger;
    my $schema = $self->{schema} ? "&schema=$self->{schema}" : '';
    my $uri = "$location/series?stat=$name&interval=$interval$schema"
              . "&start=$ts&end=$ts&format=$format";
    my ($status, $body) = $nginx->get($uri);
    my $data = eval { $json->decode($body) };

    return ($uri, $ts, undef, "$status $body")
        if $status != 200 || ref $data ne 'ARRAY';
    return ($uri, $ts, $data->[0]{datapoints}, $body);
}

1;
