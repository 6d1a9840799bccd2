# /series through nginx and Redis: the data is put under kairos keys by hand,
# so that what is proved is the reading.  The clock stands at 1700000000, in
# minute 28333333 (from 1699999980) and hour 472222 (from 1699999200).

use strict;
use warnings;

use lib 't/lib';
use Torus clock => 1700000000;
use Test::Nginx::Socket 'no_plan';

no_long_string();
run_tests();

__DATA__

=== TEST 1: a count, graphite format: pairs, oldest first, 0 is not null
--- schema
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 3 } } } } }
--- no_stream
--- redis
SET app.hits:minute:28333331 7
SET app.hits:minute:28333333 0
--- request
GET /torus/series?stat=app.hits
--- error_code: 200
--- response_headers
Content-Type: application/json
Cache-Control: max-age=60
--- json
[{"stat":"app.hits","stat_name":"app.hits","target":"app.hits",
  "function":"mean","schema":"c","interval":"minute",
  "datapoints":[[7,1699999860],[null,1699999920],[0,1699999980]]}]
--- no_error_log
[error]
[alert]



=== TEST 2: json format: an object keyed by timestamp
--- schema
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 2 } } } } }
--- no_stream
--- redis
SET app.hits:minute:28333333 12
--- request
GET /torus/series?stat=app.hits&format=json
--- error_code: 200
--- json
[{"stat":"app.hits","stat_name":"app.hits","target":"app.hits",
  "schema":"c","interval":"minute",
  "datapoints":{"1699999920":0,"1699999980":12}}]
--- no_error_log
[error]
[alert]



=== TEST 3: a series with resolution, condensed, and apart
--- schema
{ "TIMESERIES": { "s": { "type": "series", "match": "**",
    "intervals": { "hour": { "step": 3600, "steps": 1, "resolution": 60 } }
    } } }
--- no_stream
--- redis
SADD a:hour:472222 28333320 28333330
RPUSH a:hour:472222:28333320 1 2
RPUSH a:hour:472222:28333330 6
--- request eval
["GET /torus/series?stat=max(a)&interval=hour",
 "GET /torus/series?stat=a&interval=hour&format=json"]
--- error_code eval
[200, 200]
--- json eval
['[{"stat":"max(a)","stat_name":"a","target":"a","function":"max",
    "schema":"s","interval":"hour","datapoints":[[6,1699999200]]}]',
 '[{"stat":"a","stat_name":"a","target":"a",
    "schema":"s","interval":"hour","datapoints":{"1699999200":
    {"1699999200":[1,2],"1699999800":[6]}}}]']
--- no_error_log
[error]
[alert]



=== TEST 4: every type in one request, in its order, from one database each
--- schema
{ "TIMESERIES": {
    "h": { "type": "histogram", "match": "h.*",
           "intervals": { "m": { "step": 60, "steps": 1 } } },
    "g": { "type": "gauge", "match": "g.*",
           "intervals": { "m": { "step": 60, "steps": 1 } } },
    "u": { "type": "set", "match": "u.*",
           "intervals": { "m": { "step": 60, "steps": 1 } } } } }
--- no_stream
--- redis
HSET h.a:m:28333333 5 2 10 1
SET g.a:m:28333333 2.5
SADD u.a:m:28333333 1 2 3
--- request
GET /torus/series?stat=count(u.a)&stat=sum(h.a)&stat=g.a
--- error_code: 200
--- json
[{"stat":"count(u.a)","stat_name":"u.a","target":"u.a","function":"count",
  "schema":"u","interval":"m","datapoints":[[3,1699999980]]},
 {"stat":"sum(h.a)","stat_name":"h.a","target":"h.a","function":"sum",
  "schema":"h","interval":"m","datapoints":[[20,1699999980]]},
 {"stat":"g.a","stat_name":"g.a","target":"g.a","function":"mean",
  "schema":"g","interval":"m","datapoints":[[2.5,1699999980]]}]
--- no_error_log
[error]
[alert]



