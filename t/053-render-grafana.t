# What Grafana, cubism, tasseo and graphite-web send to /render, as they send
# it, over the StatsD example's names.  The clock stands at 1700000000.

use strict;
use warnings;

use lib 't/lib';
use Torus clock => 1700000000;
use Test::Nginx::Socket 'no_plan';

# counts at 10 s and 60 s, and what is no number: a histogram
our $schema = <<'END';
{ "TIMESERIES": {
    "counts": { "type": "count", "match": "stats.counters.**",
        "final": true, "intervals": {
            "flush": { "step": 10, "keep": "10min" },
            "minute": { "step": 60, "keep": "1d" },
            "day": { "step": "daily", "steps": 30, "resolution": "1h" } } },
    "times": { "type": "histogram", "match": "times.**", "final": true,
        "intervals": { "minute": { "step": 60, "steps": 60 } } },
    "sets": { "type": "set", "match": "sets.**", "final": true,
        "write_func": "string", "read_func": "string",
        "intervals": { "minute": { "step": 60, "steps": 60 } } },
    "lists": { "type": "series", "match": "lists.**", "final": true,
        "fold": "max",
        "intervals": { "minute": { "step": 60, "steps": 60 } } },
    "long": { "type": "count", "match": "long.**", "final": true,
        "intervals": { "week": { "step": "weekly" },
                       "month": { "step": "monthly" } } },
    "g": { "type": "gauge", "match": "**", "prefix": "g",
        "intervals": { "minute": { "step": 60, "steps": 1440 } } } } }
END

our $counts = join '', map { "stats.counters.web$_.count 3 1699999970\n"
                             . "stats.counters.web$_.count $_ 1699999995\n" }
                       1 .. 2;

# by hand, as "request" of Test::Nginx has one line of arguments
sub esc { $_[0] =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger }

sub panel {
    my ($letter, $target, %o) = @_;
    my $wrapped = "aliasSub($target, \"(^.*\$)\", \"\\1 $letter\")";
    return "POST /torus/render\n"
         . 'target=' . esc($wrapped)
         . '&from=' . ($o{from} // 1699999980) . '&until=1700000000'
         . '&format=json&maxDataPoints=' . ($o{max} // 1000)
         . '&cacheTimeout=';
}

no_long_string();
run_tests();

__DATA__

=== TEST 1: a panel: the finest interval that covers the range
--- schema eval: $::schema
--- carbon eval: $::counts
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- request eval
[ main::panel('A', 'sumSeries(stats.counters.*.count)'),
  main::panel('B', 'aliasByNode(rate(stats.counters.*.count), 2)'),
  main::panel('A', 'stats.counters.web1.count', from => 1699990000,
              max => 2) ]
--- json eval
['[{"target":"sumSeries(stats.counters.*.count) A",
    "tags":{"name":"sumSeries(stats.counters.*.count)","aggregatedBy":"sum"},
    "datapoints":[[3,1699999990],[null,1700000000]]}]',
 '[{"target":"web1 B","tags":{"name":"stats.counters.web1.count"},
    "datapoints":[[0.1,1699999990],[null,1700000000]]},
   {"target":"web2 B","tags":{"name":"stats.counters.web2.count"},
    "datapoints":[[0.2,1699999990],[null,1700000000]]}]',
 '[{"target":"stats.counters.web1.count A",
    "tags":{"name":"stats.counters.web1.count"},
    "datapoints":[[null,1699992000],[2,1699997040]]}]' ]
--- no_error_log
[error]
[alert]



=== TEST 2: an interval by name, and one with resolutions
--- schema eval: $::schema
--- carbon eval: $::counts
--- request eval
[ "GET /torus/render?target=interval(stats.counters.web1.count,'minute')&from=1699999860&until=1700000000",
  "GET /torus/render?target=stats.counters.web1.count&from=-2d&until=now&format=raw&maxDataPoints=2",
  "GET /torus/render?target=interval(times.a,'flush')&from=-1h" ]
--- response_body_like eval
[ qr/\[3\.0,1699999920\],\[1\.0,1699999980\]/,
  qr/^interval|^stats\.counters\.web1\.count,\d+,\d+,3600\|(None,){47}4\.0\n$/,
  qr/^\[\]$/ ]
