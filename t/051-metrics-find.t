# /metrics/find, /metrics/expand, /metrics/index.json and what else Grafana
# and graphite-web ask for beside data: requests as their sources make them,
# points over Carbon.  The clock stands at 1700000000.

use strict;
use warnings;

use lib 't/lib';
use Torus clock => 1700000000;
use Test::Nginx::Socket 'no_plan';

our $schema = <<'END';
{ "TIMESERIES": {
    "a": { "type": "count", "match": ["a", "a.**", "s.**"],
           "intervals": { "minute": { "step": 60, "steps": 60 } } },
    "p": { "type": "gauge", "match": "p.**", "prefix": "pre",
           "intervals": { "hour": { "step": 3600 } } } } }
END

our $names = "a.b.c1 1\na.b.c2 1\na.b.sub.x 1\na 1\n"
           . "s.web01.cpu 1\ns.web02.cpu 1\ns.db01.mem 1\np.q 1\nno.schema 1\n";

no_long_string();
run_tests();

__DATA__

=== TEST 1: Grafana's variables and editor, treejson by GET and by POST
--- schema eval: $::schema
--- carbon eval: $::names
--- request eval
["GET /torus/metrics/find?query=a.b.*",
"POST /torus/metrics/find?from=1699996400&until=1700000000
query=a.b.*",
"GET /torus/metrics/find/?query=*",
"GET /torus/metrics/find?query=s.{web01,db01}.*"]
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code eval
[200, 200, 200, 200]
--- response_headers eval
[("Content-Type: application/json\nCache-Control: no-cache") x 4]
--- response_body eval
['[{"text":"sub","id":"a.b.sub","allowChildren":1,"expandable":1,"leaf":0},{"text":"c1","id":"a.b.c1","allowChildren":0,"expandable":0,"leaf":1},{"text":"c2","id":"a.b.c2","allowChildren":0,"expandable":0,"leaf":1}]',
'[{"text":"sub","id":"a.b.sub","allowChildren":1,"expandable":1,"leaf":0},{"text":"c1","id":"a.b.c1","allowChildren":0,"expandable":0,"leaf":1},{"text":"c2","id":"a.b.c2","allowChildren":0,"expandable":0,"leaf":1}]',
'[{"text":"a","id":"a","allowChildren":1,"expandable":1,"leaf":0},{"text":"p","id":"p","allowChildren":1,"expandable":1,"leaf":0},{"text":"s","id":"s","allowChildren":1,"expandable":1,"leaf":0}]',
'[{"text":"cpu","id":"s.{web01,db01}.cpu","allowChildren":0,"expandable":0,"leaf":1},{"text":"mem","id":"s.{web01,db01}.mem","allowChildren":0,"expandable":0,"leaf":1}]']
--- no_error_log
[error]
[alert]



=== TEST 2: graphite-web in front of us: pickle
--- schema eval: $::schema
--- carbon eval: $::names
--- request eval
["GET /torus/metrics/find/?local=1&format=pickle&query=a&from=1699996400&until=1700000000", "GET /torus/metrics/find/?local=1&format=pickle&query=nothing"]
--- error_code eval
[200, 200]
--- response_headers eval
[("Content-Type: application/pickle") x 2]
--- response_body eval
["\x80\x02](}(X\x04\0\0\0pathX\x01\0\0\0aX\x07\0\0\0is_leaf\x89u"
 . "}(X\x04\0\0\0pathX\x01\0\0\0aX\x07\0\0\0is_leaf\x88X\x09\0\0\0intervals"
 . "](](J\xb4\xe2\x53\x65J\x00\xf1\x53\x65eeue.",
"\x80\x02](e."]
--- no_error_log
[error]
[alert]



=== TEST 3: cubism's completer, nodelist, json
--- schema eval: $::schema
--- carbon eval: $::names
--- request eval
["GET /torus/metrics/find?format=completer&query=s.w",
 "GET /torus/metrics/find?format=nodelist&query=s.*.*",
 "GET /torus/metrics/find?format=nodelist&query=s.*.*&position=1",
 "GET /torus/metrics/find?format=json&query=p.*"]
