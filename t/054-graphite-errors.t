# Whatever goes wrong on one of Graphite's paths, in this module or in nginx
# before it: the answer is one line of text, for Grafana shows it to its user.
# On Torus's own paths it is JSON.  Never a page of HTML.

use strict;
use warnings;

use lib 't/lib';
use Torus clock => 1700000000;
use Test::Nginx::Socket 'no_plan';

our $schema = <<'END';
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 10 } } } } }
END

our @reads = qw( render metrics/find metrics/expand metrics/index.json
                 functions functions/sumSeries version events events/get_data
                 tags tags/dc tags/autoComplete/tags tags/autoComplete/values
                 tags/findSeries );
our @writes = qw( tags/tagSeries tags/tagMultiSeries tags/delSeries );
our @all = (@reads, @writes);
our @own = qw( series list properties delete reindex explain insert );

our $text = qr/\A[^\n<{]+\n\z/;
our $error = qr/\A\{"error": "[^\n<{]+"\}\n\z/;

no_long_string();
run_tests();

__DATA__

=== TEST 1: a method that there is not
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ { torus_query on; torus_insert on; torus_delete on; }
--- request eval
[ (map { ("DELETE /torus/$_", "PUT /torus/$_/\nbody") } @::all),
  map { "GET /torus/$_" } @::writes ]
--- error_code eval
[ (405) x (2 * @::all + @::writes) ]
--- response_headers eval
[ ("Content-Type: text/plain\nAllow: GET, HEAD, POST") x (2 * @::reads),
  ("Content-Type: text/plain\nAllow: POST") x (3 * @::writes) ]
--- response_body_like eval
[ ($::text) x (2 * @::all + @::writes) ]
--- no_error_log
[error]
[alert]



=== TEST 2: a body that is no form
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ { torus_query on; torus_insert on; torus_delete on; }
--- more_headers
Content-Type: application/json
--- request eval
[ map { "POST /torus/$_\n{}" } @::all ]
--- error_code eval
[ map { $_ eq 'events' ? 501 : 400 } @::all ]
--- response_headers eval
[ ("Content-Type: text/plain") x @::all ]
--- response_body_like eval
[ map { $_ eq 'events' ? qr/\Ano events are kept\n\z/
                       : qr/\Athe content type of [^\n]+\n\z/ } @::all ]
--- no_error_log
[error]
[alert]



=== TEST 3: a body that is longer than ours may be, and than nginx's
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ { torus_query on; torus_insert on; torus_delete on;
                   torus_max_body 10; }
location /nginx/ { torus_query on; torus_insert on; torus_delete on;
                   client_max_body_size 10; }
--- request eval
[ map { my $c = $_; map { "POST /$_/$c\nquery=" . 'a' x 20 }
                    qw( torus nginx ) } grep { $_ ne 'events' } @::all ]
--- error_code eval
[ (413) x (2 * @::all - 2) ]
--- response_headers eval
[ ("Content-Type: text/plain") x (2 * @::all - 2) ]
--- response_body eval
[ ("the request body is too large\n") x (2 * @::all - 2) ]
--- no_error_log
[alert]



=== TEST 4: who may not, by nginx's rules
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ { torus_query on; deny all; }
location /user/ { torus_query on; auth_basic "x";
                  auth_basic_user_file html/schema.json; }
location /method/ { torus_query on; limit_except GET { deny all; } }
location /gone/ { torus_query on; return 404; }
location /busy/ { torus_query on; return 503; }
--- request eval
[ (map { "GET /torus/$_" } @::all), "GET /user/render?target=a",
  "POST /method/render\ntarget=a", "GET /gone/metrics/find?query=a",
  "GET /busy/version" ]
--- error_code eval
[ (403) x @::all, 401, 403, 404, 503 ]
--- response_headers eval
[ ("Content-Type: text/plain") x @::all,
  "Content-Type: text/plain\nWWW-Authenticate: Basic realm=\"x\"",
  ("Content-Type: text/plain") x 3 ]
--- response_body eval
[ ("access is forbidden\n") x @::all, "authorization is required\n",
  "access is forbidden\n", "there is no such thing\n",
  "the service is not available now\n" ]
--- no_error_log
[alert]



=== TEST 5: HEAD has the same head, and no body
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ { torus_query on; deny all; }
location /open/ { torus_query on; }
--- request eval
[ "HEAD /torus/render", "HEAD /open/metrics/find", "HEAD /torus/series" ]
--- error_code eval
[ 403, 400, 403 ]
--- response_headers eval
[ "Content-Type: text/plain\nContent-Length: 20",
  "Content-Type: text/plain\nContent-Length: 28",
  "Content-Type: application/json\nContent-Length: 33" ]
--- response_body eval
[ "", "", "" ]
--- no_error_log
[alert]



=== TEST 6: what is beside Graphite's names is text too, all else JSON
--- schema eval: $::schema
--- no_stream
--- request eval
[ "GET /torus/metrics/nix", "GET /torus/render/x", "GET /torus/tags/a/b",
  "GET /torus/metrics/find/x", "GET /torus/nix", "GET /torus/" ]
--- error_code eval
[ (404) x 6 ]
--- response_headers eval
[ ("Content-Type: text/plain") x 4, ("Content-Type: application/json") x 2 ]
--- response_body_like eval
[ ($::text) x 4, ($::error) x 2 ]
--- no_error_log
[error]
[alert]



=== TEST 7: the same of Torus's own
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ { torus_query on; torus_insert on; torus_delete on;
                   torus_explain on; client_max_body_size 10; }
location /deny/ { torus_query on; deny all; }
--- request eval
[ (map { "PUT /torus/$_" } @::own),
  (map { "POST /torus/$_\nquery=" . 'a' x 20 } @::own),
  map { "POST /deny/$_" } @::own ]
--- error_code eval
[ (405) x @::own, (413) x @::own, (403) x @::own ]
--- response_headers eval
[ ("Content-Type: application/json") x (3 * @::own) ]
--- response_body_like eval
[ ($::error) x (3 * @::own) ]
--- no_error_log
[alert]



=== TEST 8: a body in chunks that is too large
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ { torus_query on; torus_max_body 10; }
--- raw_request eval
"POST /torus/render HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
. "Transfer-Encoding: chunked\r\n\r\n14\r\ntarget=aaaaaaaaaaaaa\r\n0\r\n\r\n"
--- error_code: 413
--- response_headers
Content-Type: text/plain
--- response_body
the request body is too large
--- no_error_log
[alert]



=== TEST 13: one that is broken
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ { torus_query on; torus_max_body 10; }
--- raw_request eval
"POST /torus/metrics/find HTTP/1.1\r\nHost: x\r\n"
. "Transfer-Encoding: chunked\r\n\r\nzz\r\n"
--- error_code: 400
--- response_headers
Content-Type: text/plain
--- response_body
the request body is broken
--- no_error_log
[alert]



=== TEST 14: one that does not come
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ { torus_query on; client_body_timeout 100ms; }
--- raw_request eval
"POST /torus/render HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n"
. "\r\ntarget"
--- error_code: 408
--- response_headers
Content-Type: text/plain
--- response_body
the request body did not come in time
--- no_error_log
[alert]



=== TEST 9: a precondition that does not hold
--- schema eval: $::schema
--- no_stream
--- more_headers
If-Match: "nix"
--- request eval
[ "GET /torus/version", "GET /torus/series?stat=a" ]
--- error_code eval
[ 412, 412 ]
--- response_headers eval
[ "Content-Type: text/plain", "Content-Type: application/json" ]
--- response_body_like eval
[ $::text, $::error ]
--- no_error_log
[error]
[alert]



=== TEST 10: an error_page of one's own stays
--- schema eval: $::schema
--- no_stream
--- config
error_page 403 /mine.html;
location = /mine.html { return 200 "mine"; }
location /torus/ { torus_query on; deny all; }
location /other/ { deny all; error_page 403 /none; }
--- request eval
[ "GET /torus/render", "GET /index.html", "GET /other/render" ]
--- error_code eval
[ 403, 200, 404 ]
--- response_body_like eval
[ qr/\Amine\z/, qr/\A/, qr/<html>/ ]
--- no_error_log
[alert]



=== TEST 11: series with tags are told by what name they are stored
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ { torus_query on; torus_insert on; torus_delete on; }
location /closed/ { torus_query on; }
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- request eval
[ "POST /torus/tags/tagSeries\npath=disk..used;rack=a1;dc=x",
  "POST /torus/tags/tagMultiSeries\npath=b;z=1;a=2&path=c;a=1",
  "POST /torus/tags/tagMultiSeries?path[]=b;z=1;a=2&path[]=c",
  "POST /torus/tags/delSeries\npath=b;z=1&path=c",
  "POST /torus/tags/tagSeries", "POST /torus/tags/delSeries",
  "POST /torus/tags/tagSeries\npath=a;b=", "POST /closed/tags/tagSeries",
  "POST /closed/tags/tagMultiSeries\npath=a", "POST /closed/tags/delSeries" ]
--- error_code eval
[ 200, 200, 200, 200, 400, 400, 400, 403, 403, 403 ]
--- response_body eval
[ '"disk.used;dc=x;rack=a1"', '["b;a=2;z=1","c;a=1"]', '["b;a=2;z=1","c"]',
  'true', ("argument \"path\" is missing\n") x 2,
  "argument \"path\" is no path of a series: \"a;b=\"\n",
  "\"tags/tagSeries\" is not open here, it takes \"torus_insert on\"\n",
  "\"tags/tagMultiSeries\" is not open here, it takes \"torus_insert on\"\n",
  "\"tags/delSeries\" is not open here, it takes \"torus_delete on\"\n" ]
--- no_error_log
[error]
[alert]



=== TEST 12: what Grafana reads of tags and events, by POST too
--- schema eval: $::schema
--- no_stream
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- request eval
[ "POST /torus/tags/autoComplete/tags\nexpr=name%3Da&tagPrefix=d&limit=100",
  "POST /torus/tags/autoComplete/values\ntag=dc&valuePrefix=a",
  "POST /torus/tags/findSeries\nexpr=name%3Da",
  "POST /torus/events/get_data\nfrom=-1h&until=now&tags=a%20b",
  "GET /torus/events/get_data?jsonp=cb", "GET /torus/events/" ]
--- error_code eval
[ (200) x 6 ]
--- response_body eval
[ ('[]') x 4, "cb([])\n", '[]' ]
--- no_error_log
[error]
[alert]
