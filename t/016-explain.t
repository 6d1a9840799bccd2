
# /explain: what the schemas do with a point, for those who may ask.

use strict;
use warnings;

use lib 't/lib';
use Torus clock => 1700000000;
use Test::Nginx::Socket 'no_plan';

# a gauge that many stats feed, of which a start warns
our $schema = <<'END';
{ "TIMESERIES": { "rt": { "match": "web.**", "type": "gauge",
    "host": "redis://:secret@127.0.0.1:$TEST_NGINX_REDIS_PORT/0",
    "transform": { "stat": "lower(s)", "drop": "v > 100" },
    "write_func": "round(v)",
    "intervals": { "minute": { "step": 60, "steps": 10 } } } },
  "AGGREGATES": [ ["web.all", "web.*"] ] }
END

no_long_string();
run_tests();

__DATA__

=== TEST 1: a point with its value
--- schema eval: $::schema
--- suppress_stderr
--- no_stream
--- config
location /torus/ { torus_query on; torus_explain on; }
--- request
GET /torus/explain?stat=web.A&value=2.5&timestamp=1700000000
--- error_code: 200
--- response_headers
Content-Type: application/json
--- response_body_like eval
qr{"commands": ?\[\["SET", ?"web.a:minute:28333333", ?"2", ?"EXAT", ?"1700000640"\]\].*"rule": ?\["web.all", ?"web.\*"\].*"stat": ?"web.all"}
--- response_body_unlike
secret
--- no_error_log
[error]
[alert]



=== TEST 2: a value that is dropped, one that is bad, none
--- schema eval: $::schema
--- suppress_stderr
--- no_stream
--- config
location /torus/ { torus_query on; torus_explain on; }
--- request eval
["GET /torus/explain?stat=web.A&value=101",
 "GET /torus/explain?stat=web.A&value=up",
 "GET /torus/explain?stat=web.A",
 "GET /torus/explain"]
--- error_code eval
[200, 200, 200, 400]
--- response_body_like eval
[qr/"outcome": ?"points_transformed_away"/, qr/"outcome": ?"bad_value"/,
 qr/"outcome": ?null/, qr/"stat\\" is missing/]
--- no_error_log
[error]
[alert]



=== TEST 3: closed unless it is opened, and to other methods
--- schema eval: $::schema
--- suppress_stderr
--- no_stream
--- config
location /torus/ { torus_query on; }
location /open/ { torus_query on; torus_explain on; }
location = /explain { torus_query on; torus_explain on; }
--- request eval
["GET /torus/explain?stat=web.a", "DELETE /open/explain?stat=web.a",
 "GET /explain?stat=web.a"]
--- error_code eval
[403, 405, 200]
--- no_error_log
[error]
[alert]



=== TEST 4: nothing to explain without queries
--- schema eval: $::schema
--- suppress_stderr
--- no_stream
--- config
location /torus/ { torus_explain on; }
--- must_die
--- error_log
"torus_explain on" in location "/torus/" needs "torus_query on" beside it