--- error_code eval
[200, 200, 200, 200]
--- response_body eval
['{"metrics":[{"path":"s.web01.","name":"web01","is_leaf":"0"},{"path":"s.web02.","name":"web02","is_leaf":"0"}]}',
 '{"nodes":["cpu","mem"]}', '{"nodes":["db01","web01","web02"]}',
 '[{"path":"p.q","is_leaf":true,"intervals":[{"start":0,"end":1700000000}]}]']
--- no_error_log
[error]
[alert]



=== TEST 4: expand, for Grafana's expand() and Icinga
--- schema eval: $::schema
--- carbon eval: $::names
--- request eval
["GET /torus/metrics/expand?query=s.web*.cpu",
 "GET /torus/metrics/expand/?query=a.b.*&leavesOnly=1",
 "GET /torus/metrics/expand?query=a.b.*&query=p.*&groupByExpr=1"]
--- error_code eval
[200, 200, 200]
--- response_body eval
['{"results":["s.web01.cpu","s.web02.cpu"]}',
 '{"results":["a.b.c1","a.b.c2"]}',
 '{"results":{"a.b.*":["a.b.c1","a.b.c2","a.b.sub"],"p.*":["p.q"]}}']
--- no_error_log
[error]
[alert]



=== TEST 5: all names; the index is no stat
--- schema eval: $::schema
--- carbon eval: $::names
--- request eval
["GET /torus/metrics/index.json", "GET /torus/list"]
--- error_code eval
[200, 200]
--- json eval
['["a","a.b.c1","a.b.c2","a.b.sub.x","p.q","s.db01.mem","s.web01.cpu","s.web02.cpu"]',
 '["a","a.b.c1","a.b.c2","a.b.sub.x","p.q","s.db01.mem","s.web01.cpu","s.web02.cpu"]']
--- no_error_log
[error]
[alert]



=== TEST 13: JSON in a call
--- schema eval: $::schema
--- carbon eval: $::names
--- request eval
["GET /torus/metrics/index.json?jsonp=cb",
 "GET /torus/metrics/find?jsonp=a.b&query=p.*&format=completer"]
--- error_code eval
[200, 200]
--- response_headers eval
[("Content-Type: text/javascript") x 2]
--- response_body_like eval
[qr/^cb\(\["a",.*\]\)\s*\z/, qr/^a\.b\(\{"metrics":.*\}\)\s*\z/]
--- no_error_log
[error]
[alert]



=== TEST 6: version, functions, tags, events
--- schema eval: $::schema
--- no_stream
--- request eval
["GET /torus/version", "GET /torus/version/",
 "GET /torus/events/get_data?from=1699996400&until=1700000000&tags=a",
 "GET /torus/tags/autoComplete/tags?from=1&until=2&limit=100",
 "GET /torus/tags/autoComplete/values?tag=name&valuePrefix=a",
 "GET /torus/tags", "GET /torus/tags/findSeries?expr=name=a",
 "GET /torus/tags/dc"]
--- error_code eval
[200, 200, 200, 200, 200, 200, 200, 200]
--- response_body eval
['1.1.10', '1.1.10', '[]', '[]', '[]', '[]', '[]',
 '{"tag":"dc","values":[]}']
--- no_error_log
[error]
[alert]



=== TEST 14: the URLs of graphite-web, each with and without a slash behind
--- schema eval: $::schema
--- no_stream
--- request eval
[map { my ($u, $args) = split /(?=\?)/; $args //= '';
       ("GET /torus/$u$args", "GET /torus/$u/$args") } "metrics?query=a",
 "metrics/find?query=a", "metrics/expand?query=a", "metrics/index.json",
 "render", "functions", "functions/scale", "version", "events",
 "events/get_data", "tags", "tags/dc", "tags/findSeries",
 "tags/autoComplete/tags", "tags/autoComplete/values?tag=dc"]
--- error_code eval
[(200) x 30]
--- response_headers eval
[map { ("Content-Type: $_") x 2 } ("application/json") x 7, "text/plain",
 ("application/json") x 7]
--- no_error_log
[error]
[alert]



