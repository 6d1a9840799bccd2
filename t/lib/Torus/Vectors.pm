# The cases recorded from the original (t/vectors) through a running nginx
# and Redis: schemas rewritten for us, points over Carbon, and the times at
# which we let keys expire.

package Torus::Vectors;

use strict;
use warnings;

use Exporter qw( import );
use JSON::PP;
use POSIX qw( floor strftime );
use Time::Local qw( timegm_modern );
use Torus::Clock;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( root slurp );

our @EXPORT_OK = qw( vectors schema_file lines_of expiry step_of start_of
                     add_steps );

my $json = JSON::PP->new->utf8->allow_nonref->canonical;


sub vectors {
    my ($name) = @_;
    return $json->decode(slurp(root() . "/t/vectors/$name.json"));
}

# A pattern of the original is a regex, "Nm" is N months there.
sub schema_file {
    my ($case, $redis) = @_;
    my $port = $redis->port;
    my @schemas;

    for my $schema (@{$case->{schemas}}) {
        my %ours = %$schema;
        my $db = delete $ours{db} // 0;
        my $match = $ours{match};
        my @intervals;

        $ours{host} = "127.0.0.1:$port/$db";
        $ours{match} = ref $match ? [ map { "~$_" } @$match ] : "~$match";

        for my $name (sort_intervals($ours{intervals})) {
            my %i = %{$ours{intervals}{$name}};
            for my $key (qw( step resolution )) {
                $i{$key} =~ s/^(\d+)m$/$1mon/ if defined $i{$key};
            }
            push @intervals, { name => $name, %i };
        }

        $ours{intervals} = \@intervals;
        push @schemas, \%ours;
    }

    my %file = (TIMESERIES => \@schemas);
    $file{AGGREGATES} = $case->{aggregates} if $case->{aggregates};

    return $json->encode(\%file);
}

# The order in the file is lost in a Perl hash, and the first interval is the
# default one: found again in the text of the vector.
my %order;

sub keep_order {
    my ($name) = @_;
    my $text = slurp(root() . "/t/vectors/$name.json");

    while ($text =~ /"intervals": \{((?:[^{}]|\{[^{}]*\})*)\}/g) {
        my $inside = $1;
        my @names = $inside =~ /"([^"]+)": \{[^{}]*\}/g;
        $order{join ' ', sort @names} //= {};
        $order{join ' ', sort @names}{$inside} = \@names;
    }
}

sub sort_intervals {
    my ($intervals) = @_;
    my $candidates = $order{join ' ', sort keys %$intervals} || {};

    for my $inside (sort keys %$candidates) {
        my $same = eval { $json->decode("{$inside}") } or next;
        return @{$candidates->{$inside}}
            if $json->encode($same) eq $json->encode($intervals);
    }

    return sort keys %$intervals;
}

# Points as Carbon lines; those that no line can hold are given back apart.
sub lines_of {
    my ($inserts) = @_;
    my $lines = '';

    for my $insert (@$inserts) {
        my ($stat, $value, $ts) = @$insert;
        utf8::encode($stat);
        $lines .= defined $ts ? "$stat $value $ts\n" : "$stat $value\n";
    }

    return $lines;
}


# Buckets, worked out apart from the code under test.

my %unit = (s => 1, min => 60, h => 3600, d => 86400, w => 604800,
            mon => 30 * 86400, m => 30 * 86400, y => 365 * 86400);

sub step_of {
    my ($text) = @_;

    return $text if $text =~ /^(?:daily|weekly|monthly|yearly)$/;
    return $1 * $unit{$2 || 's'} if $text =~ /^(\d+)([a-z]*)$/;
    die "step $text\n";
}

