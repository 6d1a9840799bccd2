# What a request can have wrong, and what "nginx -t" refuses: each with its
# status or message, as JSON, and nothing above "info" in the log.

use strict;
use warnings;

use lib 't/lib';
use Torus clock => 1700000000;
use Test::Nginx::Socket 'no_plan';

our $schema = <<'END';
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 10 } } } } }
END

no_long_string();
run_tests();

__DATA__

=== TEST 1: unknown commands are 404, quoted with care
--- schema eval: $::schema
--- no_stream
--- request eval
["GET /torus/nope", "GET /torus/", "GET /torus/series/x",
 "GET /torus/Series?stat=a", "GET /torus/a%22b%01", "GET /torus/%C3%A9"]
--- error_code eval
[(404) x 6]
--- response_headers eval
[("Content-Type: application/json") x 6]
--- json eval
['{"error":"unknown command \"nope\""}',
 '{"error":"no command: there are \\"series\\", \\"list\\", \\"render\\"'
 . ' and others"}',
 '{"error":"unknown command \"series/x\""}',
 '{"error":"unknown command \"Series\""}',
 '{"error":"unknown command \"a\\\\x22b\\\\x01\""}',
 '{"error":"unknown command \"\\\\xC3\\\\xA9\""}']
--- no_error_log
[error]
[alert]



=== TEST 2: arguments that cannot be, each named
--- schema eval: $::schema
--- no_stream
--- request eval
[map { "GET /torus/series$_" } "", "?stat=", "?stat=a&format=xml",
 "?stat=a&start=nonsense", "?stat=a&start=1700000000&end=1600000000",
 "?stat=a&steps=x", "?stat=nofunc(a)", "?stat=a&condense=maybe",
 "?stat=a&interval=nope"]
