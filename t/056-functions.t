# The menu that Grafana's editor builds of /functions: each function that is
# promised is in it, with its group and the arguments the editor asks for, and
# nothing else is; and each is called as the editor would call it, with what it
# must have and with all that it may have.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Torus::Nginx;
use Torus::Redis;

my $redis = Torus::Redis->start;
my $nginx = Torus::Nginx->new;
my $port = $nginx->port;
my $host = '127.0.0.1:' . $redis->port . '/0';

$nginx->file('schema.json', <<END);
{ "TIMESERIES": {
    "h": { "type": "histogram", "match": "h.**", "host": "$host",
           "final": true, "intervals": { "minute": { "step": 60 } } },
    "c": { "type": "gauge", "match": "**", "host": "$host",
           "intervals": { "minute": { "step": 60 } } } } }
END

$nginx->conf("worker_processes 1;\n" . $nginx->http_block(<<END));
    torus_schema schema.json;
    server {
        listen 127.0.0.1:$port;
        location / { torus_query on; torus_insert on; }
    }
END

$nginx->start;

my $json = JSON::PP->new->allow_nonref;
my @aggs = qw( average avg avg_zero count current diff last max median min
               multiply range rangeOf stddev sum total );
my %types = map { $_ => 1 } qw(
    seriesList seriesLists node nodeOrTag tag integer float string boolean
    interval intOrInterval intOrInf aggFunc date any );

# name, and of each argument name:type, then * for "multiple", ! for
# "required", =default, {options}; those of an aggFunc are all there are

my ($group, $last, %want);

