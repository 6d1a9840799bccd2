# Ten dashboards as they are in use, for StatsD, collectd and Carbon's own
# daemons, asked for as Grafana does: all targets of a panel in one form, each
# wrapped, variables and "#A" put in already.  What is expected was compared
# with graphite-web's answers to the same points; where it differs it is by
# the windows of "moving..", that end one point early before 1.1.9.
#
# The clock stands at 1700000000.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP;
use Torus clock => 1700000000;
use Test::Nginx::Socket 'no_plan';

our $schema = <<'END';
{ "TIMESERIES": { "g": { "type": "gauge", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 1440 } } } } }
END

# ten minutes from 1699999440 on
our %data = (
    'stats.timers.api.get.count' => [
        60, 66, 72, undef, 84, 90, 96, 102, 108, 114 ],
    'stats.timers.api.post.count' => [6, 6, 12, 12, undef, 18, 18, 24, 24, 30],
    'stats.timers.api.get.upper_90' => [
        20, 22, 21, undef, 25, 24, 80, 23, 22, 21 ],
    'stats.timers.api.post.upper_90' => [
        120, 110, 130, 125, undef, 140, 150, 135, 128, 122 ],
    'stats.counters.http.200.count' => [
        100, 110, 120, 130, undef, 150, 160, 170, 180, 190 ],
    'stats.counters.http.404.count' => [10, 5, 0, 13, undef, 15, 4, 17, 2, 10],
    'stats.counters.http.500.count' => [
        undef, undef, 1, undef, undef, 2, undef, undef, 3, undef ],
    'stats.gauges.queue.depth' => [
        5, undef, undef, 8, 8, undef, 3, undef, undef, undef ],
    'collectd.web1.cpu-0.cpu-idle' => [
        90, 80, 70, undef, 50, 60, 70, 80, 90, 95 ],
    'collectd.web1.cpu-0.cpu-user' => [8, 16, 24, undef, 40, 32, 24, 16, 8, 4],
    'collectd.web1.cpu-1.cpu-idle' => [
        79, 70, 60, 50, 40, 50, 60, undef, 80, 85 ],
    'collectd.web1.cpu-1.cpu-user' => [
        15, 25, 35, 45, 55, 45, 35, undef, 15, 10 ],
    'collectd.web1.interface-eth0.if_octets.rx' => [
        1000, 2000, 5000, 10000, undef, 26000, 37000, 50000, 65000, 82000 ],
    'collectd.web1.interface-eth0.if_octets.tx' => [
        60000, 120000, 180000, 240000, 6000, 66000, 126000, 186000, 246000,
        306000 ],
    'collectd.web1.memory.memory-used' => [
        1073741824, 1074790400, 1075838976, 1076887552, 1077936128,
        1078984704, 1080033280, 1081081856, 1082130432, 1083179008 ],
    'collectd.web1.memory.memory-free' => [
        2147483648, 2146435072, 2145386496, 2144337920, 2143289344,
        2142240768, 2141192192, 2140143616, 2139095040, 2138046464 ],
    'collectd.web1.df-root.df_complex-used' => [
        5000000000, 5100000000, 5200000000, 5300000000, 5400000000,
        5500000000, 5600000000, 5700000000, 5800000000, 5900000000 ],
    'collectd.web1.df-root.df_complex-free' => [
        15000000000, 14900000000, 14800000000, 14700000000, 14600000000,
        14500000000, 14400000000, 14300000000, 14200000000, 14100000000 ],
    'collectd.web1.load.load.shortterm' => [
        0.5, 0.75, 1.25, undef, 2.5, 2, 1.5, 1, 0.5, 0.25 ],
    'collectd.web2.cpu-0.cpu-idle' => [
        90, 80, 70, undef, 50, 60, 70, 80, 90, 95 ],
    'collectd.web2.cpu-0.cpu-user' => [
        16, 16, 24, undef, 40, 32, 24, 16, 8, 4 ],
    'collectd.web2.cpu-1.cpu-idle' => [
        78, 70, 60, 50, 40, 50, 60, undef, 80, 85 ],
    'collectd.web2.cpu-1.cpu-user' => [
        15, 25, 35, 45, 55, 45, 35, undef, 15, 10 ],
    'collectd.web2.interface-eth0.if_octets.rx' => [
        2000, 4000, 10000, 20000, undef, 52000, 74000, 100000, 130000, 164000 ],
    'collectd.web2.interface-eth0.if_octets.tx' => [
        120000, 120000, 180000, 240000, 6000, 66000, 126000, 186000, 246000,
        306000 ],
    'collectd.web2.memory.memory-used' => [
        2147483648, 2148532224, 2149580800, 2150629376, 2151677952,
        2152726528, 2153775104, 2154823680, 2155872256, 2156920832 ],
    'collectd.web2.memory.memory-free' => [
        2147483648, 2146435072, 2145386496, 2144337920, 2143289344,
        2142240768, 2141192192, 2140143616, 2139095040, 2138046464 ],
    'collectd.web2.df-root.df_complex-used' => [
        5000000000, 5200000000, 5400000000, 5600000000, 5800000000,
        6000000000, 6200000000, 6400000000, 6600000000, 6800000000 ],
    'collectd.web2.df-root.df_complex-free' => [
        15000000000, 14800000000, 14600000000, 14400000000, 14200000000,
        14000000000, 13800000000, 13600000000, 13400000000, 13200000000 ],
    'collectd.web2.load.load.shortterm' => [
        1, 0.75, 1.25, undef, 2.5, 2, 1.5, 1, 0.5, 0.25 ],
    'carbon.relays.relay1-a.metricsReceived' => [
        6000, 6060, 6120, 6180, 6240, 6300, 6360, 6420, 6480, 6540 ],
    'carbon.relays.relay1-a.destinations.10_0_0_1:2004:a.sent' => [
        3000, 3030, 3060, 3090, 3120, 3150, 3180, 3210, 3240, 3270 ],
    'carbon.relays.relay1-a.destinations.10_0_0_2:2004:b.sent' => [
        2900, 2930, 2960, undef, 3020, 3050, 3080, 3110, 3140, 3170 ],
    'carbon.relays.relay1-a.destinations.10_0_0_2:2004:b.attemptedRelays' => [
        3000, 3030, 3060, 3090, 3120, 3150, 3180, 3210, 3240, 3270 ],
    'carbon.relays.relay2-a.metricsReceived' => [
        18000, 18180, 18360, 18540, 18720, 18900, 19080, 19260, 19440, 19620 ],
    'carbon.relays.relay2-a.destinations.10_0_0_1:2004:a.sent' => [
        9000, 9030, 9060, 9090, 9120, 9150, 9180, 9210, 9240, 9270 ],
    'carbon.relays.relay2-a.destinations.10_0_0_2:2004:b.sent' => [
        8700, 8730, 8760, undef, 8820, 8850, 8880, 8910, 8940, 8970 ],
    'carbon.relays.relay2-a.destinations.10_0_0_2:2004:b.attemptedRelays' => [
        9000, 9030, 9060, 9090, 9120, 9150, 9180, 9210, 9240, 9270 ],
    'carbon.agents.cache1-a.committedPoints' => [
        12000, 12600, undef, 13200, 13800, 14400, 15000, 15600, 16200, 16800 ],
    'carbon.agents.cache1-a.updateOperations' => [
        6000, 6000, undef, 6000, 6000, 7200, 7200, 7800, 8100, 8400 ],
    'carbon.agents.cache1-a.cpuUsage' => [
        12.5, 13.25, undef, 14, 55.5, 15, 14.75, 15.5, 16, 15.25 ],
);