=== TEST 5: a form behind the query string, which comes first; escapes, "+"
--- schema
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 1 } } } } }
--- no_stream
--- redis
SET "a b:minute:28333333" 1
SET c&d:minute:28333333 2
--- raw_request eval
my $body = "stat=c%26d&interval=nope";
"POST /torus/series?stat=a+b&interval=minute HTTP/1.1\r\nHost: x\r\n"
. "Connection: close\r\n"
. "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
. "Content-Length: " . length($body) . "\r\n\r\n$body"
--- error_code: 200
--- response_body eval
'[{"stat":"a b","stat_name":"a b","target":"a b","function":"mean",'
. '"schema":"c","interval":"minute","datapoints":[[1,1699999980]]},'
. '{"stat":"c&d","stat_name":"c&d","target":"c&d","function":"mean",'
. '"schema":"c","interval":"minute","datapoints":[[2,1699999980]]}]' . "\n"
--- no_error_log
[error]
[alert]



=== TEST 6: a form that is sent in chunks, one argument over two of them
--- schema
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 1 } } } } }
--- no_stream
--- redis
SET app.hits:minute:28333333 1
--- raw_request eval
["POST /torus/series HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
 . "Content-Type: application/x-www-form-urlencoded\r\n"
 . "Transfer-Encoding: chunked\r\n\r\n8\r\nstat=app\r\n",
 "5\r\n.hits\r\n0\r\n\r\n"]
--- raw_request_middle_delay: 0.1
--- error_code: 200
--- response_body_like: \[1,1699999980\]
--- no_error_log
[error]
[alert]



=== TEST 7: a form longer than nginx's own buffer is read without a file
--- schema
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 1 } } } } }
--- no_stream
--- http_config
client_body_buffer_size 1k;
--- redis
SET app.hits:minute:28333333 3
--- request eval
"POST /torus/series\n" . ("x=" . "y" x 98 . "&") x 2000 . "stat=app.hits"
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code: 200
--- response_body_like: \[3,1699999980\]
--- no_error_log
temporary file
[error]
[alert]



=== TEST 8: HEAD has the header of a GET and no body
--- schema
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 1 } } } } }
--- no_stream
--- request
HEAD /torus/series?stat=app.hits
--- error_code: 200
--- response_headers eval
"Content-Type: application/json\nContent-Length: " . (1 + length
 '[{"stat":"app.hits","stat_name":"app.hits","target":"app.hits",'
 . '"function":"mean","schema":"c","interval":"minute",'
 . '"datapoints":[[null,1699999980]]}]')
--- response_body eval
""
--- no_error_log
[error]
[alert]



=== TEST 9: the command under other locations
The exact one, one inside another prefix, and those that need "prefix=".
--- schema
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 1 } } } } }
--- no_stream
--- config
location = /my/series { torus_query on; }
location /api { torus_query on; }
location ~ ^/re(g)ex/ { torus_query on prefix=/regex; }
location /named/ { try_files /none @torus; }
location @torus { torus_query on prefix=/named/; }
location /other/ { torus_query on prefix=/other/deep; }
location /if/ {
    torus_query on;
    if ($arg_x) { add_header X-If yes; }
}
location /limit/ { torus_query on; limit_except POST { allow all; } }
--- redis
SET a:minute:28333333 4
--- request eval
[map { "GET $_" } "/my/series?stat=a", "/api/series/?stat=a",
 "/regex/series?stat=a", "/named/series?stat=a", "/other/deep/series?stat=a",
 "/if/series?stat=a&x=1", "/limit/series?stat=a"]
--- error_code eval
[(200) x 7]
--- response_body_like eval
[('\[4,1699999980\]') x 7]
--- no_error_log
[error]
[alert]



=== TEST 10: an answer behind the buffer is streamed, and the same
--- schema
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "second": { "step": 1, "steps": 40000 } } } } }
--- no_stream
--- redis
SET a:second:1700000000 5
SET a:second:1699960001 6
--- config
location /torus/ { torus_query on; torus_buffer_size 1k; }
--- request
GET /torus/series?stat=a
--- error_code: 200
--- response_headers
Transfer-Encoding: chunked
! Content-Length
! ETag
--- json eval
'[{"stat":"a","stat_name":"a","target":"a","function":"mean","schema":"c",'
. '"interval":"second","datapoints":[[6,1699960001],'
. CORE::join('', map { "[null,$_]," } 1699960002 .. 1699999999)
. '[5,1700000000]]}]'
--- no_error_log
[error]
[alert]



