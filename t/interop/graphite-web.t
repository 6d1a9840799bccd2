# Debian's graphite-web with nginx as its cluster server, and as an oracle:
# what it makes of series it fetches from us, our /render must make of them
# too, within 1e-9.  Where it is known to be wrong, or we differ on purpose,
# %exception says so and why; an exception that is no longer one is a fault.
#
# The clock of nginx stands at 1700000000; graphite-web is told by "now".

use strict;
use warnings;

use lib 't/lib';

use IO::Handle;
use JSON::PP;
use POSIX ();
use Scalar::Util qw( looks_like_number );
use Test::More;
use Torus::Clock;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( wait_for free_port temp_dir slurp spew );

our $now = 1700000000;
my $python = '/usr/bin/python3';

system("$python -c 'import graphite, whisper' 2>/dev/null") == 0
    or BAIL_OUT('graphite-web is not installed: util/deps.sh interop');

# Where the two differ, and why.
my @expressions;

my %exception = map { $_->[0] => { reason => $_->[1] } } (
    [ '^(asPercent|pct)\\((s\\.\\[abc\\]|group\\(s\\.c,s\\.wrap,d\\.one\\))[,)]',
      'their values are of the common step, their times of the own one' ],
    [ '^aliasSub\\(.*\\\\0',
      '\\0 is a NUL to Python, and the whole match to us' ],
    [ '^(nonNegativeDerivative|perSecond)\\((?!group).*,255\\)',
      'they fail where a value is missing and there is a maximum' ],
    [ '^timeShift\\(group\\(s\\.c,s\\.wrap,d\\.one\\)',
      'they give all series the start of the first one' ],
    [ '^sumSeries\\(summarize\\(group\\(',
      'they add up points by number, although the series begin apart' ],
    [ '^(cactiStyle|legendValue)\\(',
      'what is for drawing passes the series through, by its own name' ],
    [ '^moving\\w+\\((?!s\\.flat)',
      'their windows end one point early, until 1.1.9' ],
    [ '^stacked\\((?!s\\.a\\))',
      'what is for drawing passes the series through: Grafana stacks' ],
    [ '\\{web\\{1,2\\},db1\\}', 'they find nothing by lists in lists' ],
);

my $clock = Torus::Clock->new;
$clock->freeze($now);

my $redis = Torus::Redis->start(clock => $clock);
my $nginx = Torus::Nginx->new(clock => $clock);
my ($karbon, $http) = ($nginx->karbon_port, $nginx->port);
my $host = '127.0.0.1:' . $redis->port . '/0';

$nginx->file('schema.json', encode_json({ TIMESERIES => [
    map { {
        name => $_->[0], type => 'gauge', host => $host,
        match => $_->[1], final => JSON::PP::true,
        intervals => { $_->[0] => { step => $_->[2], steps => 10000 } },
    } } ([ two => 's.c', 120 ], [ ten => 'd.*', 600 ],
         [ minute => '**', 60 ])
] }));

$nginx->conf(<<END . $nginx->http_block(<<END2));
stream {
    karbon_schema schema.json;
    server { listen 127.0.0.1:$karbon; karbon on; }
}
END
    torus_schema schema.json;
    server {
        listen 127.0.0.1:$http;
        location / { torus_query on; }
    }
END2
$nginx->start;

feed();

my $dir = temp_dir() . '/graphite';
mkdir $dir;
my $port = free_port();
my $pid = fork // die "fork: $!\n";

if ($pid == 0) {
    $SIG{$_} = 'DEFAULT' for qw( INT TERM HUP );
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', "$dir/stdout" or POSIX::_exit(126);
    open STDERR, '>', "$dir/stderr" or POSIX::_exit(126);
    exec $python, 't/interop/graphite_web.py', $dir, $port,
         "127.0.0.1:$http" or POSIX::_exit(127);
}

my $owner = $$;

END {
    if ($pid && $$ == $owner) {
        local $?;
        kill KILL => $pid;
        waitpid $pid, 0;
    }
}

ok(wait_for(sub { slurp("$dir/stdout") =~ /ready/ }, 30),
   'graphite-web starts') or BAIL_OUT(slurp("$dir/stderr"));