--- error_code eval
[(400) x 9]
--- response_headers eval
[("Content-Type: application/json") x 9]
--- response_body_like eval
[map { qr/\A\{"error": "[^"\\]*(?:\\.[^"\\]*)*$_/ } "stat", "stat", "format",
 "start", "end", "steps", "nofunc", "condense", "nope"]
--- no_error_log
[error]
[alert]



=== TEST 3: an unknown schema is a 404
--- schema eval: $::schema
--- no_stream
--- request
GET /torus/series?stat=a&schema=nope
--- error_code: 404
--- response_headers
Content-Type: application/json
--- response_body_like: \A\{"error": ".*nope
--- no_error_log
[error]
[alert]



=== TEST 4: a stat that no schema takes has no datapoints, and is no error
--- schema
{ "TIMESERIES": { "c": { "type": "count", "match": "app.**",
    "intervals": { "minute": { "step": 60, "steps": 10 } } } } }
--- no_stream
--- request
GET /torus/series?stat=other
--- error_code: 200
--- response_body_like: "stat":"other".*"datapoints":\[\]
--- no_error_log
[error]
[alert]



=== TEST 5: other methods are 405, with what is allowed, and their body goes
--- schema eval: $::schema
--- no_stream
--- request eval
["DELETE /torus/series?stat=a", "PUT /torus/series?stat=a
some body", "OPTIONS /torus/series", "GET /torus/series?stat=a"]
--- error_code eval
[405, 405, 405, 200]
--- response_body_like eval
[('\A\{"error": "the method must be GET, HEAD or POST"\}\n\z') x 3, '\A\[']
--- no_error_log
[error]
[alert]



=== TEST 6: Allow
--- schema eval: $::schema
--- no_stream
--- request
DELETE /torus/series?stat=a
--- error_code: 405
--- response_headers
Allow: GET, HEAD, POST
Content-Type: application/json
--- no_error_log
[error]
[alert]



=== TEST 7: a body of another type
--- schema eval: $::schema
--- no_stream
--- request
POST /torus/series
{"stat":"a"}
--- more_headers
Content-Type: application/json
--- error_code: 400
--- json
{"error":"the content type of the body must be application/x-www-form-urlencoded or multipart/form-data"}
--- no_error_log
[error]
[alert]



=== TEST 8: a form that is too long, with a length
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ { torus_query on; torus_max_body 20; }
--- raw_request eval
"POST /torus/series HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n"
. "Connection: close\r\n\r\nstat=aaaaaaaaaaaaaaaaaaaaaaaaa"
--- error_code: 413
--- response_body_like: \A\{"error": "the request body is too large"\}\n\z
--- no_error_log
[error]
[alert]



=== TEST 8b: the same in chunks
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ { torus_query on; torus_max_body 20; }
--- raw_request eval
"POST /torus/series HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
. "Connection: close\r\n\r\n1e\r\nstat=aaaaaaaaaaaaaaaaaaaaaaaaa\r\n0\r\n\r\n"
--- error_code: 413
--- response_body_like: \A\{"error": "the request body is too large"\}\n\z
--- no_error_log
[error]
[alert]



=== TEST 8c: and one that is just short enough
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ { torus_query on; torus_max_body 20; }
--- raw_request eval
"POST /torus/series HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n"
. "Connection: close\r\n\r\nstat=aaaaaaaaaaaaaaa"
--- error_code: 200
--- response_body_like: \A\[
--- no_error_log
[error]
[alert]



=== TEST 9: limits of stats, points and names are 413, before any work
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ {
    torus_query on;
    torus_max_stats 2;
    torus_max_points 15;
}
--- request eval
["GET /torus/series?stat=a&stat=b&stat=c&steps=1",
 "GET /torus/series?stat=a,b,c&steps=1",
 "GET /torus/series?stat=a&steps=16",
 "GET /torus/series?stat=a&stat=b&steps=8",
 "GET /torus/series?stat=a&stat=b&steps=7"]
--- error_code eval
[413, 413, 413, 413, 200]
--- response_body_like eval
[('\A\{"error": "[^"]*more than ') x 4, '\A\[']
--- no_error_log
[error]
[alert]



=== TEST 10: jsonp with more than a name
--- schema eval: $::schema
--- no_stream
--- request
GET /torus/series?stat=a&jsonp=alert(1)
--- error_code: 400
--- response_headers
Content-Type: application/json
--- response_body_like: \A\{"error": "argument \\"jsonp\\" must be
--- no_error_log
[error]
[alert]



=== TEST 11: what a rewrite leads out of the location is unknown
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ {
    torus_query on;
    rewrite ^/torus/old$ /torus/series break;
    rewrite ^/torus/out$ /somewhere break;
}
--- request eval
["GET /torus/old?stat=a", "GET /torus/out?stat=a"]
--- error_code eval
[200, 404]
--- no_error_log
[error]
[alert]



=== TEST 12: torus_query without torus_schema
--- http_config
--- config
location /torus/ { torus_query on; }
--- must_die
--- error_log
"torus_query on" needs a "torus_schema" in the "http" block in
--- no_error_log
[alert]



=== TEST 13: torus_query where nothing tells what to cut: a regex
--- schema eval: $::schema
--- no_stream
--- config
location ~ ^/t { torus_query on; }
--- must_die
--- error_log
"torus_query" in a location given by regular expression needs "prefix="
--- no_error_log
[alert]



=== TEST 14: a named location
--- schema eval: $::schema
--- no_stream
--- config
location @t { torus_query on; }
--- must_die
--- error_log
"torus_query" in a named location needs "prefix="
--- no_error_log
[alert]



=== TEST 15: an "if" block
--- schema eval: $::schema
--- no_stream
--- config
location /t { if ($arg_a) { torus_query on; } }
--- must_die
--- error_log
"torus_query" in an "if" block needs "prefix="
--- no_error_log
[alert]



=== TEST 16: an exact location that is no command
--- schema eval: $::schema
--- no_stream
--- config
location = /my/nope { torus_query on; }
--- must_die
--- error_log
no torus command ends the name of the exact location "/my/nope"
--- no_error_log
[alert]



=== TEST 17: a mistyped parameter
--- schema eval: $::schema
--- no_stream
--- config
location /t { torus_query on prefx=/t; }
--- must_die
--- error_log
invalid parameter "prefx=/t" in "torus_query" directive, it must be "prefix=/..."
--- no_error_log
[alert]



=== TEST 18: neither on nor off
--- schema eval: $::schema
--- no_stream
--- config
location /t { torus_query yes; }
--- must_die
--- error_log
invalid value "yes" in "torus_query" directive, it must be "on" or "off"
--- no_error_log
[alert]



=== TEST 19: off means off, and needs no schema
--- config
location = /series { torus_query off; return 204; }
--- request
GET /series
--- error_code: 204
--- no_error_log
[error]
[alert]
