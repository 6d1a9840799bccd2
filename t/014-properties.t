# /properties: per stat and schema the first and last bucket of each interval.

use strict;
use warnings;

use lib 't/lib';
use Torus clock => 1700000000;
use Test::Nginx::Socket 'no_plan';

our $schema = <<'END';
{ "TIMESERIES": {
    "c": { "type": "count", "match": "c.**",
           "intervals": { "minute": { "step": 60, "steps": 10 },
                          "day": { "step": "daily" } } },
    "p": { "type": "gauge", "match": "**", "prefix": "pre",
           "intervals": { "hour": { "step": 3600, "resolution": 60 } } } } }
END

no_long_string();
run_tests();

__DATA__

=== TEST 1: two stats, two schemas, one of them without data
--- schema eval: $::schema
--- no_stream
--- redis
SET c.a:minute:28333333 1
SET c.a:minute:28333330 1
SET c.a:day:20231114 1
SET c.a:gone:1 1
SET c.a:b:minute:1 1
SADD pre:c.b:hour:472222 28333333
SET pre:c.b:hour:472222:28333333 1
SADD pre:c.b:hour:472220 28333200
SET pre:c.b:hour:472220:28333200 1
--- request
GET /torus/properties?stat=c.a&stat=c.b
--- error_code: 200
--- response_headers
Content-Type: application/json
--- json
{"c.a":{"c":{"minute":{"first":1699999800,"last":1699999980},
             "day":{"first":1699920000,"last":1699920000}},
        "p":{}},
 "c.b":{"c":{},
        "p":{"hour":{"first":1699992000,"last":1699999200}}}}
--- no_error_log
[error]
[alert]



=== TEST 2: an unknown stat is listed, glob characters are literal
--- schema eval: $::schema
--- no_stream
--- redis
SET c.a:minute:28333333 1
--- request eval
["GET /torus/properties?stat=c.none", "GET /torus/properties?stat=c.*"]
--- error_code eval
[200, 200]
--- json eval
['{"c.none":{"c":{},"p":{}}}', '{"c.*":{"c":{},"p":{}}}']
--- no_error_log
[error]
[alert]



=== TEST 3: no stat
--- schema eval: $::schema
--- no_stream
--- request
GET /torus/properties
--- error_code: 400
--- response_body_like: \A\{"error": ".*stat
--- no_error_log
[error]
[alert]



=== TEST 4: by a form
--- schema eval: $::schema
--- no_stream
--- redis
SET c.a:minute:28333333 1
--- request
POST /torus/properties
stat=c.a
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code: 200
--- json
{"c.a":{"c":{"minute":{"first":1699999980,"last":1699999980}},"p":{}}}
--- no_error_log
[error]
[alert]
