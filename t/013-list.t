# /list: the names that Redis holds data for, sorted by bytes, streamed.

use strict;
use warnings;

use lib 't/lib';
use Torus clock => 1700000000;
use Test::Nginx::Socket 'no_plan';

our $schema = <<'END';
{ "TIMESERIES": {
    "c": { "type": "count", "match": "c.**",
           "intervals": { "minute": { "step": 60, "steps": 10 } } },
    "p": { "type": "gauge", "match": "**", "prefix": "pre",
           "intervals": { "hour": { "step": 3600, "resolution": 60 } } } } }
END

no_long_string();
run_tests();

__DATA__

=== TEST 1: nothing there
--- schema eval: $::schema
--- no_stream
--- request
GET /torus/list
--- error_code: 200
--- response_headers
Content-Type: application/json
--- json
[]
--- no_error_log
[error]
[alert]



=== TEST 2: each name once, sorted by bytes; keys of others left out
--- schema eval: $::schema
--- no_stream
--- redis
SET c.b:minute:28333333 1
SET c.b:minute:28333332 1
SET c.B:minute:28333333 1
SET c.a:b:minute:28333333 1
SET other:key 1
SET torus:writer:x 1
SADD pre:g.x:hour:472222 28333333
SET pre:g.x:hour:472222:28333333 1
--- request eval
["GET /torus/list", "GET /torus/list?schema=c", "GET /torus/list/?schema=p",
 "GET /torus/list?schema="]
--- error_code eval
[200, 200, 200, 200]
--- json eval
['["c.B","c.a:b","c.b","g.x"]', '["c.B","c.a:b","c.b"]', '["g.x"]',
 '["c.B","c.a:b","c.b","g.x"]']
--- no_error_log
[error]
[alert]



=== TEST 3: an unknown schema
--- schema eval: $::schema
--- no_stream
--- request
GET /torus/list?schema=nope
--- error_code: 404
--- response_body_like: \A\{"error": ".*nope
--- no_error_log
[error]
[alert]



=== TEST 4: match= takes the plain patterns
--- schema eval: $::schema
--- no_stream
--- redis
SET c.a.x:minute:28333333 1
SET c.b.x:minute:28333333 1
SET c.b.x.y:minute:28333333 1
--- request
GET /torus/list?match=c.*.x
--- error_code: 200
--- json
["c.a.x","c.b.x"]
--- no_error_log
[error]
[alert]



=== TEST 5: more names than are allowed
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ { torus_query on; torus_max_names 2; }
--- redis
SET c.a:minute:28333333 1
SET c.b:minute:28333333 1
SET c.c:minute:28333333 1
--- request eval
["GET /torus/list", "GET /torus/list?match=c.[ab]"]
--- error_code eval
[413, 200]
--- response_body_like eval
['\A\{"error": "', '\A\["c.a","c.b"\]\n\z']
--- no_error_log
[error]
[alert]



=== TEST 6: more names than a slice and a buffer hold come in their order
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ { torus_query on; torus_buffer_size 1k; }
--- init
Torus::redis('EVAL', 'for i = 1, 20000 do redis.call("SET", string.format('
    . '"c.%05d:minute:28333333", i), 1) end', 0);
--- request
GET /torus/list
--- error_code: 200
--- response_headers
Transfer-Encoding: chunked
--- json eval
"[" . CORE::join(",", map { sprintf '"c.%05d"', $_ } 1 .. 20000) . "]"
--- no_error_log
[error]
[alert]
