
# Programmable schemas through nginx: what Carbon clients send is renamed,
# dropped and formatted by expressions, and /series reduces rows by those of
# TRANSFORMS and MACROS.  A mistake is shown by "nginx -t".

use strict;
use warnings;

use lib 't/lib';
use Torus clock => 1700000000;
use Test::Nginx::Socket 'no_plan';

no_long_string();
run_tests();

__DATA__

=== TEST 1: the timer hash: how many decimals depends on the size
--- schema
{ "TIMESERIES": { "timers": { "type": "histogram", "match": "timers.**",
    "write_func": "v < 0 ? 0 : v < 1 ? fmt('%.3f', v) : v < 5 ? fmt('%.2f', v) : fmt('%.1f', v)",
    "intervals": { "minute": { "step": 60, "steps": 10 } } } } }
--- carbon
timers.a -3 1700000000
timers.a 0.12345 1700000000
timers.a 1.2345 1700000000
timers.a 5.06 1700000000
timers.a 5.14 1700000000
timers.a soon 1700000000
--- request
GET /torus/series?stat=timers.a&steps=1&format=json
--- error_code: 200
--- json
[{"stat":"timers.a","stat_name":"timers.a","target":"timers.a",
  "schema":"timers","interval":"minute",
  "datapoints":{"1699999980":{"0":1,"0.123":1,"1.23":1,"5.1":2}}}]
--- redis_state
timers.a:minute:28333333 hash 0=1 0.123=1 1.23=1 5.1=2
--- no_error_log
[error]
[alert]



=== TEST 2: values outside of a range are dropped
--- schema
{ "TIMESERIES": { "pi": { "type": "series", "match": "**",
    "transform": { "drop": "!(0 <= v && v <= 3.14)" },
    "intervals": { "minute": { "step": 60, "steps": 10 } } } } }
--- carbon
a -0.1 1700000000
a 0 1700000000
a 3.14 1700000000
a 3.15 1700000000
--- request
GET /torus/series?stat=a&steps=1&format=json
--- error_code: 200
--- json
[{"stat":"a","stat_name":"a","target":"a","schema":"pi","interval":"minute",
  "datapoints":{"1699999980":[0,3.14]}}]
--- no_error_log
[error]
[alert]



=== TEST 3: a stat renamed by a regular expression is listed and found
--- schema
{ "TIMESERIES": { "web": { "type": "count", "match": "web.**",
    "transform": { "stat": "replace(s, '^web\\.([^.]+)', 'www.\\1')",
                   "value": "v * 2" },
    "intervals": { "minute": { "step": 60, "steps": 10 } } } } }
--- carbon
web.01.hits 5 1700000000
web.01.hits 2 1700000000
--- request eval
["GET /torus/list", "GET /torus/series?stat=www.01.hits&steps=1",
 "GET /torus/properties?stat=www.01.hits"]
--- error_code eval
[200, 200, 200]
--- json eval
['["www.01.hits"]',
 '[{"stat":"www.01.hits","stat_name":"www.01.hits","target":"www.01.hits",
    "function":"mean","schema":"web","interval":"minute",
    "datapoints":[[14,1699999980]]}]',
 '{"www.01.hits":{"web":{"minute":{"first":1699999980,
                                   "last":1699999980}}}}']
--- no_error_log
[error]
[alert]



=== TEST 4: a name made of the value; aggregates see what was received
--- schema
{ "TIMESERIES": { "codes": { "type": "count", "match": "http.**",
    "transform": { "stat": "s + '.' + v", "value": "1" },
    "intervals": { "minute": { "step": 60, "steps": 10 } } } },
  "AGGREGATES": [ ["http.all", "http.status.*"] ] }
--- carbon
http.status.a 200 1700000000
http.status.b 404 1700000000
http.status.a 200 1700000000
--- redis_state
http.all.200:minute:28333333 string 2
http.all.404:minute:28333333 string 1
http.status.a.200:minute:28333333 string 2
http.status.b.404:minute:28333333 string 1
--- no_error_log
[error]
[alert]



=== TEST 5: size and unique: the elements of a row, the distinct values of a range
--- schema
{ "TIMESERIES": { "users": { "type": "histogram", "match": "user.**",
    "intervals": { "minute": { "step": 60, "steps": 3 } } } },
  "TRANSFORMS": { "size": "len(values)",
                  "per_second": "sum(counts) / duration" },
  "MACROS": { "unique": { "transform": "size", "collapse": true } } }
--- carbon
user.ids 17 1699999980
user.ids 17 1699999920
user.ids 4 1699999920
user.ids 5 1699999980
user.ids 5 1699999990
--- request eval
["GET /torus/series?stat=size(user.ids)&stat=unique(user.ids)",
 "GET /torus/series?stat=per_second(user.ids)&steps=1",
 "GET /torus/series?stat=uniq(user.ids)"]
--- error_code eval
[200, 200, 400]
--- json eval
['[{"stat":"size(user.ids)","stat_name":"user.ids","target":"user.ids",
    "function":"size","schema":"users","interval":"minute",
    "datapoints":[[null,1699999860],[2,1699999920],[2,1699999980]]},
   {"stat":"unique(user.ids)","stat_name":"user.ids","target":"user.ids",
    "function":"size","schema":"users","interval":"minute",
    "datapoints":[[3,1699999860]]}]',
 '[{"stat":"per_second(user.ids)","stat_name":"user.ids",
    "target":"user.ids","function":"per_second","schema":"users",
    "interval":"minute","datapoints":[[0.05,1699999980]]}]',
 '{"error":"argument \"stat\": unknown function \"uniq\""}']
--- no_error_log
[error]
[alert]



=== TEST 6: read_func is an expression over what is stored
--- schema
{ "TIMESERIES": { "ms": { "type": "series", "match": "**",
    "read_func": "v / 1000",
    "intervals": { "minute": { "step": 60, "steps": 10 } } } } }
--- no_stream
--- redis
RPUSH rt:minute:28333333 1500 n/a 500
--- request
GET /torus/series?stat=rt&steps=1&format=json
--- error_code: 200
--- json
[{"stat":"rt","stat_name":"rt","target":"rt","schema":"ms",
  "interval":"minute","datapoints":{"1699999980":[1.5,0.5]}}]
--- no_error_log
[error]
[alert]



=== TEST 7: a mistake is shown with its place
--- schema
{ "TIMESERIES": { "a": { "match": "**",
    "transform": { "drop": "v > 3 && s" },
    "intervals": { "minute": { "step": 60 } } } } }
--- no_stream
--- must_die
--- error_log eval
[qr/\[emerg\] \S+ schema "a" in "[^"]*schema\.json": "transform\.drop" is not a good expression: expected a condition, this is text, at column 10:$/,
 qr/^    v > 3 && s$/,
 qr/^ {13}\^$/]



=== TEST 8: a macro that asks for what is not there
--- schema
{ "TIMESERIES": { "a": { "match": "**",
    "intervals": { "minute": { "step": 60 } } } },
  "MACROS": { "m": { "transform": "size", "interval": "hour" } } }
--- no_stream
--- must_die
--- error_log
"MACROS.m.interval" is no interval of any schema: "hour"
"MACROS.m.transform" is neither a function nor a name of TRANSFORMS: "size"