our $points = join '', map {
    my $name = $_;
    map { defined $data{$name}[$_]
          ? "$name $data{$name}[$_] " . (1699999440 + 60 * $_) . "\n" : () }
        0 .. 9;
} sort keys %data;

sub esc { $_[0] =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger }

# A panel: letters and targets, and what else there is.
sub panel {
    my ($o, @targets) = @_;
    my @form;

    while (my ($letter, $target) = splice @targets, 0, 2) {
        push @form, 'target='
                    . esc("aliasSub($target, \"(^.*\$)\", \"\\1 $letter\")");
    }

    return "POST /torus/render\n"
         . join('&', @form, 'from=' . ($o->{from} // 1699999380),
                'until=1699999980', 'format=json',
                'maxDataPoints=' . ($o->{max} // 1000), 'cacheTimeout=');
}

# Series: target, tags, start, step, values.
sub answer {
    return encode_json([ map {
        my ($target, $tags, $start, $step, @values) = @$_;
        { target => $target, tags => { map { split /=/, $_, 2 }
                                       split /;/, $tags },
          datapoints => [ map { [ $values[$_], $start + $step * $_ ] }
                          0 .. $#values ] }
    } @_ ]);
}

no_long_string();
run_tests();

__DATA__

=== TEST 1: StatsD timers: requests a second, latencies, by method
--- schema eval: $::schema
--- carbon eval: $::points
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- request eval
main::panel({},
    A => 'aliasByNode(scale(movingAverage(sumSeries(stats.timers.*.*.count), 3), 0.1), 2)',
    B => 'aliasByNode(scale(stats.timers.api.*.count, 0.016666666), 3)',
    C => 'alias(maxSeries(stats.timers.api.*.upper_90), \'slowest\')',
    D => 'aliasByNode(keepLastValue(stats.timers.api.{get,post}.upper_90, 2), 2, 3)',
    E => 'aliasByNode(removeAboveValue(stats.timers.api.get.upper_90, 50), 3, 4)')
--- json eval
main::answer(
    [ '* A', 'name=sumSeries(stats.timers.*.*.count);aggregatedBy=sum;movingAverage=3;scale=0.1',
      1699999440, 60, 6.6000000000000005, 6.9, 7.4, 5.6000000000000005, 6,
      6.800000000000001, 10.200000000000001, 11.600000000000001, 12.4, 13.4 ],
    [ 'get B', 'name=stats.timers.api.get.count;scale=0.016666666',
      1699999440, 60, 0.99999996, 1.099999956, 1.199999952, undef,
      1.399999944, 1.49999994, 1.5999999360000001, 1.699999932, 1.799999928,
      1.899999924 ],
    [ 'post B', 'name=stats.timers.api.post.count;scale=0.016666666',
      1699999440, 60, 0.09999999600000001, 0.09999999600000001,
      0.19999999200000002, 0.19999999200000002, undef, 0.299999988,
      0.299999988, 0.39999998400000003, 0.39999998400000003, 0.49999998 ],
    [ 'slowest C', 'name=maxSeries(stats.timers.api.*.upper_90);aggregatedBy=max',
      1699999440, 60, 120, 110, 130, 125, 25, 140, 150, 135, 128, 122 ],
    [ 'api.get D', 'name=stats.timers.api.get.upper_90',
      1699999440, 60, 20, 22, 21, 21, 25, 24, 80, 23, 22, 21 ],
    [ 'api.post D', 'name=stats.timers.api.post.upper_90',
      1699999440, 60, 120, 110, 130, 125, 125, 140, 150, 135, 128, 122 ],
    [ 'get.upper_90 E', 'name=stats.timers.api.get.upper_90',
      1699999440, 60, 20, 22, 21, undef, 25, 24, undef, 23, 22, 21 ])
--- no_error_log
[error]
[alert]



=== TEST 2: StatsD counters: a share of errors, with #A and #B as Grafana writes them out
--- schema eval: $::schema
--- carbon eval: $::points
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- request eval
main::panel({},
    A => 'sumSeries(stats.counters.http.{404,500}.count)',
    B => 'sumSeries(stats.counters.http.*.count)',
    C => 'alias(asPercent(sumSeries(stats.counters.http.{404,500}.count), sumSeries(stats.counters.http.*.count)), \'errors %\')',
    D => 'aliasByNode(asPercent(stats.counters.http.*.count, sumSeries(stats.counters.http.*.count)), 3)',
    E => 'alias(divideSeries(sumSeries(stats.counters.http.404.count), sumSeries(stats.counters.http.200.count)), \'per hit\')')
--- json eval
main::answer(
    [ 'sumSeries(stats.counters.http.{404,500}.count) A', 'name=sumSeries(stats.counters.http.{404,500}.count);aggregatedBy=sum',
      1699999440, 60, 10, 5, 1, 13, undef, 17, 4, 17, 5, 10 ],
    [ 'sumSeries(stats.counters.http.*.count) B', 'name=sumSeries(stats.counters.http.*.count);aggregatedBy=sum',
      1699999440, 60, 110, 115, 121, 143, undef, 167, 164, 187, 185, 200 ],
    [ 'errors % C', 'name=asPercent(sumSeries(stats.counters.http.{404,500}.count),sumSeries(stats.counters.http.*.count))',
      1699999440, 60, 9.090909090909092, 4.3478260869565215,
      0.8264462809917356, 9.090909090909092, undef, 10.179640718562874,
      2.4390243902439024, 9.090909090909092, 2.7027027027027026, 5 ],
    [ '200 D', 'name=asPercent(stats.counters.http.200.count,sumSeries(stats.counters.http.*.count))',
      1699999440, 60, 90.9090909090909, 95.65217391304348, 99.17355371900827,
      90.9090909090909, undef, 89.82035928143712, 97.5609756097561,
      90.9090909090909, 97.2972972972973, 95 ],
    [ '404 D', 'name=asPercent(stats.counters.http.404.count,sumSeries(stats.counters.http.*.count))',
      1699999440, 60, 9.090909090909092, 4.3478260869565215, 0,
      9.090909090909092, undef, 8.982035928143713, 2.4390243902439024,
      9.090909090909092, 1.0810810810810811, 5 ],
    [ '500 D', 'name=asPercent(stats.counters.http.500.count,sumSeries(stats.counters.http.*.count))',
      1699999440, 60, undef, undef, 0.8264462809917356, undef, undef,
      1.1976047904191618, undef, undef, 1.6216216216216217, undef ],
    [ 'per hit E', 'name=divideSeries(sumSeries(stats.counters.http.404.count),sumSeries(stats.counters.http.200.count))',
      1699999440, 60, 0.1, 0.045454545454545456, 0, 0.1, undef, 0.1, 0.025,
      0.1, 0.011111111111111112, 0.05263157894736842 ])
--- no_error_log
[error]
[alert]



=== TEST 3: StatsD counters: what $__interval, $interval and [[host]] become
--- schema eval: $::schema
--- carbon eval: $::points
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- request eval
main::panel({},
    A => 'alias(summarize(stats.counters.http.200.count, \'3min\', \'sum\', false), \'200\')',
    B => 'alias(hitcount(stats.counters.http.404.count, \'5min\'), \'404\')',
    C => 'aliasByNode(summarize(stats.counters.http.{200,404}.count, "2min", "max"), 3)',
    D => 'smartSummarize(sumSeries(stats.counters.http.*.count), \'5min\', \'sum\')',
    E => 'alias(integral(transformNull(stats.counters.http.500.count, 0)), \'since\')')
--- json eval
main::answer(
    [ '200 A', 'name=stats.counters.http.200.count;summarize=3min;summarizeFunction=sum',
      1699999380, 180, 210, 250, 480, 370 ],
    [ '404 B', 'name=stats.counters.http.404.count;hitcount=5min',
      1699999440, 300, 1680, 2880 ],
    [ '200 C', 'name=stats.counters.http.200.count;summarize=2min;summarizeFunction=max',
      1699999440, 120, 110, 130, 150, 170, 190, undef ],
    [ '404 C', 'name=stats.counters.http.404.count;summarize=2min;summarizeFunction=max',
      1699999440, 120, 10, 13, 15, 17, 10, undef ],
    [ 'smartSummarize(sumSeries(stats.counters.http.*.count), "5min", "sum") D', 'name=sumSeries(stats.counters.http.*.count);aggregatedBy=sum;smartSummarize=5min;smartSummarizeFunction=sum',
      1699999440, 300, 489, 903 ],
    [ 'since E', 'name=stats.counters.http.500.count;transformNull=0.0;integral=1',
      1699999440, 60, 0, 0, 1, 1, 1, 3, 3, 3, 6, 6 ])
--- no_error_log
[error]
[alert]



=== TEST 4: StatsD gauges: today over the time before
--- schema eval: $::schema
--- carbon eval: $::points
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- request eval
main::panel({ from => 1699999680 },
    A => 'alias(keepLastValue(stats.gauges.queue.depth), \'now\')',
    B => 'alias(timeShift(keepLastValue(stats.gauges.queue.depth), \'5min\'), \'before\')',
    C => 'alias(diffSeries(stats.counters.http.200.count, timeShift(stats.counters.http.200.count, \'3min\')), \'change\')',
    D => 'alias(transformNull(stats.gauges.queue.depth, -1), \'with gaps\')')
--- json eval
main::answer(
    [ 'now A', 'name=stats.gauges.queue.depth',
      1699999740, 60, undef, 3, 3, 3, 3 ],
    [ 'before B', 'name=stats.gauges.queue.depth;timeShift=-5min',
      1699999740, 60, 5, 5, 5, 8, 8 ],
    [ 'change C', 'name=stats.counters.http.200.count;aggregatedBy=diff',
      1699999740, 60, 30, 30, 170, 30, 30 ],
    [ 'with gaps D', 'name=stats.gauges.queue.depth;transformNull=-1.0',
      1699999740, 60, -1, 3, -1, -1, -1 ])
--- no_error_log
[error]
[alert]



=== TEST 5: collectd CPU: by node, groups, and what is busiest
--- schema eval: $::schema
--- carbon eval: $::points
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- request eval
main::panel({},
    A => 'groupByNode(collectd.*.cpu-*.cpu-user, 1, \'averageSeries\')',
    B => 'aliasByNode(sumSeriesWithWildcards(collectd.*.cpu-*.cpu-idle, 2), 1)',
    C => 'highestAverage(aliasByNode(collectd.*.cpu-*.cpu-user, 1, 2), 1)',
    D => 'aliasSub(averageSeriesWithWildcards(collectd.web1.cpu-[01].cpu-{user,idle}, 2), \'collectd\\.(\\w+)\\.cpu-(\\w+)\', \'\\2 of \\1\')',
    E => 'sortByMaxima(groupByNodes(collectd.*.cpu-*.cpu-user, \'max\', 1, 2))')
--- json eval
main::answer(
    [ 'web1 A', 'name=averageSeries(collectd.*.cpu-*.cpu-user);aggregatedBy=average',
      1699999440, 60, 11.5, 20.5, 29.5, 45, 47.5, 38.5, 29.5, 16, 11.5, 7 ],
    [ 'web2 A', 'name=averageSeries(collectd.*.cpu-*.cpu-user);aggregatedBy=average',
      1699999440, 60, 15.5, 20.5, 29.5, 45, 47.5, 38.5, 29.5, 16, 11.5, 7 ],
    [ 'web1 B', 'name=sumSeries(collectd.*.cpu-*.cpu-idle);aggregatedBy=sum',
      1699999440, 60, 169, 150, 130, 50, 90, 110, 130, 80, 170, 180 ],
    [ 'web2 B', 'name=sumSeries(collectd.*.cpu-*.cpu-idle);aggregatedBy=sum',
      1699999440, 60, 168, 150, 130, 50, 90, 110, 130, 80, 170, 180 ],
    [ 'web1.cpu-1 C', 'name=collectd.web1.cpu-1.cpu-user',
      1699999440, 60, 15, 25, 35, 45, 55, 45, 35, undef, 15, 10 ],
    [ 'idle of web1 D', 'name=averageSeries(collectd.web1.cpu-[01].cpu-{user,idle});aggregatedBy=average',
      1699999440, 60, 84.5, 75, 65, 50, 45, 55, 65, 80, 85, 90 ],
    [ 'user of web1 D', 'name=averageSeries(collectd.web1.cpu-[01].cpu-{user,idle});aggregatedBy=average',
      1699999440, 60, 11.5, 20.5, 29.5, 45, 47.5, 38.5, 29.5, 16, 11.5, 7 ],
    [ 'web1.cpu-1 E', 'name=collectd.web1.cpu-1.cpu-user;aggregatedBy=max',
      1699999440, 60, 15, 25, 35, 45, 55, 45, 35, undef, 15, 10 ],
    [ 'web2.cpu-1 E', 'name=collectd.web2.cpu-1.cpu-user;aggregatedBy=max',
      1699999440, 60, 15, 25, 35, 45, 55, 45, 35, undef, 15, 10 ],
    [ 'web1.cpu-0 E', 'name=collectd.web1.cpu-0.cpu-user;aggregatedBy=max',
      1699999440, 60, 8, 16, 24, undef, 40, 32, 24, 16, 8, 4 ],
    [ 'web2.cpu-0 E', 'name=collectd.web2.cpu-0.cpu-user;aggregatedBy=max',
      1699999440, 60, 16, 16, 24, undef, 40, 32, 24, 16, 8, 4 ])
--- no_error_log
[error]
[alert]



=== TEST 6: collectd network: counters into bits, in and out mirrored
--- schema eval: $::schema
--- carbon eval: $::points
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- request eval
main::panel({},
    A => 'aliasSub(scale(perSecond(collectd.*.interface-eth0.if_octets.rx), 8), \'.*collectd\\.(\\w+)\\..*\', \'\\1 in\')',
    B => 'aliasSub(scale(nonNegativeDerivative(collectd.*.interface-eth0.if_octets.tx), -8), \'^.*\\.(web\\d)\\.[^.]+\\.(?:if_octets)\\.(\\w+).*$\', \'\\1/\\2\')',
    C => 'alias(sumSeries(scaleToSeconds(derivative(collectd.web1.interface-eth0.if_octets.{rx,tx}), 1)), \'both\')')
--- json eval
main::answer(
    [ 'web1 in A', 'name=collectd.web1.interface-eth0.if_octets.rx;perSecond=1;scale=8.0',
      1699999440, 60, undef, 133.333336, 400, 666.666664, undef, undef,
      1466.666664, 1733.333336, 2000, 2266.666664 ],
    [ 'web2 in A', 'name=collectd.web2.interface-eth0.if_octets.rx;perSecond=1;scale=8.0',
      1699999440, 60, undef, 266.666664, 800, 1333.333336, undef, undef,
      2933.333336, 3466.666664, 4000, 4533.333336 ],
    [ 'web1/tx B', 'name=collectd.web1.interface-eth0.if_octets.tx;nonNegativeDerivative=1;scale=-8.0',
      1699999440, 60, undef, -480000, -480000, -480000, undef, -480000,
      -480000, -480000, -480000, -480000 ],
    [ 'web2/tx B', 'name=collectd.web2.interface-eth0.if_octets.tx;nonNegativeDerivative=1;scale=-8.0',
      1699999440, 60, undef, 0, -480000, -480000, undef, -480000, -480000,
      -480000, -480000, -480000 ],
    [ 'both C', 'derivative=1;scaleToSeconds=1.0;name=sumSeries(scaleToSeconds(derivative(collectd.web1.interface-eth0.if_octets.rx),1),scaleToSeconds(derivative(collectd.web1.interface-eth0.if_octets.tx),1));aggregatedBy=sum',
      1699999440, 60, undef, 1016.666667, 1050, 1083.333333, -3900, 1000,
      1183.333333, 1216.666667, 1250, 1283.333333 ])
--- no_error_log
[error]
[alert]



=== TEST 7: collectd memory and disks: shares, sums, stacked
--- schema eval: $::schema
--- carbon eval: $::points
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- request eval
main::panel({},
    A => 'aliasByNode(asPercent(collectd.web1.memory.memory-used, sumSeries(collectd.web1.memory.memory-*)), 1)',
    B => 'alias(sumSeries(collectd.*.memory.memory-used), \'used\')|scale(0.00000095367431640625)',
    C => 'aliasByMetric(offset(scale(collectd.web2.df-root.df_complex-*, 1e-9), 0.5))',
    D => 'alias(color(secondYAxis(stacked(divideSeries(collectd.web1.df-root.df_complex-used, sumSeries(collectd.web1.df-root.df_complex-*)))), \'red\'), \'disk\')')
--- json eval
main::answer(
    [ 'web1 A', 'name=asPercent(collectd.web1.memory.memory-used,sumSeries(collectd.web1.memory.memory-*))',
      1699999440, 60, 33.33333333333333, 33.36588541666667, 33.3984375,
      33.43098958333333, 33.46354166666667, 33.49609375, 33.52864583333333,
      33.56119791666667, 33.59375, 33.62630208333333 ],
    [ 'scale(used,9.53674e-07) B', 'name=sumSeries(collectd.*.memory.memory-used);aggregatedBy=sum;scale=9.5367431640625e-07',
      1699999440, 60, 3072, 3074, 3076, 3078, 3080, 3082, 3084, 3086, 3088,
      3090 ],
    [ 'df_complex-free C', 'name=collectd.web2.df-root.df_complex-free;scale=1e-09;offset=0.5',
      1699999440, 60, 15.500000000000002, 15.3, 15.100000000000001, 14.9,
      14.700000000000001, 14.5, 14.3, 14.100000000000001, 13.9,
      13.700000000000001 ],
    [ 'df_complex-used C', 'name=collectd.web2.df-root.df_complex-used;scale=1e-09;offset=0.5',
      1699999440, 60, 5.5, 5.7, 5.9, 6.1000000000000005, 6.300000000000001,
      6.5, 6.7, 6.9, 7.1000000000000005, 7.300000000000001 ],
    [ 'disk D', 'name=divideSeries(collectd.web1.df-root.df_complex-used,sumSeries(collectd.web1.df-root.df_complex-*));stacked=__DEFAULT__;secondYAxis=1',
      1699999440, 60, 0.25, 0.255, 0.26, 0.265, 0.27, 0.275, 0.28, 0.285,
      0.29, 0.295 ])
--- no_error_log
[error]
[alert]



=== TEST 8: collectd load: thresholds, filters and what is over them
--- schema eval: $::schema
--- carbon eval: $::points
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- request eval
main::panel({ max => 5 },
    A => 'aliasByNode(maximumAbove(collectd.*.load.load.shortterm, 2), 1)',
    B => 'aliasByNode(currentAbove(collectd.*.load.load.shortterm, 0.5), 1)',
    C => 'threshold(2, \'too much\', \'red\')',
    D => 'alias(movingMedian(collectd.web1.load.load.shortterm, \'3min\'), \'smooth\')',
    E => 'aliasByNode(exclude(sortByTotal(collectd.*.load.load.shortterm), \'web1\'), 1, 4)',
    F => 'consolidateBy(aliasByNode(collectd.web1.load.load.shortterm, 1), \'max\')')
--- json eval
main::answer(
    [ 'web1 A', 'name=collectd.web1.load.load.shortterm',
      1699999560, 180, 1, 2, 0.5833333333333334 ],
    [ 'web2 A', 'name=collectd.web2.load.load.shortterm',
      1699999560, 180, 1, 2, 0.5833333333333334 ],
    [ 'too much C', 'name=2.0',
      1699999380, 300, 2, 2, 2 ],
    [ 'smooth D', 'name=collectd.web1.load.load.shortterm;movingMedian=3min',
      1699999560, 180, 0.7916666666666666, 2.0416666666666665, 1 ],
    [ 'web2.shortterm E', 'name=collectd.web2.load.load.shortterm',
      1699999560, 180, 1, 2, 0.5833333333333334 ],
    [ 'consolidateBy(web1,"max") F', 'name=collectd.web1.load.load.shortterm;consolidateBy=max',
      1699999560, 180, 1.25, 2.5, 1 ])
--- no_error_log
[error]
[alert]



=== TEST 9: carbon-relay about itself: rates, drops, names with colons
--- schema eval: $::schema
--- carbon eval: $::points
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- request eval
main::panel({},
    A => 'aliasByNode(scaleToSeconds(carbon.relays.*.metricsReceived, 1), 2)',
    B => 'alias(sumSeries(carbon.relays.*.metricsReceived), \'received\')',
    C => 'aliasByNode(carbon.relays.relay1-a.destinations.*.sent, 4)',
    D => 'aliasByNode(diffSeries(carbon.relays.relay1-a.destinations.10_0_0_2:2004:b.attemptedRelays, carbon.relays.relay1-a.destinations.10_0_0_2:2004:b.sent), 2)',
    E => 'alias(percentileOfSeries(carbon.relays.*.destinations.*.sent, 50), \'median\')',
    F => 'nPercentile(carbon.relays.relay2-a.metricsReceived, 95)')
--- json eval
main::answer(
    [ 'relay1-a A', 'name=carbon.relays.relay1-a.metricsReceived;scaleToSeconds=1.0',
      1699999440, 60, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109 ],
    [ 'relay2-a A', 'name=carbon.relays.relay2-a.metricsReceived;scaleToSeconds=1.0',
      1699999440, 60, 300, 303, 306, 309, 312, 315, 318, 321, 324, 327 ],
    [ 'received B', 'name=sumSeries(carbon.relays.*.metricsReceived);aggregatedBy=sum',
      1699999440, 60, 24000, 24240, 24480, 24720, 24960, 25200, 25440, 25680,
      25920, 26160 ],
    [ '10_0_0_1:2004:a C', 'name=carbon.relays.relay1-a.destinations.10_0_0_1:2004:a.sent',
      1699999440, 60, 3000, 3030, 3060, 3090, 3120, 3150, 3180, 3210, 3240,
      3270 ],
    [ '10_0_0_2:2004:b C', 'name=carbon.relays.relay1-a.destinations.10_0_0_2:2004:b.sent',
      1699999440, 60, 2900, 2930, 2960, undef, 3020, 3050, 3080, 3110, 3140,
      3170 ],
    [ 'relay1-a D', 'name=diffSeries(carbon.relays.relay1-a.destinations.10_0_0_2:2004:b.attemptedRelays,carbon.relays.relay1-a.destinations.10_0_0_2:2004:b.sent);aggregatedBy=diff',
      1699999440, 60, 100, 100, 100, 3090, 100, 100, 100, 100, 100, 100 ],
    [ 'median E', 'name=percentileOfSeries(carbon.relays.*.destinations.*.sent,50)',
      1699999440, 60, 8700, 8730, 8760, 9090, 8820, 8850, 8880, 8910, 8940,
      8970 ],
    [ 'nPercentile(carbon.relays.relay2-a.metricsReceived, 95) F', 'name=carbon.relays.relay2-a.metricsReceived;nPercentile=95.0',
      1699999440, 60, 19620, 19620, 19620, 19620, 19620, 19620, 19620, 19620,
      19620, 19620 ])
--- no_error_log
[error]
[alert]



=== TEST 10: carbon-cache about itself: points per update, a template, lists in lists
--- schema eval: $::schema
--- carbon eval: $::points
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- request eval
main::panel({},
    A => 'alias(divideSeries(carbon.agents.*.committedPoints, carbon.agents.*.updateOperations), \'points per update\')',
    B => 'template(aliasByNode(scale(carbon.agents.$cache.cpuUsage, $k), 2), cache=\'cache1-a\', k=2)',
    C => 'alias(averageSeries(group(carbon.agents.*.cpuUsage, group(carbon.agents.cache1-a.cpuUsage, scale(carbon.agents.cache1-a.cpuUsage, 3)))), \'nested\')',
    D => 'removeEmptySeries(group(carbon.agents.nobody.*, grep(carbon.agents.*.*, \'cpu\')))|aliasByMetric()',
    E => 'limit(sortByName(aliasByMetric(carbon.agents.cache1-a.*)), 2)')
--- json eval
main::answer(
    [ 'points per update A', 'name=divideSeries(carbon.agents.cache1-a.committedPoints,carbon.agents.cache1-a.updateOperations)',
      1699999440, 60, 2, 2.1, undef, 2.2, 2.3, 2, 2.0833333333333335, 2, 2, 2 ],
    [ 'cache1-a B', 'name=carbon.agents.cache1-a.cpuUsage;scale=2.0',
      1699999440, 60, 25, 26.5, undef, 28, 111, 30, 29.5, 31, 32, 30.5 ],
    [ 'nested C', 'name=carbon.agents.cache1-a.cpuUsage;aggregatedBy=average',
      1699999440, 60, 20.833333333333332, 22.083333333333332, undef,
      23.333333333333332, 92.5, 25, 24.583333333333332, 25.833333333333332,
      26.666666666666668, 25.416666666666668 ],
    [ 'cpuUsage D', 'name=carbon.agents.cache1-a.cpuUsage',
      1699999440, 60, 12.5, 13.25, undef, 14, 55.5, 15, 14.75, 15.5, 16, 15.25 ],
    [ 'committedPoints E', 'name=carbon.agents.cache1-a.committedPoints',
      1699999440, 60, 12000, 12600, undef, 13200, 13800, 14400, 15000, 15600,
      16200, 16800 ],
    [ 'cpuUsage E', 'name=carbon.agents.cache1-a.cpuUsage',
      1699999440, 60, 12.5, 13.25, undef, 14, 55.5, 15, 14.75, 15.5, 16, 15.25 ])
--- no_error_log
[error]
[alert]
