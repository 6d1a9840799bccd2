# What is expected of coarse intervals with a plain step, worked out from
# the lines that a sender sent: the keys in Redis and the answers of /series.
#
#   my $model = Torus::Model->new($schema, match => sub { .. });
#   $model->line('a.b 1 1700000000');
#   $model->compare($redis, $nginx, '/torus');

package Torus::Model;

use strict;
use warnings;

use JSON::PP;
use Test::More;

my $json = JSON::PP->new->allow_nonref->canonical;


# intervals: name => step.  type: count, gauge or series.  prefix, as in the
# schema.
sub new {
    my ($class, %o) = @_;
    return bless { %o, data => {}, sent => {} }, $class;
}

sub line {
    my ($self, $line) = @_;
    my ($stat, $value, $ts) = split ' ', $line;

    return 0 if !defined $ts || $value =~ /nan/i;
    return 0 if !$self->{match}->($stat);

    for my $interval (keys %{$self->{intervals}}) {
        my $step = $self->{intervals}{$interval};
        my $bucket = int $ts / $step;
        push @{$self->{data}{$stat}{$interval}{$bucket}}, $value;
    }

    return 1;
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

# A number as it is stored: integers as they are, the rest as the shortest
# decimal; compared as numbers.
sub value {
    my ($self, $values) = @_;

    return $values->[-1] + 0 if $self->{type} eq 'gauge';

    if ($self->{type} eq 'count') {
        my $sum = 0;
        $sum += $_ for @$values;
        return $sum;
    }

    return [ map { $_ + 0 } @$values ];
}

sub near {
    my ($a, $b) = @_;

    return 0 if !defined $a || !defined $b;

    if (ref $a || ref $b) {
        return 0 if !ref $a || !ref $b || @$a != @$b;
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
            my $step = $self->{intervals}{$interval};

            for my $bucket (sort { $a <=> $b } keys %$buckets) {
                my $want = $self->value($buckets->{$bucket});
                my $key = $self->key($stat, $interval, $bucket);
                my $got = $self->{type} eq 'series'
                    ? $redis->cmd(LRANGE => $key, 0, -1)
                    : $redis->cmd(GET => $key);

                push @keys, "$key: " . $json->encode($got) . ', not '
                    . $json->encode($want) if !near($got, $want);

                my $ts = $bucket * $step;
                push @json, $self->ask($nginx, $location, $stat, $interval,
                                       $ts, 'json', $want);
                push @graphite, $self->ask($nginx, $location, $stat,
                                           $interval, $ts, 'graphite', $want);
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
sub ask {
    my ($self, $nginx, $location, $stat, $interval, $ts, $format, $want) = @_;
    my $name = $stat =~ s/([^\w.~-])/sprintf '%%%02X', ord $1/ger;
    my $schema = $self->{schema} ? "&schema=$self->{schema}" : '';
    my $uri = "$location/series?stat=$name&interval=$interval$schema"
              . "&start=$ts&end=$ts&format=$format";
    my ($status, $body) = $nginx->get($uri);
    my $data = eval { $json->decode($body) };

    return "$uri: $status $body" if $status != 200 || ref $data ne 'ARRAY';

    my $points = $data->[0]{datapoints};

    if ($format eq 'json') {
        return "$uri: $body, not " . $json->encode($want)
            if ref $points ne 'HASH' || keys %$points != 1
               || !near($points->{$ts}, $want);
        return ();
    }

    # the default function is mean
    if (ref $want) {
        my $sum = 0;
        $sum += $_ for @$want;
        $want = $sum / @$want;
    }

    return "$uri: $body, not [[$want,$ts]]"
        if ref $points ne 'ARRAY' || @$points != 1
           || !near($points->[0][0], $want) || $points->[0][1] != $ts;
    return ();
}

1;