for (split /\n/, <<'END') {
= Combine
aggregate seriesList:seriesList! func:aggFunc! xFilesFactor:float
asPercent seriesList:seriesList! total:any nodes:nodeOrTag*
averageSeries seriesLists:seriesList*!
averageSeriesWithWildcards seriesList:seriesList! position:node*
avg seriesLists:seriesList*!
countSeries seriesLists:seriesList*
diffSeries seriesLists:seriesList*!
divideSeries dividendSeriesList:seriesList! divisorSeries:seriesList!
group seriesLists:seriesList*
groupByNode seriesList:seriesList! nodeNum:nodeOrTag! callback:aggFunc=average
groupByNodes seriesList:seriesList! callback:aggFunc! nodes:nodeOrTag*
groupByTags seriesList:seriesList! callback:aggFunc! tags:tag*!
maxSeries seriesLists:seriesList*!
minSeries seriesLists:seriesList*!
multiplySeries seriesLists:seriesList*!
pct seriesList:seriesList! total:any nodes:nodeOrTag*
percentileOfSeries seriesList:seriesList! n:float! interpolate:boolean=false
rangeOfSeries seriesLists:seriesList*!
stddevSeries seriesLists:seriesList*!
sum seriesLists:seriesList*!
sumSeries seriesLists:seriesList*!
sumSeriesWithWildcards seriesList:seriesList! position:node*
weightedAverage seriesListAvg:seriesList! seriesListWeight:seriesList!
    nodes:nodeOrTag*
= Transform
absolute seriesList:seriesList!
delay seriesList:seriesList! steps:integer!
derivative seriesList:seriesList!
hitcount seriesList:seriesList! intervalString:interval!
    alignToInterval:boolean=false
integral seriesList:seriesList!
integralByInterval seriesList:seriesList! intervalUnit:interval!
interpolate seriesList:seriesList! limit:intOrInf=inf
invert seriesList:seriesList!
isNonNull seriesList:seriesList!
keepLastValue seriesList:seriesList! limit:intOrInf=inf
log seriesList:seriesList! base:float=10
nonNegativeDerivative seriesList:seriesList! maxValue:float minValue:float
offset seriesList:seriesList! factor:float!
perSecond seriesList:seriesList! maxValue:float minValue:float
pow seriesList:seriesList! factor:float!
rate seriesList:seriesList!
round seriesList:seriesList! precision:integer=0
scale seriesList:seriesList! factor:float!
scaleToSeconds seriesList:seriesList! seconds:float!
smartSummarize seriesList:seriesList! intervalString:interval!
    func:aggFunc=sum alignTo:string
squareRoot seriesList:seriesList!
summarize seriesList:seriesList! intervalString:interval! func:aggFunc=sum
    alignToFrom:boolean=false
time name:string! step:integer=60
timeFunction name:string! step:integer=60
timeShift seriesList:seriesList! timeShift:interval! resetEnd:boolean=true
    alignDst:boolean=false
timeStack seriesList:seriesList! timeShiftUnit:interval=1d
    timeShiftStart:integer=0 timeShiftEnd:integer=7
transformNull seriesList:seriesList! default:float=0
    referenceSeries:seriesList
= Calculate
aggregateLine seriesList:seriesList! func:aggFunc=average
    keepStep:boolean=false
exponentialMovingAverage seriesList:seriesList! windowSize:intOrInterval!
identity name:string!
movingAverage seriesList:seriesList! windowSize:intOrInterval!
    xFilesFactor:float
movingMax seriesList:seriesList! windowSize:intOrInterval! xFilesFactor:float
movingMedian seriesList:seriesList! windowSize:intOrInterval!
    xFilesFactor:float
movingMin seriesList:seriesList! windowSize:intOrInterval! xFilesFactor:float
movingSum seriesList:seriesList! windowSize:intOrInterval! xFilesFactor:float
movingWindow seriesList:seriesList! windowSize:intOrInterval!
    func:aggFunc=average xFilesFactor:float
nPercentile seriesList:seriesList! n:float!
stdev seriesList:seriesList! points:integer! windowTolerance:float=0.1
= Filter Series
averageAbove seriesList:seriesList! n:float!
averageBelow seriesList:seriesList! n:float!
currentAbove seriesList:seriesList! n:float!
currentBelow seriesList:seriesList! n:float!
exclude seriesList:seriesList! pattern:string!
filterSeries seriesList:seriesList! func:aggFunc!
    operator:string!{!=,<,<=,=,>,>=} threshold:float!
grep seriesList:seriesList! pattern:string!
highest seriesList:seriesList! n:integer=1 func:aggFunc=average
highestAverage seriesList:seriesList! n:integer!
highestCurrent seriesList:seriesList! n:integer!
highestMax seriesList:seriesList! n:integer!
limit seriesList:seriesList! n:integer!
lowest seriesList:seriesList! n:integer=1 func:aggFunc=average
lowestAverage seriesList:seriesList! n:integer!
lowestCurrent seriesList:seriesList! n:integer!
maximumAbove seriesList:seriesList! n:float!
maximumBelow seriesList:seriesList! n:float!
minimumAbove seriesList:seriesList! n:float!
minimumBelow seriesList:seriesList! n:float!
mostDeviant seriesList:seriesList! n:integer!
removeEmptySeries seriesList:seriesList! xFilesFactor:float
unique seriesLists:seriesList*!
= Filter Data
removeAbovePercentile seriesList:seriesList! n:float!
removeAboveValue seriesList:seriesList! n:float!
removeBelowPercentile seriesList:seriesList! n:float!
removeBelowValue seriesList:seriesList! n:float!
= Sorting
sortBy seriesList:seriesList! func:aggFunc=average reverse:boolean=false
sortByMaxima seriesList:seriesList!
sortByMinima seriesList:seriesList!
sortByName seriesList:seriesList! natural:boolean=false reverse:boolean=false
sortByTotal seriesList:seriesList!
= Alias
alias seriesList:seriesList! newName:string!
aliasByMetric seriesList:seriesList!
aliasByNode seriesList:seriesList! nodes:nodeOrTag*!
aliasByTags seriesList:seriesList! tags:nodeOrTag*!
aliasSub seriesList:seriesList! search:string! replace:string!
legendValue seriesList:seriesList! valuesTypes:string*
= Graph
alpha seriesList:seriesList! alpha:float!
color seriesList:seriesList! theColor:string!
dashed seriesList:seriesList! dashLength:float=5
drawAsInfinite seriesList:seriesList!
lineWidth seriesList:seriesList! width:float!
secondYAxis seriesList:seriesList!
stacked seriesLists:seriesList! stack:string
threshold value:float! label:string color:string
= Special
cactiStyle seriesList:seriesList! system:string units:string
changed seriesList:seriesList!
consolidateBy seriesList:seriesList!
    consolidationFunc:string!{average,avg,avg_zero,first,last,max,min,sum}
constantLine value:float!
count seriesList:seriesList!
cumulative seriesList:seriesList!
fallbackSeries seriesList:seriesList! fallback:seriesList!
histogramBuckets seriesList:seriesList!
interval seriesList:seriesList! name:string!
mean seriesList:seriesList!
percentile seriesList:seriesList! n:float!
randomWalk name:string! step:integer=60
randomWalkFunction name:string! step:integer=60
schema seriesList:seriesList! name:string!
END
    if (/^= (.*)/) { $group = $1; next }
    $last = $1 if s/^(\w+)//;
    $want{$last}{group} = $group;
    push @{$want{$last}{params}}, split ' ';
}

