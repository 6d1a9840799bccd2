# conf.examples/schema.statsd.json with what a StatsD sends in 60 days: the
# finest interval that covers "from" answers, what is answered of a time is
# the same in all of them, no flush but the one going on is left out, and
# Redis keeps all of it in its compact forms.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Torus::Clock;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( root slurp wait_for );

my $now = 1700000000;         # 22:13:20, where a flush begins
my $day = 86400;
my $spike = $now - 5 * 3600 - 13 * 60;
my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my ($count, $level, $mean) = qw( stats.counters.c.count stats.gauges.g
                                 stats.timers.t.mean );
my $clock = Torus::Clock->new;

$clock->freeze($now);

my $redis = Torus::Redis->start(clock => $clock);
my $nginx = Torus::Nginx->new(clock => $clock);

start();
store();
compact();
ranges();
switches();
spikes();

$nginx->stop;
unlike($nginx->log_text, qr/\[(?:warn|error|crit|alert|emerg)\]/,
       'nothing in the log');

done_testing();


sub start {
    my $schema = slurp(root() . '/conf.examples/schema.statsd.json');
    my ($karbon, $http) = ($nginx->karbon_port, $nginx->port);
    my $host = '127.0.0.1:' . $redis->port . '/0';

    $schema =~ s/localhost:6379\/0/$host/g;

    $nginx->file('schema.statsd.json', $schema);
    $nginx->conf(<<END . $nginx->http_block(<<END2));
stream {
    karbon_schema schema.statsd.json;
    server { listen 127.0.0.1:$karbon; karbon on; }
}
END
    torus_schema schema.statsd.json;
    server {
        listen 127.0.0.1:$http;
        location / { torus_query on; }
        location /closed/ { torus_query on; torus_open_bucket null; }
    }
END2
    $nginx->start;
}

# 20 of the count at each flush, in all 2 a second; one value of the level is
# not as the others; of the mean nearly all are different.  What is older than
# minutes are kept comes by the hour.  All but the last hour is sent an hour
# ago, when the oldest of it was not yet too old to be stored.
sub store {
    my @lines;

    for (my $t = $now - 60 * $day - $now % 3600; $t < $now - 8 * $day - 3600;
         $t += 3600)
    {
        push @lines, "$count 7200 $t", "$level 7 $t";
    }

    for (my $t = $now - 8 * $day - $now % 3600; $t <= $now; $t += 10) {
        push @lines, "$count 20 $t", "$level " . ($t == $spike ? 100 : 7)
            . " $t", "$mean " . (40 + $t % 9973 / 997) . " $t";
    }

    my @last = splice @lines, -3 * 360;

    $clock->freeze($now - 3600);
    send_and_wait($now - 3600, @lines);
    $clock->freeze($now);
    send_and_wait($now, @last);
}

# Until the last line is in the last of its intervals.
sub send_and_wait {
    my ($at, @lines) = @_;
    my $key = "level:$mean:hour:" . int $at / 3600;

    Torus::Nginx::carbon($nginx->karbon_port, join '', map { "$_\n" } @lines);

    ok(wait_for(sub {
        my $sum = 0;
        my %bucket = @{ $redis->cmd(HGETALL => $key) };
        $sum += $_ for values %bucket;
        return $sum == int($at % 3600 / 10) + 1;
    }, 30), @lines . ' points are stored');
}

# No row of a step is too long for it, and a point has few bytes.
sub compact {
    my @keys = sort grep { !/^torus:/ } @{ $redis->cmd(KEYS => '*') };
    my @encodings = $redis->pipeline(map { [ OBJECT => ENCODING => $_ ] }
                                     @keys);
    my @loose = grep { $encodings[$_] ne 'listpack' } 0 .. $#keys;

    is("@keys[@loose]", '', 'all ' . @keys . ' keys are compact');

    for my $row ([ $count, 12 ], [ "level:$level", 12 ], [ "level:$mean", 30 ])
    {
        my ($stat, $most) = @$row;
        my @flushes = grep { /^\Q$stat\E:flush:/ } @keys;
        my ($bytes, $points) = (0, 0);

        $bytes += $_ for $redis->pipeline(map { [ MEMORY => USAGE => $_ ] }
                                          @flushes);
        $points += $_ for $redis->pipeline(map { [ HLEN => $_ ] } @flushes);

        cmp_ok($points, '>=', 8640, "$stat: a day of flushes");
        cmp_ok($bytes / $points, '<', $most, "$stat: bytes of each");
    }
}

# The values of the only series there is, its step and its last time.
sub render {
    my ($where, $target, %o) = @_;
    my $args = join '', map { "&$_=$o{$_}" } sort keys %o;
    my ($status, $body) = $nginx->get("${where}render?target="
        . $target =~ s/([^\w.~-])/sprintf '%%%02X', ord $1/ger . $args);
    my $answer = eval { $json->decode($body) };

    if ($status != 200 || ref $answer ne 'ARRAY' || @$answer != 1) {
        diag("$target: $status $body");
        return ([], 0, 0);
    }

    my @points = @{ $answer->[0]{datapoints} };
    my $step = @points > 1 ? $points[1][1] - $points[0][1] : 0;

    return ([ map { $_->[0] } @points ], $step, $points[-1][1]);
}