=== TEST 11: an answer held whole has an ETag, by which it need not come again
--- schema
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 1 } } } } }
--- no_stream
--- request eval
["GET /torus/series?stat=a", "GET /torus/series?stat=a",
 "GET /torus/series?stat=a"]
--- more_headers eval
["", "If-None-Match: *", 'If-None-Match: "another"']
--- error_code eval
[200, 304, 200]
--- response_headers_like eval
[('ETag: "[0-9a-f]{16}"') x 3]
--- no_error_log
[error]
[alert]



=== TEST 12: jsonp
--- schema
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 1 } } } } }
--- no_stream
--- request
GET /torus/series?stat=a&jsonp=my.cb$1
--- error_code: 200
--- response_headers
Content-Type: text/javascript
--- response_body_like: \Amy\.cb\$1\(\[\{.*\}\]\n\)\n?\z
--- no_error_log
[error]
[alert]



=== TEST 13: two subrequests of one page, only their query strings count
--- schema
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 1 } } } } }
--- no_stream
--- config
location /torus/ { torus_query on; }
location = /page.html {
    ssi on;
    root $TEST_NGINX_SERVER_ROOT/html;
}
--- user_files
>>> page.html
<!--# include virtual="/torus/series?stat=a" -->
<!--# include virtual="/torus/series?stat=b" -->
--- redis
SET a:minute:28333333 4
SET b:minute:28333333 5
--- request
GET /page.html?stat=c
--- error_code: 200
--- response_body_like: "stat":"a".*\[4,1699999980\][^b]*"stat":"b".*\[5,
--- no_error_log
[error]
[alert]



=== TEST 14: requests of one connection, one sent ahead of the other
--- schema
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 1 } } } } }
--- no_stream
--- redis
SET a:minute:28333333 4
SET b:minute:28333333 5
--- pipelined_requests eval
["GET /torus/series?stat=a", "GET /torus/series?stat=b"]
--- error_code eval
[200, 200]
--- response_body_like eval
['\[4,1699999980\]', '\[5,1699999980\]']
--- no_error_log
[error]
[alert]



=== TEST 15: what a query cost, in the log
--- schema
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 3 } } } } }
--- no_stream
--- http_config
log_format torus '"$torus_points $torus_rows $torus_commands $torus_rounds"';
access_log $TEST_NGINX_SERVER_ROOT/logs/access.log torus;
--- redis
SET a:minute:28333333 4
--- request
GET /torus/series?stat=a
--- error_code: 200
--- access_log
"3 1 1 1"
--- no_error_log
[error]
[alert]



=== TEST 16: what nginx would hold back does not hold up the rest
--- schema
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "second": { "step": 1, "steps": 40000 } } } } }
--- no_stream
--- redis
SET a:second:1700000000 5
SET a:second:1699960001 6
--- config
location /torus/ {
    torus_query on;
    torus_buffer_size 1k;
    postpone_output 1m;
}
--- request
GET /torus/series?stat=a
--- error_code: 200
--- json eval
'[{"stat":"a","stat_name":"a","target":"a","function":"mean","schema":"c",'
. '"interval":"second","datapoints":[[6,1699960001],'
. CORE::join('', map { "[null,$_]," } 1699960002 .. 1699999999)
. '[5,1700000000]]}]'
--- no_error_log
[error]
[alert]



=== TEST 17: a queue that has room for one slice, not for the next behind it
--- schema
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "second": { "step": 1, "steps": 9000 } } } } }
--- no_stream
--- http_config
torus_redis_queue 128k;
--- redis
SET a:second:1700000000 5
SET a:second:1699991001 6
--- config
location /torus/ { torus_query on; }
--- request
GET /torus/series?stat=a
--- error_code: 200
--- json eval
'[{"stat":"a","stat_name":"a","target":"a","function":"mean","schema":"c",'
. '"interval":"second","datapoints":[[6,1699991001],'
. CORE::join('', map { "[null,$_]," } 1699991002 .. 1699999999)
. '[5,1700000000]]}]'
--- no_error_log
[error]
[alert]