--- error_code eval
[ 200, 200, 200 ]
--- no_error_log
[error]
[alert]



=== TEST 3: histograms: percentiles are taken last
--- schema eval: $::schema
--- carbon
times.a 1 1699999930
times.a 2 1699999940
times.a 100 1699999950
times.b 50 1699999990
times.b 60 1699999995
--- request eval
[ "GET /torus/render?target=percentile(times.a,50)&from=1699999860&until=1699999980",
  "GET /torus/render?target=percentile(sumSeries(times.*),50)&from=1699999860&until=1699999980&maxDataPoints=1",
  "GET /torus/render?target=count(times.*)&from=1699999860&until=1699999980",
  "GET /torus/render?target=times.a&from=1699999860&until=1699999980" ]
--- json eval
['[{"target":"percentile(times.a,50)","tags":{"name":"times.a"},
    "datapoints":[[2,1699999920],[null,1699999980]]}]',
 '[{"target":"percentile(sumSeries(times.*),50)",
    "tags":{"name":"sumSeries(times.*)","aggregatedBy":"sum"},
    "datapoints":[[50,1699999920]]}]',
 '[{"target":"count(times.a)","tags":{"name":"times.a"},
    "datapoints":[[3,1699999920],[null,1699999980]]},
   {"target":"count(times.b)","tags":{"name":"times.b"},
    "datapoints":[[null,1699999920],[2,1699999980]]}]',
 '[{"target":"times.a","tags":{"name":"times.a"},
    "datapoints":[[34.333333333333336,1699999920],[null,1699999980]]}]']
--- no_error_log
[error]
[alert]



=== TEST 4: sets are counted, series folded as their schema says
--- schema eval: $::schema
--- carbon
sets.u alice 1699999930
sets.u bob 1699999940
sets.u alice 1699999950
lists.x 3 1699999930
lists.x 9 1699999940
lists.x 4 1699999990
--- request eval
[ "GET /torus/render?target=sets.u&from=1699999860&until=1699999980",
  "GET /torus/render?target=lists.x&from=1699999860&until=1699999980" ]
--- json eval
['[{"target":"sets.u","tags":{"name":"sets.u"},
    "datapoints":[[2,1699999920],[null,1699999980]]}]',
 '[{"target":"lists.x","tags":{"name":"lists.x"},
    "datapoints":[[9,1699999920],[4,1699999980]]}]']
--- no_error_log
[error]
[alert]



=== TEST 5: weeks at their Sundays, one that a new year cuts is one; months
at their first days
--- schema eval: $::schema
--- no_stream
--- redis
SET long.a:week:202252 5
SET long.a:week:202301 2
SET long.a:week:202353 7
SET long.a:week:202400 4
SET long.a:week:202401 1
SET long.a:month:202310 31
SET long.a:month:202311 30
--- request eval
[ "GET /torus/render?target=long.a&from=20221224&until=20230102&format=raw",
  "GET /torus/render?target=long.a&from=20221225&until=20230102",
  "GET /torus/render?target=long.a&from=20231230&until=20231231&format=raw",
  "GET /torus/render?target=long.a&from=20231230&until=20240110&format=csv",
  "GET /torus/render?target=timeShift(long.a,'1mon')&from=20240127&until=20240203&format=raw",
  "GET /torus/render?target=sumSeries(long.a,offset(long.a,1))&from=20231230&until=20240110&maxDataPoints=1",
  "GET /torus/render?target=interval(long.a,'month')&from=20231031&until=20231102&format=raw" ]
--- response_body eval
[ "long.a,1671926400,1673136000,604800|5.0,2.0\n",
  '[{"target":"long.a","tags":{"name":"long.a"},"datapoints":[[2.0,1672531200]]}]',
  "long.a,1703980800,1704585600,604800|11.0\n",
  "long.a,2023-12-31 00:00:00,11.0\r\nlong.a,2024-01-07 00:00:00,1.0\r\n",
  "timeShift(long.a, \"-1mon\"),1706400000,1707004800,604800|11.0\n",
  '[{"target":"sumSeries(long.a,offset(long.a,1))","tags":{"name":"long.a","aggregatedBy":"sum"},"datapoints":[[13.0,1703980800]]}]',
  "long.a,1698796800,1698969600,86400|30.0,None\n" ]