sub ranges {
    my @ranges = (
        # from, step of the count, of the level
        [ '-30min', 10, 10 ],
        [ '-6h', 10, 10 ],
        [ '-24h', 10, 10 ],
        [ '-26h', 60, 60 ],
        [ '-3d', 60, 60 ],
        [ '-7d', 60, 60 ],
        [ '-8d', 3600, 3600 ],
        [ '-30d', 3600, 3600 ],
        [ '-59d', 3600, undef ],
        [ '-400d', 86400, undef ],
    );

    for my $row (@ranges) {
        my ($from, @steps) = @$row;

        one_range($from, "rate($count)", $steps[0], 2);
        one_range($from, $level, $steps[1], 7) if defined $steps[1];
    }
}

# The step, and every point with this value; only the last is still open.
sub one_range {
    my ($from, $target, $step, $value) = @_;
    my ($n, $unit) = $from =~ /(\d+)(min|h|d)/;
    my $begin = $now - $n * { min => 60, h => 3600, d => $day }->{$unit};
    my $last = int($now / $step) * $step;
    my ($open, @got) = render('/', $target, from => $from);
    my ($closed) = render('/closed/', $target, from => $from);

    $n = int($now / $step) - int($begin / $step);
    is("@got, " . @$open, "$step $last, $n",
       "$from: step, end and number of points of $target");

    is(pop @$closed, undef, "$from: the point that goes on is left out");
    ok(defined pop @$open, "$from: or answered");
    is_deeply($closed, $open, "$from: and no other one is");

    # of a year, what there is; the first day of it is not whole
    if ($from eq '-400d') {
        shift @$open while @$open && !defined $open->[0];
        shift @$open;
        is(scalar @$open, 59, "$from: all days but that of now");
    }

    # but for the spike, which a mean of 6 or 360 hides the more
    my @spikes = $target eq $level
                 ? grep { defined && $_ > $value } @$open : ();
    cmp_ok(scalar @spikes, '<=', 1, "$from: a spike at most");

    my @other = grep { !defined || ($_ != $value && !@spikes)
                       || ($_ != $value && $_ != $spikes[0]) } @$open;
    is_deeply(\@other, [], "$from: no gap and no jump");
}

# A time that several intervals have is the same in each of them.
sub switches {
    my %range = (from => '22:00_20231113', until => '22:00_20231114');
    my %sum;

    for my $interval (qw( flush minute hour )) {
        my ($values) = render('/', "summarize(interval($count, '$interval'),"
                              . "'1h', 'sum')", %range);

        # the first hour has no point at "from", the last only that at "until"
        $sum{$interval} = $json->encode([ map { 0 + $_ } @$values[1 .. 22] ]);
    }

    is($sum{flush}, $json->encode([ (7200) x 22 ]),
       'hours of flushes');
    is($sum{minute}, $sum{flush}, 'hours of minutes');
    is($sum{hour}, $sum{flush}, 'hours');

    my ($days) = render('/', "interval($count, 'day')", from => '-3d');
    is_deeply([ @$days[0, 1] ], [ (172800) x 2 ], 'days');

    my ($fine) = render('/', "summarize(interval($mean, 'flush'), '1min',"
                        . "'avg')", %range);
    my ($coarse) = render('/', "interval($mean, 'minute')", %range);

    # the same for the minute at "from"
    shift @$fine if @$fine > @$coarse;

    my @apart = grep { abs($fine->[$_] - $coarse->[$_]) > 0.0005 * $fine->[$_] }
                0 .. $#$coarse - 1;

    is(@$fine . ' ' . @$coarse, '1440 1440', 'minutes of a mean, both ways');
    is("@apart", '', 'and of none differ the first three digits');
}

# One value in 360, in the hour and in the minute.
sub spikes {
    for my $interval (qw( minute hour )) {
        my ($max) = render('/', "percentile(interval($level, '$interval'),"
                           . '100)', from => '-6h');
        my @seen = grep { defined && $_ == 100 } @$max;

        is(scalar @seen, 1, "$interval: the spike is seen");
    }

    # in every interval, whatever one point shows
    for my $interval (qw( flush minute hour )) {
        for my $points (10, 10000) {
            my ($max) = render('/', "consolidateBy(interval($level,"
                               . "'$interval'), 'max')", from => '-6h',
                               maxDataPoints => $points);
            my @seen = grep { defined && $_ == 100 } @$max;

            is(scalar @seen, 1,
               "$interval: and by consolidateBy(), $points points");
        }
    }

    # a function that looks into them is not told by it
    my ($half) = render('/', "percentile(consolidateBy(interval($level,"
                        . "'hour'), 'max'), 50)", from => '-6h');
    is(scalar(grep { defined && $_ == 7 } @$half), scalar @$half,
       'percentile() counts more than consolidateBy()');

    # hours are the same of what interval ever they are made
    for my $interval (qw( flush minute hour )) {
        my ($max, undef, $last) = render('/', "summarize(interval($level,"
                                         . "'$interval'), '1h', 'max')",
                                         from => '-20h');
        my ($i) = grep { defined $max->[$_] && $max->[$_] == 100 } 0 .. $#$max;
        my @low = grep { defined && $_ == 7 } @$max;

        is($last - ($#$max - ($i // 0)) * 3600, $spike - $spike % 3600,
           "$interval: and by summarize(), in its hour");
        cmp_ok(scalar @low, '>=', @$max - 2, "$interval: in none else");
    }

    my ($status, $body) = $nginx->get("/series?stat=max($level)"
                                      . '&interval=hour&start=-6h&end=now');
    like($body, qr/\[100(?:\.0)?,\d+\]/, 'and by /series');
}