cluster();
oracle();
unpickle();

ok($nginx->stop, 'nginx leaves');
done_testing();


# s.*: what the contract has, at 1699999440 .. 1699999980; around it, and of
# all else, sawtooths of several lengths with holes in them.
sub feed {
    my $lines = '';
    my %fixed = (
        's.a' => [1, 2, undef, 4, 5, 6, 7, undef, undef, 10],
        's.b' => [10, undef, undef, 40, 50, 60, 70, 80, 90, 100],
    );

    for my $i (0 .. 199) {
        my $t = 1699999980 - 60 * (199 - $i);
        my %v = (
            's.neg'            => ($i * 37 % 23 - 11) / 4,
            's.up'             => $i * 3 % 400,
            's.wrap'           => ($i * 29) % 250,
            's.flat'           => 7,
            's.gaps'           => $i % 7 < 4 ? $i % 13 + 0.25 : undef,
            's.rare'           => $i % 19 == 0 ? $i : undef,
            'srv.web1.cpu.user' => 10 + $i * 7 % 31,
            'srv.web2.cpu.user' => 20 + $i * 11 % 29,
            'srv.web10.cpu.user' => $i % 3 ? 5 + $i % 17 : undef,
            'srv.db1.cpu.user'  => 40 + $i * 5 % 37 / 8,
            'srv.web1.cpu.sys'  => 1 + $i % 5,
            'srv.web2.cpu.sys'  => 2 + $i % 4,
            'srv.db1.cpu.sys'   => 3 + $i % 3,
            'srv.web1.mem.free' => 1e9 + $i * 4096,
            'srv.web2.mem.free' => 2e9 - $i * 12345,
            'srv.db1.mem.free'  => 3e9 + ($i * 999983) % 1000003,
        );

        for (keys %fixed) {
            my $k = $i - 190;
            $v{$_} = $k >= 0 ? $fixed{$_}[$k] : $i % 7;
        }

        $lines .= defined $v{$_} ? "$_ $v{$_} $t\n" : '' for sort keys %v;

        $lines .= 's.c ' . ($i >= 190 ? 3 * (($i - 190) / 2 + 1) : $i % 5)
                . " $t\n"
            if $t % 120 == 0;
    }

    for my $i (0 .. 599) {
        my $t = 1699999800 - 600 * (599 - $i);
        $lines .= 'd.one ' . ($i % 144) . " $t\nd.two " . ($i * 7 % 101 / 3)
                . " $t\n";
    }

    Torus::Nginx::carbon($karbon, $lines);

    wait_for(sub { my ($s, $b) = $nginx->get('/metrics/index.json');
                   $s == 200 && @{decode_json($b)} >= 21 }, 20);
    wait_for(sub { my ($s, $b) = $nginx->get('/render?target=s.a&from=-2min');
                   $b =~ /10/ }, 20);
    wait_for(sub { my ($s, $b) = $nginx->get('/render?target=d.two&from=-20min');
                   $b =~ /,1699999800/ && $b !~ /null,1699999800/ }, 20);
}


sub escape {
    return $_[0] =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger;
}

sub web {
    my ($uri) = @_;
    my ($status, $body) = Torus::Nginx::http($port, 'GET', $uri);
    return ($status, $body);
}


# What people do with it: browse, complete, expand, render.
sub cluster {
    my ($status, $body) = web('/metrics/index.json');
    my ($s2, $ours) = $nginx->get('/metrics/index.json');

    is($status, 200, 'index.json');
    is_deeply(decode_json($body), decode_json($ours), 'the same names');

    for my $query ('*', 's.*', 'srv.*', 'srv.web?.cpu.*', 'srv.{web1,db1}.*',
                   'srv.web[12].cpu', 'none.*', 's.a', 'srv.*.cpu.user')
    {
        for my $format (qw( treejson completer nodelist )) {
            my $uri = "/metrics/find?format=$format&query=" . escape($query);

            ($status, $body) = web($uri);
            ($s2, $ours) = $nginx->get($uri);

            is($status, 200, "find $query as $format");
            my ($theirs, $mine) = map { of_find($_) } $body, $ours;
            is_deeply($mine, $theirs, "the same nodes");
        }

        my $uri = '/metrics/expand?query=' . escape($query);
        ($status, $body) = web($uri);
        ($s2, $ours) = $nginx->get($uri);
        is_deeply([sort @{decode_json($ours)->{results}}],
                  [sort @{decode_json($body)->{results}}], "expand $query");
    }

    ($status, $body) = web('/render?format=png&target=s.a&from=1699996400'
                           . '&until=1700000000');
    is($status, 200, 'a graph is drawn');
    like($body, qr/^\x89PNG/, 'a PNG');
}

