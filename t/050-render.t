# /render through nginx and Redis: what Grafana asks for, what Graphite
# answers.  Expected numbers are those of Graphite's own answers to the same
# series, where the two agree on purpose.  The clock stands at 1700000000.

use strict;
use warnings;

use lib 't/lib';
use Torus clock => 1700000000;
use Test::Nginx::Socket 'no_plan';

our $schema = <<'END';
{ "TIMESERIES": { "g": { "type": "gauge", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 1440 } } } } }
END

# a.b.c1 and a.b.c2: null,1,2,null,4 up to 1699999980
our $abc = "a.b.c1 1 1699999800\na.b.c1 2 1699999860\na.b.c1 4 1699999980\n"
         . "a.b.c2 1 1699999800\na.b.c2 2 1699999860\na.b.c2 4 1699999980\n";

# ten points at 1699999440 .. 1699999980
our $ten = join '', map {
    my $v = (10, undef, undef, 40, 50, 60, 70, 80, 90, 100)[$_];
    defined $v ? "t.ten $v " . (1699999440 + 60 * $_) . "\n" : ();
} 0 .. 9;

no_long_string();
run_tests();

__DATA__

=== TEST 1: Save & test, byte for byte
--- schema eval: $::schema
--- no_stream
--- request
POST /torus/render
target=aliasSub(constantLine(100)%2C%20%22(%5E.*%24)%22%2C%20%22%5C1%20A%22)&from=1699996400&until=1700000000&format=json&maxDataPoints=100
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- response_headers
Content-Type: application/json
--- response_body chomp
[{"target":"100.0 A","tags":{"name":"100.0"},"datapoints":[[100.0,1699996400],[100.0,1699998200],[100.0,1700000000]]}]
--- no_error_log
[error]
[alert]



=== TEST 2: sumSeries over a glob
--- schema eval: $::schema
--- carbon eval: $::abc
--- request
GET /torus/render?target=sumSeries(a.b.*)&from=-5min&format=json
--- response_body chomp
[{"target":"sumSeries(a.b.*)","tags":{"name":"sumSeries(a.b.*)","aggregatedBy":"sum"},"datapoints":[[null,1699999740],[2.0,1699999800],[4.0,1699999860],[null,1699999920],[8.0,1699999980]]}]
--- no_error_log
[error]
[alert]



=== TEST 3: a literal name, raw, csv and json
--- schema eval: $::schema
--- carbon eval: $::abc
--- request eval
["GET /torus/render?target=a.b.c1&from=-5min&format=raw",
 "GET /torus/render/?target=a.b.c1&from=-4min&format=csv",
 "GET /torus/render?target=a.b.c1&from=-2min"]
--- response_body eval
["a.b.c1,1699999740,1700000040,60|None,1.0,2.0,None,4.0\n",
 "a.b.c1,2023-11-14 22:10:00,1.0\r\na.b.c1,2023-11-14 22:11:00,2.0\r\n"
 . "a.b.c1,2023-11-14 22:12:00,\r\na.b.c1,2023-11-14 22:13:00,4.0\r\n",
 '[{"target":"a.b.c1","tags":{"name":"a.b.c1"},'
 . '"datapoints":[[null,1699999920],[4.0,1699999980]]}]']
--- no_error_log
[error]
[alert]



=== TEST 4: maxDataPoints, the worked examples
--- schema eval: $::schema
--- carbon eval: $::ten
--- request eval
["GET /torus/render?target=t.ten&from=1699999380&until=1699999980&maxDataPoints=5",
 "GET /torus/render?target=t.ten&from=1699999380&until=1699999980&maxDataPoints=3",
 "GET /torus/render?target=consolidateBy(t.ten,'sum')&from=1699999380&until=1699999980&maxDataPoints=3",
 "GET /torus/render?target=consolidateBy(t.ten,'last')&from=1699999380&until=1699999980&maxDataPoints=3"]
--- json eval
['[{"target":"t.ten","tags":{"name":"t.ten"},"datapoints":[[null,1699999560],[45,1699999680],[65,1699999800],[85,1699999920],[100,1700000040]]}]',
 '[{"target":"t.ten","tags":{"name":"t.ten"},"datapoints":[[55,1699999680],[90,1699999920]]}]',
 '[{"target":"consolidateBy(t.ten,\"sum\")","tags":{"name":"t.ten","consolidateBy":"sum"},"datapoints":[[220,1699999680],[270,1699999920]]}]',
 '[{"target":"consolidateBy(t.ten,\"last\")","tags":{"name":"t.ten","consolidateBy":"last"},"datapoints":[[70,1699999680],[100,1699999920]]}]']