sub start_of {
    my ($step, $bucket) = @_;

    return $bucket * $step if $step =~ /^\d+$/;
    return timegm_modern(0, 0, 0, $3, $2 - 1, $1)
        if $step eq 'daily' && $bucket =~ /^(\d+)(\d\d)(\d\d)$/;
    return timegm_modern(0, 0, 0, 1, $2 - 1, $1)
        if $step eq 'monthly' && $bucket =~ /^(\d+)(\d\d)$/;
    return timegm_modern(0, 0, 0, 1, 0, $bucket) if $step eq 'yearly';

    # %U: weeks begin on Sunday, what is before the first one is week 00
    my ($year, $week) = $bucket =~ /^(\d+)(\d\d)$/;
    my $first = timegm_modern(0, 0, 0, 1, 0, $year);
    my $wday = (gmtime $first)[6];

    return $first if $week == 0;
    return $first + ((7 - $wday) % 7 + 7 * ($week - 1)) * 86400;
}

sub bucket_of {
    my ($step, $ts) = @_;

    return floor($ts / $step) if $step =~ /^\d+$/;

    my %format = (daily => '%Y%m%d', weekly => '%Y%U', monthly => '%Y%m',
                  yearly => '%Y');
    return strftime($format{$step}, gmtime $ts);
}

sub add_steps {
    my ($step, $bucket, $n) = @_;

    return $bucket + $n if $step =~ /^\d+$/;

    for (1 .. $n) {
        my $start = start_of($step, $bucket);
        my $days = $step eq 'daily' ? 1 : $step eq 'weekly' ? 1
                 : $step eq 'monthly' ? 31 : 366;
        my $next = $start + 86400;

        $next += 86400 while bucket_of($step, $next) eq $bucket;
        $bucket = bucket_of($step, $next);
    }

    return $bucket;
}

# When we let a key go: the start of the bucket steps + 1 after its own, by
# the first schema and interval that can have written it; undef: never.
sub expiry {
    my ($case, $db, $key) = @_;

    for my $schema (@{$case->{schemas}}) {
        next if ($schema->{db} // 0) != $db;

        my $prefix = $schema->{prefix} // '';
        $prefix .= ':' if length $prefix && $prefix !~ /:\z/;
        next if index($key, $prefix) != 0;

        for my $name (keys %{$schema->{intervals}}) {
            next if $key !~ /\A\Q$prefix\E(.*):\Q$name\E:(-?\d+)
                             (?::-?\d+)?\z/xs;

            my ($stat, $bucket) = ($1, $2);
            next if !takes($schema, $stat);

            my $i = $schema->{intervals}{$name};
            return undef if !$i->{steps};

            my $step = step_of($i->{step});
            return start_of($step, add_steps($step, $bucket,
                                             $i->{steps} + 1));
        }
    }

    die "no schema writes the key $key\n";
}

# Do the patterns of the original take this stat?
sub takes {
    my ($schema, $stat) = @_;
    my $match = $schema->{match};

    return grep { $stat =~ /$_/ } ref $match ? @$match : $match;
}

# The servers of a run: one Redis, and an nginx for each case.
sub servers {
    my $clock = Torus::Clock->new;
    my $redis;

    $clock->freeze(1700000000);
    $redis = Torus::Redis->start(clock => $clock);

    return ($clock, $redis);
}

# An nginx with the schemas of a case; its answer to -t when it refuses.
sub nginx_for {
    my ($case, $clock, $redis, $schema, $location) = @_;
    my $nginx = Torus::Nginx->new(clock => $clock,
                                  dir => Torus::Util::temp_dir() . '/vectors');
    my ($karbon, $http) = ($nginx->karbon_port, $nginx->port);

    $location //= 'location / { torus_query on; }';

    unlink glob $nginx->dir . '/logs/*';
    $nginx->file('schema.json', $schema // schema_file($case, $redis));
    $nginx->conf(<<END . $nginx->http_block(<<END2));
stream {
    karbon_schema schema.json;
    server { listen 127.0.0.1:$karbon; karbon on; }
}
END
    torus_schema schema.json;
    server {
        listen 127.0.0.1:$http;
        $location
    }
END2

    my $refusal = $nginx->try_start;

    return (undef, $refusal) if defined $refusal;
    return ($nginx);
}

1;