# Without what only their tree has.
sub of_find {
    my ($body) = @_;
    my $json = decode_json($body);

    if (ref $json eq 'ARRAY') {
        for my $node (@$json) {
            delete $node->{context};
            $node->{$_} = 0 + $node->{$_}
                for grep { defined $node->{$_} }
                    qw( allowChildren expandable leaf );
        }

        return [sort { $a->{id} cmp $b->{id} } @$json];
    }

    $json->{metrics} = [sort { $a->{path} cmp $b->{path} }
                        @{$json->{metrics}}] if $json->{metrics};
    $json->{nodes} = [sort @{$json->{nodes}}] if $json->{nodes};

    return $json;
}


# Pickles are read by Python itself, without any classes.
sub unpickle {
    my $file = "$dir/pickle";

    for my $uri ('/render?format=pickle&local=1&noCache=1&target=s.a'
                 . '&target=srv.*.cpu.user&from=1699999380&until=1699999980',
                 '/render?format=pickle&target=none&from=-1h',
                 '/render?format=pickle&target=d.*&from=-3d',
                 '/metrics/find?format=pickle&local=1&query=*',
                 '/metrics/find?format=pickle&local=1&query=srv.*.cpu.user')
    {
        my ($status, $body) = $nginx->get($uri);
        spew($file, $body);

        my $json = `$python -c '
import io, json, pickle, sys
class U(pickle.Unpickler):
    def find_class(self, m, n):
        raise Exception("a class")
print(json.dumps(U(open(sys.argv[1], "rb")).load()))' $file 2>&1`;

        my $data = eval { decode_json($json) };

        is(ref $data, 'ARRAY', "$uri is a list") or diag($json);

        if ($uri =~ /render/) {
            (my $as_json = $uri) =~ s/pickle/json/;
            my $points = decode_json(($nginx->get($as_json))[1]);

            is_deeply([map { [$_->{name}, $_->{values}] } @$data],
                      [map { [$_->{target},
                              [map { $_->[0] } @{$_->{datapoints}}]] }
                       @$points],
                      'the values that json has');
            is(scalar(grep { $_->{end} - $_->{start}
                             != $_->{step} * @{$_->{values}} } @$data), 0,
               'start, end, step');
        } else {
            ok(@$data > 0 && !grep({ !defined $_->{path}
                                     || !defined $_->{is_leaf} } @$data),
               'nodes');
        }
    }
}


# The oracle.

sub oracle {
    my ($n, $failed) = (0, 0);

    expressions();

    for my $e (@expressions) {
        my ($target, $range) = @$e;
        my $args = 'format=json&now=' . $now . '&' . $range
                 . join '', map { '&target=' . escape($_) }
                            ref $target ? @$target : $target;

        my ($s1, $theirs) = web("/render?$args");
        my ($s2, $ours) = $nginx->get("/render?$args");
        my $what = (ref $target ? join ' & ', @$target : $target)
                 . " $range";
        my $fault = differ($s1, $theirs, $s2, $ours);
        my $reason = exception($what);

        $n++;

        if (defined $reason) {
            ok(defined $fault, "$what: differs, $reason");
        } else {
            ok(!defined $fault, $what) or diag($fault), $failed++;
        }
    }

    cmp_ok($n, '>=', 500, "$n expressions");
    coverage();

    for my $pattern (keys %exception) {
        ok($exception{$pattern}{used}, "the exception $pattern is of use");
    }
}