--- no_error_log
[error]
[alert]



=== TEST 5: nothing of that name is no error
--- schema eval: $::schema
--- no_stream
--- request eval
["GET /torus/render?target=no.such&from=-5min", "GET /torus/render?target=no.*&from=-5min",
 "GET /torus/render?target=sumSeries(no.*)&from=-5min", "GET /torus/render?from=-5min"]
--- response_body eval
["[]", "[]", "[]", "[]"]
--- no_error_log
[error]
[alert]



=== TEST 10: neither is no target, as in graphite-web
--- schema eval: $::schema
--- no_stream
--- request eval
[map { "GET /torus/render$_" } "", "?target=", "?target=&from=-1h",
 "?from=-1h&format=csv", "?from=-1h&format=raw", "?jsonp=cb"]
--- error_code eval
[(200) x 6]
--- response_body eval
[('[]') x 3, '', '', "cb([])\n"]
--- no_error_log
[error]
[alert]



=== TEST 6: a stat without data in the range is null, what does not exist is
not answered
--- schema eval: $::schema
--- carbon eval: $::abc
--- request eval
["GET /torus/render?target=a.b.c1&from=-10h&until=-9h59min&format=raw",
 "GET /torus/render?target=a.b.c1&target=a.b.no&target=a.b&from=-10h&until=-9h59min&format=raw",
 "GET /torus/render?target=sumSeries(a.b.c1,a.b.no)&from=-10h&until=-9h59min&format=raw",
 "GET /torus/render?target=a.b.no&target=fallbackSeries(a.b.no,a.b.c2)&from=-2min&format=raw",
 "GET /torus/render?target=a.b.c1&target=timeShift(a.b.c1,'1h')&from=-2min&format=raw"]
--- response_body eval
["a.b.c1,1699964040,1699964100,60|None\n",
 "a.b.c1,1699964040,1699964100,60|None\n",
 "sumSeries(a.b.c1),1699964040,1699964100,60|None\n",
 "a.b.c2,1699999920,1700000040,60|None,4.0\n",
 "a.b.c1,1699999920,1700000040,60|None,4.0\n"
 . "timeShift(a.b.c1, \"-1h\"),1699999920,1700000040,60|None,None\n"]
--- no_error_log
[error]
[alert]



=== TEST 7: to know that takes no round where there is data
--- schema eval: $::schema
--- carbon eval: $::abc
--- http_config
torus_schema $TEST_NGINX_SCHEMA;
log_format cost '"$torus_commands $torus_rounds"';
access_log $TEST_NGINX_SERVER_ROOT/logs/access.log cost;
--- request
GET /torus/render?target=a.b.c1&target=a.b.c2&from=-2min
--- access_log
"1 1"
--- no_error_log
[error]
[alert]



=== TEST 8: and one for all names where there is none
--- schema eval: $::schema
--- carbon eval: $::abc
--- http_config
torus_schema $TEST_NGINX_SCHEMA;
log_format cost '"$torus_commands $torus_rounds"';
access_log $TEST_NGINX_SERVER_ROOT/logs/access.log cost;
--- request
GET /torus/render?target=a.b.c1&target=a.b.no&target=x&from=-10h&until=-9h59min
--- access_log
"4 2"
--- no_error_log
[error]
[alert]



=== TEST 9: a range between two points has none, by a glob either
--- schema eval: $::schema
--- carbon eval: $::abc
--- request eval
["GET /torus/render?target=a.b.*&from=1699999861&until=1699999919&format=raw",
 "GET /torus/render?target=a.b.c1&from=1699999861&until=1699999919&format=raw",
 "GET /torus/render?target=a.b.*&from=1699999861&until=1699999920&format=raw"]
--- response_body eval
["", "",
 "a.b.c1,1699999920,1699999980,60|None\n"
 . "a.b.c2,1699999920,1699999980,60|None\n"]
--- no_error_log
[error]
[alert]