=== TEST 15: those there are not
--- schema eval: $::schema
--- no_stream
--- request eval
[map { ("GET /torus/$_", "GET /torus/$_/") } "metrics/get-metadata",
 "metrics/set-metadata", "render/local", "render/~me/graph", "version/x",
 "events/1", "functions/a/b", "metrics/index", "tags/a/b"]
--- error_code eval
[(404) x 18]
--- response_headers eval
[("Content-Type: text/plain") x 18]
--- response_body_like eval
[(qr/\A[^\n]+\n\z/) x 18]
--- no_error_log
[error]
[alert]



=== TEST 7: functions
--- schema eval: $::schema
--- no_stream
--- request eval
["GET /torus/functions", "GET /torus/functions/aliasSub",
 "GET /torus/functions/?grouped=1"]
--- error_code eval
[200, 200, 200]
--- response_body_like eval
[qr/^\{"sumSeries":/, qr/^\{"name":"aliasSub","function":/,
 qr/^\{.*"Combine":\{/]
--- no_error_log
[error]
[alert]



=== TEST 8: faults are a line of text
--- schema eval: $::schema
--- no_stream
--- request eval
["GET /torus/metrics/find", "GET /torus/metrics/find?query=",
 "GET /torus/metrics/find?query=a&format=msgpack",
 "GET /torus/metrics/find?query=a&from=never",
 "GET /torus/metrics/expand", "GET /torus/tags/autoComplete/values",
 "GET /torus/functions/nix"]
--- error_code eval
[400, 400, 400, 400, 400, 400, 404]
--- response_headers eval
[("Content-Type: text/plain") x 7]
--- response_body_like eval
[qr/^argument "query" is missing\n\z/, qr/^argument "query" is missing\n\z/,
 qr/^argument "format" must be .*, not "msgpack"\n\z/,
 qr/^argument "from" must be a time.*\n\z/,
 qr/^argument "query" is missing\n\z/, qr/^argument "tag" is missing\n\z/,
 qr/^unknown function "nix"\n\z/]
--- no_error_log
[error]
[alert]



=== TEST 9: HEAD
--- schema eval: $::schema
--- carbon eval: $::names
--- request
HEAD /torus/metrics/find?query=a.b.*
--- error_code: 200
--- response_headers
Content-Type: application/json
Content-Length: 213
--- response_body
--- no_error_log
[error]
[alert]



=== TEST 10: exact locations, and a prefix of the data source's choice
--- schema eval: $::schema
--- config
    location /graphite/ { torus_query on; }
    location = /x/metrics/find { torus_query on; }
    location = /y/functions { torus_query on; }
    location = /version { torus_query on; }
--- carbon eval: $::names
--- request eval
["GET /graphite/metrics/expand?query=p.*", "GET /x/metrics/find?query=p.*",
 "GET /version", "GET /y/functions"]
--- error_code eval
[200, 200, 200, 200]
--- response_body_like eval
[qr/^\{"results":\["p.q"\]\}\z/, qr/"id":"p.q"/, qr/^1\.1\.10\z/,
 qr/^\{"sumSeries":/]
--- no_error_log
[error]
[alert]



=== TEST 11: more than allowed
--- schema eval: $::schema
--- config
    location /torus/ { torus_query on; torus_max_names 2; }
--- carbon eval: $::names
--- request eval
["GET /torus/metrics/find?query=*", "GET /torus/metrics/index.json",
 "GET /torus/metrics/expand?query=a.b.c*"]
--- error_code eval
[413, 413, 200]
--- response_body eval
["there are more than 2 names\n", "there are more than 2 names\n",
 '{"results":["a.b.c1","a.b.c2"]}']
--- no_error_log
[alert]



=== TEST 12: no index is kept
--- schema eval: $::schema
--- stream_config
    karbon_index off;
--- carbon eval: $::names
--- request eval
["GET /torus/metrics/find?query=*", "GET /torus/list"]
--- error_code eval
[200, 200]
--- json eval
['[]',
 '["a","a.b.c1","a.b.c2","a.b.sub.x","p.q","s.db01.mem","s.web01.cpu","s.web02.cpu"]']
--- no_error_log
[error]
[alert]