# Each function that we list is in some expression.
sub coverage {
    my ($status, $body) = $nginx->get('/functions');
    my $all = join ' ', map { ref $_->[0] ? @{$_->[0]} : $_->[0] }
                        @expressions;

    # they have no histograms and no intervals by name; chance and the clock
    # have no equals
    my %ours = map { $_ => 1 } qw( percentile count mean histogramBuckets
        rate interval schema randomWalk randomWalkFunction );
    my @lack = grep { !$ours{$_} && $all !~ /\b\Q$_\E\(/ }
               sort keys %{decode_json($body)};

    is("@lack", '', 'each function is in an expression');
}

sub exception {
    my ($what) = @_;

    for my $pattern (sort keys %exception) {
        if ($what =~ /$pattern/) {
            $exception{$pattern}{used} = 1;
            return $exception{$pattern}{reason};
        }
    }

    return undef;
}

# Undef if they are equal.
sub differ {
    my ($s1, $theirs, $s2, $ours) = @_;

    return undef if $s1 != 200 && $s2 != 200;
    return "status $s1 theirs, $s2 ours: $ours" if $s1 != $s2;

    my $t = eval { decode_json($theirs) } // return "theirs: $theirs";
    my $o = eval { decode_json($ours) } // return "ours: $ours";

    my @names = map { join ' & ', map { $_->{target} } @$_ } $t, $o;
    return "names theirs: $names[0]\n        ours: $names[1]"
        if $names[0] ne $names[1];

    for my $i (0 .. $#$t) {
        my ($a, $b) = ($t->[$i]{datapoints}, $o->[$i]{datapoints});

        return "$t->[$i]{target}: " . @$a . ' points theirs, ' . @$b . ' ours'
            if @$a != @$b;

        my $tags = join ' ', map { my $s = $_; join ',', map { "$_=$s->{$_}" }
                                   sort keys %$s }
                             $t->[$i]{tags}, $o->[$i]{tags};
        my ($x, $y) = map { my $s = $_->[$i]{tags};
                            join ',', map { "$_=$s->{$_}" } sort keys %$s }
                      $t, $o;
        return "$t->[$i]{target}: tags theirs $x\n     ours $y" if $x ne $y;

        for my $k (0 .. $#$a) {
            my ($v, $w) = ($a->[$k][0], $b->[$k][0]);

            return "$t->[$i]{target} point $k: times $a->[$k][1], $b->[$k][1]"
                if $a->[$k][1] != $b->[$k][1];

            # no finite number: null with us
            $v = undef if defined $v && abs $v > 1e308;

            next if !defined $v && !defined $w;

            return "$t->[$i]{target} point $k: " . ($v // 'null')
                   . ' theirs, ' . ($w // 'null') . ' ours'
                if !defined $v || !defined $w
                   || abs($v - $w) > 1e-9 * (abs $v > 1 ? abs $v : 1);
        }
    }

    return undef;
}

sub expressions {
    my $ten = 'from=1699999380&until=1699999980';
    my $hour = 'from=1699996380&until=1699999980';
    my $days = 'from=1699740600&until=1699999800';

    # one list in, of several kinds
    my @inputs = (
        [ 's.a', $ten ], [ 's.[abc]', $ten ], [ 's.{gaps,neg,rare}', $hour ],
        [ 'srv.*.cpu.user', $hour ], [ 'group(s.c,s.wrap,d.one)', $hour ],
    );

    my @one = qw(
        sumSeries averageSeries maxSeries minSeries stddevSeries
        rangeOfSeries multiplySeries diffSeries countSeries
        absolute invert squareRoot derivative nonNegativeDerivative
        perSecond integral keepLastValue interpolate transformNull isNonNull
        changed sortByName sortByTotal sortByMaxima sortByMinima
        removeEmptySeries unique aliasByMetric asPercent
        cumulative secondYAxis group logarithm
    );

    for my $f (@one) {
        push @expressions, [ "$f($_->[0])", $_->[1] ] for @inputs;
    }

    my @more = (
        'aggregate(%s,"sum")', 'aggregate(%s,"median")',
        'aggregate(%s,"avg_zero")', 'aggregate(%s,"last")',
        'percentileOfSeries(%s,50)', 'percentileOfSeries(%s,90,true)',
        'asPercent(%s,200)', 'groupByNode(%s,1,"sum")',
        'groupByNodes(%s,"max",0,1)', 'sumSeriesWithWildcards(%s,1)',
        'averageSeriesWithWildcards(%s,0)', 'alias(%s,"x y")',
        'aliasByNode(%s,0,1)', 'aliasByNode(%s,-1)',
        'aliasSub(%s,"^.*\.","\0-")', 'aliasSub(%s,"([a-z]+)","<\1>")',
        'scale(%s,2.5)', 'scale(%s,-1e-3)', 'scaleToSeconds(%s,60)',
        'offset(%s,-3)', 'pow(%s,2)', 'round(%s)', 'round(%s,1)',
        'log(%s)', 'log(%s,2)', 'nonNegativeDerivative(%s,255)',
        'perSecond(%s,255)', 'integralByInterval(%s,"5min")',
        'keepLastValue(%s,1)', 'interpolate(%s,2)', 'transformNull(%s,-1)',
        'summarize(%s,"3min","avg")', 'summarize(%s,"5min")',
        'summarize(%s,"5min","max",true)', 'summarize(%s,"7min","last")',
        'smartSummarize(%s,"5min","sum")', 'hitcount(%s,"5min")',
        'delay(%s,2)', 'timeShift(%s,"10min")',
        'stdev(%s,5)', 'nPercentile(%s,95)', 'nPercentile(%s,50)',
        'removeBelowValue(%s,5)', 'removeAboveValue(%s,20)',
        'removeBelowPercentile(%s,30)', 'removeAbovePercentile(%s,80)',
        'highestAverage(%s,2)', 'highestCurrent(%s,1)', 'highestMax(%s,2)',
        'lowestAverage(%s,2)', 'lowestCurrent(%s,1)',
        'highest(%s,2,"max")', 'lowest(%s,1,"min")',
        'averageAbove(%s,5)', 'averageBelow(%s,30)', 'currentAbove(%s,10)',
        'currentBelow(%s,20)', 'maximumAbove(%s,40)', 'maximumBelow(%s,40)',
        'minimumAbove(%s,0)', 'minimumBelow(%s,5)',
        'filterSeries(%s,"max",">",30)', 'limit(%s,1)', 'limit(%s,2)',
        'grep(%s,"[ab1]")', 'exclude(%s,"web|b")',
        'mostDeviant(%s,2)', 'sortByName(%s,true)',
        'sortByName(%s,false,true)', 'sortBy(%s,"average",true)',
        'aggregateLine(%s,"max")', 'consolidateBy(%s,"max")',
        'fallbackSeries(%s,constantLine(1))', 'color(%s,"red")',
        'lineWidth(%s,2)',
        'sumSeries(scale(%s,2))', 'scale(sumSeries(%s),0.5)',
        'perSecond(scale(%s,10))|alias("r")',
        'averageSeries(keepLastValue(%s,3))',
        'sumSeries(summarize(%s,"6min","sum"))',
        'alpha(%s,0.5)', 'cactiStyle(%s)', 'dashed(%s)', 'stacked(%s)',
        'drawAsInfinite(%s)', 'legendValue(%s,"avg")', 'sum(%s)', 'avg(%s)',
        'pct(%s)', 'aliasByTags(%s,"name")', 'groupByTags(%s,"max","name")',
    );

    for my $f (@more) {
        push @expressions, [ sprintf($f, $_->[0]), $_->[1] ] for @inputs;
    }

    push @expressions, map { [ $_, $hour ] } (
        'divideSeries(srv.web1.cpu.user,srv.web2.cpu.user)',
        'divideSeries(srv.*.cpu.user,s.flat)', 'divideSeries(s.a,no.such)',
        'divideSeries(s.c,s.a)', 'divideSeries(s.gaps,s.neg)',
        'asPercent(s.a,s.b)', 'asPercent(srv.*.cpu.sys,srv.*.cpu.user)',
        'asPercent(srv.*.cpu.user,sumSeries(srv.*.cpu.user))',
        'weightedAverage(srv.*.cpu.user,srv.*.cpu.sys,1)',
        'threshold(5,"t","red")', 'constantLine(3.5)', 'constantLine(7)',
        'timeShift(s.a,"-30min")', 'timeShift(s.a,"+30min")',
        'timeStack(s.up,"20min",0,3)', 'group(s.a,no.such,s.b)',
        'fallbackSeries(no.such,s.a)', 'no.such', 'no.*', 's.rare',
        'srv.web{1,2}.cpu.{user,sys}', 'srv.web[0-9].mem.free',
        'srv.we?1.*.*', '*.web1.cpu.sys', 'srv.{web{1,2},db1}.cpu.user',
        'movingAverage(s.flat,5)', 'movingMedian(s.flat,"5min")',
        'movingSum(s.flat,4)', 'movingMin(s.flat,"3min")',
        'movingMax(s.flat,3)', 'movingWindow(s.flat,3,"max")',
        'movingAverage(s.up,5)', 'movingMax(s.wrap,"5min")',
        'exponentialMovingAverage(s.flat,5)',
        'exponentialMovingAverage(s.wrap,"5min")',
        'time("t",60)', 'timeFunction("t")', 'identity("t")',
        'sumSeries(s.flat,s.a,s.b,s.c,d.one)',
        'maxSeries(d.one,s.wrap)', 'averageSeries(s.c,d.*)',
        'template(srv.$h.cpu.user,h="web1")',
        'aliasByNode(groupByNode(srv.*.cpu.user,1,"avg"),0)',
        'groupByNode(srv.*.cpu.*,2,"sumSeries")',
        'sortByMaxima(highestMax(srv.*.*.*,4))',
    );

    push @expressions, map { [ $_, $days ] } (
        'd.one', 'd.*', 'sumSeries(d.*)', 'summarize(d.one,"1d","max")',
        'summarize(d.*,"1h","avg")', 'timeShift(d.one,"1d")',
        'hitcount(d.one,"1d")', 'integralByInterval(d.one,"1d")',
        'smartSummarize(d.one,"1d","sum","days")',
        'timeStack(d.two,"1d",0,2)', 'divideSeries(d.one,timeShift(d.one,"1d"))',
        'nPercentile(d.two,99)', 'derivative(d.one)', 'stdev(d.two,12)',
    );

    # times
    push @expressions, map { [ 's.wrap', $_ ] } (
        'from=-1h', 'from=-30min&until=-10min', 'from=-90s',
        'from=-2hours&until=now-1hour', 'from=22:00&until=now',
        'from=21:30_20231114&until=22:00_20231114',
        'from=midnight%2B21h&until=now', 'from=9pm&until=10pm',
        'from=1699999000&until=1699999001', 'from=1699999500&until=1699999000',
        'from=20231114&until=20231115', 'from=tuesday&until=now',
        'from=teatime%2B5h&until=now', 'from=today',
        'from=11/14/23&until=now', 'from=nov14&until=now',
        'from=-1h&until=now&tz=Europe/Berlin', 'from=-1week',
        'from=22:30&until=23:00&tz=Europe/Berlin',
        'from=-1h&maxDataPoints=10', 'from=-1h&maxDataPoints=1',
        'from=-1h&maxDataPoints=7', 'from=-1h&maxDataPoints=59',
        'from=-1h&maxDataPoints=60', 'from=-1h&noNullPoints=1',
        'from=nonsense', 'from=-1h&until=-1h',
    );

    push @expressions, map { [ $_, 'from=-1h&maxDataPoints=13' ] } (
        's.gaps', 's.*', 'srv.*.cpu.user', 'consolidateBy(s.gaps,"sum")',
        'consolidateBy(s.gaps,"min")', 'consolidateBy(s.neg,"last")',
        'consolidateBy(s.neg,"first")', 'sumSeries(s.c,s.gaps)',
        'cumulative(s.gaps)', 'summarize(s.gaps,"2min")',
    );

    push @expressions,
        [ [ 's.a', 's.b' ], $ten ], [ [ 's.b', 's.*', 'no.such' ], $ten ],
        [ [ 'sumSeries(s.a,s.b)', 'scale(s.a,2)', 's.a' ], $ten ],
        [ [ 's.c', 'd.one', 's.a' ], 'from=-1h&maxDataPoints=20' ],
        [ 's.gaps', 'from=-1h&xFilesFactor=0.9&maxDataPoints=10' ],
        [ 'sumSeries(s.gaps,s.rare)', 'from=-1h&xFilesFactor=0.9' ];
}