--- no_error_log
[error]
[alert]



=== TEST 6: the bucket that is still open
--- schema eval: $::schema
--- carbon eval: $::counts
--- config
location /torus/ { torus_query on; torus_open_bucket null; }
--- request
GET /torus/render?target=interval(stats.counters.web1.count,'minute')&from=1699999860&until=1700000000&format=csv
--- response_body_like: ,2023-11-14 22:12:00,3\.0\r\n.*,2023-11-14 22:13:00,\r\n
--- no_error_log
[error]
[alert]



=== TEST 7: cubism and tasseo
--- schema eval: $::schema
--- carbon
a.b 2 1699999930
--- request eval
[ "GET /torus/render?format=raw&target=alias(a.b,%27%27)&from=1699999860&until=1699999980",
  "GET /torus/render/?target=a.b&target=a.*&from=-2minutes&format=json" ]
--- response_body eval
[ ",1699999920,1700000040,60|2.0,None\n",
  '[{"target":"a.b","tags":{"name":"a.b"},"datapoints":[[2.0,1699999920],[null,1699999980]]},'
  . '{"target":"a.b","tags":{"name":"a.b"},"datapoints":[[2.0,1699999920],[null,1699999980]]}]' ]
--- no_error_log
[error]
[alert]



=== TEST 8: faults are one line of text
--- schema eval: $::schema
--- no_stream
--- request eval
[ "GET /torus/render?target=nosuch(a)&from=-1h",
  "GET /torus/render?target=foo(&from=-1h",
  "GET /torus/render?target=a&from=never",
  "GET /torus/render?target=a&from=-1h&until=-1h",
  "GET /torus/render?target=a&format=png",
  "GET /torus/render?target=schema(a,'no')",
  "GET /torus/render?target=interval(a,'no')",
  "GET /torus/render?target=interval(no.*,'no')",
  "GET /torus/render?target=schema(interval(a,'day'),'g')" ]
--- error_code eval
[ (400) x 9 ]
--- response_headers eval
[ ("Content-Type: text/plain") x 9 ]
--- response_body_like eval
[ map { qr/$_[^\n]*\n\z/ } 'nosuch', '\A', 'from', 'empty', 'format',
                           'schema', ('\Ano schema has an interval "no"') x 2,
                           '\Aschema "g" has no interval "day"' ]
--- no_error_log
[alert]



=== TEST 9: limits
--- schema eval: $::schema
--- carbon
l.a 1 1699999930
l.b 1 1699999930
l.c 1 1699999930
--- config
location /torus/ { torus_query on; torus_max_series 2; torus_max_targets 2;
                   torus_max_points 50; }
--- request eval
[ "GET /torus/render?target=l.*&from=-5min",
  "GET /torus/render?target=l.a&target=l.b&target=l.c&from=-5min",
  "GET /torus/render?target=l.a&from=-2h",
  "GET /torus/render?target=l.a&from=-5min" ]