my ($status, $body) = $nginx->get('/functions');
my $have = $json->decode($body);

is($status, 200, '/functions');
is_deeply([sort keys %$have], [sort keys %want], 'the functions');

for my $name (sort keys %want) {
    my $f = $have->{$name} or next;
    my @params = @{$f->{params}};

    is($f->{name}, $name, "$name has its name");
    is($f->{group}, $want{$name}{group}, "$name has its group");
    is_deeply([map { text($_) } @params], $want{$name}{params},
              "$name has its arguments");
    like($f->{function}, qr/^\Q$name\E\(.*\)\z/, "$name is shown as a call");
    like($f->{description}, qr/^[A-Z1].*\.\z/s, "$name is described");
    ok(!(grep { !$types{$_->{type}} } @params), "$name has types there are");

    called($name, grep { $_->{required} } @params);
    called($name, @params);
}

my ($grouped) = ($nginx->get('/functions?grouped=1'))[1];

for my $g (values %{$json->decode($grouped)}) {
    for my $name (keys %$g) {
        is_deeply($g->{$name}, $have->{$name}, "$name is the same by group");
        my ($one) = ($nginx->get("/functions/$name"))[1];
        is_deeply($json->decode($one), $have->{$name}, "and alone");
    }
}

ok($nginx->stop('QUIT'), 'the worker leaves');
unlike($nginx->log_text, qr/\[(?:error|alert|emerg|crit)\]/,
       'without an error');

done_testing();


# An argument as the table above has it.
sub text {
    my ($p) = @_;
    my $text = "$p->{name}:$p->{type}";

    $text .= '*' if $p->{multiple};
    $text .= '!' if $p->{required};
    $text .= '=' . default($p) if exists $p->{default};

    if ($p->{type} eq 'aggFunc') {
        $text .= '{?}' if "@{$p->{options} // []}" ne "@aggs";

    } elsif ($p->{options}) {
        $text .= '{' . join(',', @{$p->{options}}) . '}';
    }

    return $text;
}

sub default {
    my ($p) = @_;
    my $text = $json->encode($p->{default});
    return $text =~ s/^"(.*)"\z/$1/r;
}

# As the editor has it when all of these have been filled in.
sub called {
    my ($name, @params) = @_;
    my $target = "$name(" . join(', ', map { value($name, $_) } @params) . ')';
    my $query = $target =~ s/([^\w.-])/sprintf '%%%02X', ord $1/ger;
    my ($status, $body) = $nginx->get("/render?from=-10min&target=$query");

    is($status, 200, $target) or diag $body;
    ok(ref eq 'ARRAY', 'is a list of series')
        for eval { $json->decode($body) };
}

sub value {
    my ($name, $p) = @_;
    my ($key, $type) = @$p{qw( name type )};

    return $p->{options}[0] =~ s/(.*)/'$1'/r if $p->{options};
    return $name =~ /^(?:percentile|count|mean|histogramBuckets)\z/
           ? 'h.x' : 'constantLine(5)' if $type =~ /^seriesList/;
    return '1' if $key eq 'alpha';
    return '50' if $type eq 'float' && $key eq 'n';
    return { node => 0, nodeOrTag => 0, tag => "'name'", integer => 2,
             float => 0.5, boolean => 'true', interval => "'1min'",
             intOrInterval => 2, intOrInf => 2,
             any => 'constantLine(9)' }->{$type}
        if $type ne 'string';

    return "'minute'" if $name eq 'interval';
    return "'c'" if $name eq 'schema';
    return "'hours'" if $key eq 'alignTo';
    return "'si'" if $key eq 'system';
    return "'x'";
}
