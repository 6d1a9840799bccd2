# What the suites take for granted: the sections that they use mean the same
# on the real Test::Nginx and on the work-alike in t/lib, count as many tests,
# and the Redis, the clock and the files of a block are there.

use lib 't/lib';
use Torus clock => 1700000000;
use Test::Nginx::Socket;

repeat_each(2);
plan tests => repeat_each() * 40;
no_long_string();
run_tests();

__DATA__

=== TEST 1: the clock stands still, Redis holds what a block puts there
--- config
    location = /t { return 200 "$time_iso8601 $msec\n"; }
--- redis
SET a 1
HSET h f "x y"
EXPIREAT a 1700000060
--- request
GET /t
--- response_body
2023-11-14T22:13:20+00:00 1700000000.000
--- redis_state
a string 1 @1700000060
h hash f=x y @never
--- response_headers
Content-Length: 41
!X-None
--- no_error_log
[error]
[alert]



=== TEST 2: blocks do not see each other's Redis
--- config
    location = /t { return 404; }
--- request
GET /t
--- error_code: 404
--- redis_state
--- response_body_like: ^<html>.*404 Not Found.*$
--- no_error_log
[error]



=== TEST 3: a configuration that is refused
--- config
    location = /t { retur 200; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown directive "retur"
--- no_error_log
[alert]



=== TEST 4: requests on one connection
--- config
    location = /a { return 200 "$connection_requests $arg_x\n"; }
--- pipelined_requests eval
["GET /a?x=1", "GET /a?x=2", "GET /a?x=3"]
--- response_body eval
["1 1\n", "2 2\n", "3 3\n"]



=== TEST 5: log patterns, as text and as regular expressions
--- config
    location = /t { deny all; }
--- request
GET /t
--- error_code: 403
--- error_log eval
[qr/access forbidden by rule, client: 127\.0\.0\.1/, 'host: "localhost"']
--- access_log eval
qr{"GET /t HTTP/1.1" 403}
--- no_error_log eval
[qr/\[(alert|emerg)\]/]
--- log_level: info



=== TEST 6: many requests
--- config
    location = /a { return 200 "$http_x_a $request_method\n"; }
    location = /b { proxy_pass http://127.0.0.1:$server_port/c; }
    location = /c { return 201 "$content_length $content_type\n"; }
--- request eval
["GET /a", "POST /b\nx=1&y=2\n", "HEAD /a"]
--- more_headers eval
["X-A: one", "Content-Type: text/x", "X-B: two"]
--- error_code eval
[200, 201, 200]
--- response_body eval
["one GET\n", "7 text/x\n", ""]



=== TEST 7: a request in parts, an answer in chunks, files of a block
--- config
    location = /s { ssi on; ssi_types *; root html; }
--- user_files
>>> s
host <!--# echo var="http_host" --> port $TEST_NGINX_PORT
--- raw_request eval
["GET /s HT", "TP/1.1\r\nHost: h", "ost\r\nConnection: close\r\n\r\n"]
--- raw_request_middle_delay: 0.02
--- response_body eval
"host host port $ENV{TEST_NGINX_PORT}\n"
--- response_headers
Transfer-Encoding: chunked



=== TEST 8: a block without a request asks for the index; init has run
--- config
    location = /t { return 200; }
--- init
Torus::redis(qw( SET from init ));
--- response_body_like: ^<html>.*It works!.*</html>$
--- redis_state
from string init



=== TEST 9: JSON answers are compared as JSON
--- config
    location = /t { return 200 '{"b":[1.0,null,"x"],"a":1e0}'; }
--- request
GET /t
--- json
{ "a": 1, "b": [ 1, null, "x" ] }
