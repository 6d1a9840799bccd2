# "torus_max_memory": one bound on all that a request holds, a 413 that names
# it, and as much as was held in a log.

use strict;
use warnings;

use lib 't/lib';
use Torus clock => 1700000000;
use Test::Nginx::Socket 'no_plan';

our $schema = <<'END';
{ "TIMESERIES": {
    "h": { "type": "histogram", "match": "h.**",
        "intervals": { "minute": { "step": 60, "steps": 5000 } } },
    "c": { "type": "count", "match": "c.**",
        "intervals": { "minute": { "step": 60, "steps": 5000 } } } } }
END

# 3000 values in a bucket; 400 names of the index
our $data = join '',
    (map { "HSET h.a:minute:28333333 "
           . join(' ', map { "$_ 1" } 300 * $_ .. 300 * $_ + 299) . "\n" }
     0 .. 9),
    "ZADD torus:names:0: 1700000000 c.\n",
    "ZADD torus:names:0:c "
    . join(' ', map { "1700000000 some_name_$_" } 1 .. 400) . "\n",
    "SET c.some_name_7:minute:28333333 5\n";

our $config = <<'END';
location /torus/ { torus_query on; torus_max_memory 64k; }
location /more/  { torus_query on prefix=/more; torus_max_memory 2m; }
location /any/   { torus_query on prefix=/any; torus_max_memory 0; }
END

no_long_string();
run_tests();

__DATA__

=== TEST 1: too little for the values of a bucket
--- schema eval: $::schema
--- no_stream
--- redis eval: $::data
--- config eval: $::config
--- request eval
[map { "GET /$_/series?stat=sum(h.a)&steps=1" } qw(torus more any)]
--- error_code eval
[413, 200, 200]
--- response_body_like eval
['\A\{"error": "the request needs more memory than \\\\"torus_max_memory\\\\" '
 . 'allows: 65536 bytes"\}', ('4498500') x 2]
--- no_error_log
[error]
[alert]



=== TEST 2: for what /render computes, as a line of text
--- schema eval: $::schema
--- no_stream
--- redis eval: $::data
--- config eval: $::config
--- request eval
[(map { "GET /$_/render?target=c.some_name_*&from=-2h&format=raw" }
  qw(torus more any)),
 "GET /torus/render?target=c.some_name_7&from=-2min&format=raw"]
--- error_code eval
[413, 200, 200, 200]
--- response_headers eval
[("Content-Type: text/plain") x 4]
--- response_body_like eval
['\Athe request needs more memory than "torus_max_memory" allows: 65536 '
 . 'bytes\n\z', ('\Ac\.some_name_1,') x 2, '\Ac\.some_name_7,.*\|None,5\.0']
--- no_error_log
[error]
[alert]



=== TEST 3: for names
--- schema eval: $::schema
--- no_stream
--- redis eval: $::data
--- config eval: $::config
--- request eval
["GET /torus/metrics/find?query=c.*", "GET /torus/metrics/expand?query=c.*",
 "GET /more/metrics/find?query=c.*", "GET /more/metrics/expand?query=c.*",
 "GET /more/metrics/index.json"]
--- error_code eval
[413, 413, 200, 200, 200]
--- response_body_like eval
[('torus_max_memory') x 2, ('some_name_400') x 3]
--- no_error_log
[error]
[alert]



=== TEST 4: arguments count as well
--- schema eval: $::schema
--- no_stream
--- config eval: $::config
--- request eval
[map { "POST /$_/series?stat=c.a&steps=1\n"
       . join '&', map { "x=$_" } 1 .. 2000 } qw(torus more)]
--- error_code eval
[413, 200]
--- no_error_log
[error]
[alert]



=== TEST 5: an answer that has begun is broken off
--- schema eval: $::schema
--- no_stream
--- redis eval: $::data
--- config
location /torus/ {
    torus_query on;
    torus_buffer_size 1k;
    torus_max_memory 700k;
}
--- request
GET /torus/series?stat=c.some_name_7&stat=h.a&steps=4500&format=json
--- ignore_response
--- error_log
torus query broke off: the request needs more memory than "torus_max_memory" allows: 716800 bytes
--- no_error_log
[error]
[alert]



=== TEST 6: in a log
--- schema eval: $::schema
--- no_stream
--- redis eval: $::data
--- http_config
log_format memory '$torus_memory bytes';
access_log $TEST_NGINX_SERVER_ROOT/logs/access.log memory;
--- request
GET /torus/series?stat=sum(h.a)&steps=1
--- access_log eval
qr/\A[1-9]\d{5} bytes/
--- no_error_log
[error]
[alert]