--- error_code eval
[ 413, 413, 413, 200 ]
--- response_body_like eval
[ qr/2 series\n\z/, qr/2 targets\n\z/, qr/50 points\n\z/, qr/^\[/ ]
--- no_error_log
[alert]



=== TEST 12: limits of a target, of the server and of a location in it
--- schema eval: $::schema
--- no_stream
--- config
torus_max_target_size 40;
torus_max_calls 3;
torus_max_depth 2;
location /torus/ { torus_query on; }
location /more/ { torus_query on; torus_max_target_size 0; torus_max_calls 0;
                  torus_max_depth 100; }
--- request eval
[ "GET /torus/render?target=sum(" . 'a' x 36 . ")",
  "GET /torus/render?target=abs(abs(abs(a)))",
  "GET /torus/render?target=a|absolute()|absolute()|absolute()",
  "GET /torus/render?target=sum(avg(a),avg(a),avg(a))",
  "GET /torus/render?target=sum(avg(a),avg(a))",
  "GET /torus/render?target=a&template[x]=" . 'b' x 100,
  "GET /torus/render?target=template(\$x\$x.a)&template[x]=" . 'b' x 100,
  "GET /more/render?target=" . 'absolute(' x 100 . 'a' . ')' x 100,
  "GET /more/render?target=" . 'absolute(' x 101 . 'a' . ')' x 101,
  "GET /more/render?target=group(" . join(',', ('sum(a)') x 300) . ')' ]
--- error_code eval
[ 413, 413, 413, 413, 200, 200, 413, 200, 413, 200 ]
--- response_body eval
[ "a target has at most 40 bytes, not 41\n",
  "functions are nested at most 2 deep\n",
  "functions are nested at most 2 deep\n",
  "a target has at most 3 functions\n", "[]", "[]",
  "variables make a path longer than 40 bytes\n", "[]",
  "functions are nested at most 100 deep\n", "[]" ]
--- no_error_log
[alert]



=== TEST 11: a form as graphite-web posts it
--- schema eval: $::schema
--- carbon
a.b 2 1699999930
a.c 3 1699999930
--- more_headers
Content-Type: multipart/form-data; boundary=x-Y
--- request eval
[ "POST /torus/render\n"
  . "--x-Y\r\nContent-Disposition: form-data; name=\"target\"\r\n\r\na.b\r\n"
  . "--x-Y\r\nContent-Disposition: form-data; name=\"target\"\r\n\r\na.[c]\r\n"
  . "--x-Y\r\nContent-Disposition: form-data; name=\"from\"\r\n\r\n1699999860\r\n"
  . "--x-Y\r\nContent-Disposition: form-data; name=\"until\"\r\n\r\n1699999920\r\n"
  . "--x-Y\r\nContent-Disposition: form-data; name=\"format\"\r\n\r\nraw\r\n"
  . "--x-Y--\r\n",
  "POST /torus/render\n"
  . "--x-Y\r\nContent-Disposition: form-data; name=\"target\"\r\n\r\na.b" ]
--- error_code eval
[ 200, 400 ]
--- response_body eval
[ "a.b,1699999920,1699999980,60|2.0\na.c,1699999920,1699999980,60|3.0\n",
  "the request body is broken\n" ]
--- no_error_log
[alert]



=== TEST 10: in a call, without nulls, pretty or not
--- schema eval: $::schema
--- carbon
a.b 2 1699999930
--- request eval
[ "GET /torus/render?target=a.b&from=-5min&jsonp=cb.x&noNullPoints=1",
  "GET /torus/render?target=a.b&from=-5min&jsonp=a%3Bb" ]
--- error_code eval
[ 200, 400 ]
--- response_headers eval
[ "Content-Type: text/javascript", "Content-Type: text/plain" ]
--- response_body_like eval
[ qr/^cb\.x\(\[\{.*"datapoints":\[\[2\.0,1699999920\]\]\}\]\)/,
  qr/jsonp/ ]
--- no_error_log
[alert]



=== TEST 13: points are counted as there are: a day of packed half hours is
8,640 of ten seconds, whatever the key that they lie in
--- schema
{ "TIMESERIES": { "g": { "type": "gauge", "match": "**", "intervals": {
    "flush": { "step": "30min", "keep": "1d", "resolution": 10,
               "layout": "packed" },
    "hour": { "step": "monthly", "keep": "1y", "resolution": "1h",
              "layout": "packed" } } } } }
--- carbon
p.a 1 1699999930
p.b 2 1699999930
--- config
location /torus/ { torus_query on; torus_max_points 18000; }
location /less/ { torus_query on; torus_max_points 17000; }
--- request eval
[ "GET /torus/render?target=p.*&from=-1d&format=raw",
  "GET /less/render?target=p.*&from=-1d&format=raw",
  "GET /less/render?target=p.*&from=-300d&format=raw" ]
--- error_code eval
[ 200, 413, 200 ]
--- response_body_like eval
[ qr/^p\.a,1699913610,1700000010,10\|(None,){8632}1\.0(,None){7}\np\.b,.*\n$/,
  qr/^the request asks for more than 17000 points$/,
  qr/^p\.a,\d+,\d+,3600\|(None,){7199}1\.0\np\.b,.*\n$/ ]
--- no_error_log
[alert]
