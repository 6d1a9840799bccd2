# Redis away: nobody listens, it refuses the greeting, it comes back.  Each
# request gets a clean 503 as JSON; the log tells the change, not the requests
# behind it.

use strict;
use warnings;

use lib 't/lib';
use Torus clock => 1700000000;
use Torus::Redis;
use Torus::Util qw( free_port slurp );
use Test::Nginx::Socket 'no_plan';

our $Other;

$ENV{TEST_NGINX_NOBODY_PORT} = free_port();
$ENV{TEST_NGINX_OTHER_PORT} = free_port();

sub schema {
    my ($host) = @_;

    return <<END;
{ "TIMESERIES": { "c": { "type": "count", "host": "$host", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 2 } } } } }
END
}

# Starts the other Redis, which the nginx of a block has not seen yet.
sub other {
    $Other = Torus::Redis->start(port => $ENV{TEST_NGINX_OTHER_PORT},
                                 clock => $Torus::Clock);
}

sub get {
    my ($uri) = @_;

    return Torus::Nginx::http(server_port(), 'GET', $uri);
}

add_test_cleanup_handler(sub {
    $Other->stop_server if $Other;
    undef $Other;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: nobody listens: 503 with a reason, for each command
--- schema eval: main::schema("127.0.0.1:$ENV{TEST_NGINX_NOBODY_PORT}")
--- no_stream
--- request eval
["GET /torus/series?stat=a", "GET /torus/list", "GET /torus/properties?stat=a",
 "POST /torus/series?stat=a"]
--- error_code eval
[(503) x 4]
--- response_headers eval
[("Content-Type: application/json\n! Cache-Control\n! ETag") x 4]
--- response_body eval
[(qq({"error": "redis cannot be reached"}\n)) x 4]
--- no_error_log
[alert]
[crit]



=== TEST 2: the log tells that it is down, once
--- schema eval: main::schema("127.0.0.1:$ENV{TEST_NGINX_NOBODY_PORT}")
--- no_stream
--- init
for (1 .. 5) {
    main::get('/torus/series?stat=a');
    # now and then behind the time for which requests are refused
    select undef, undef, undef, 0.05 * $_;
}
my $log = main::slurp("$ENV{TEST_NGINX_SERVROOT}/logs/error.log");
my $n = () = $log =~ /does not answer queries/g;
Test::More::is($n, 1, 'down, once');
--- request
GET /torus/series?stat=a
--- error_code: 503
--- no_error_log
[alert]
[crit]



=== TEST 3: HEAD
--- schema eval: main::schema("127.0.0.1:$ENV{TEST_NGINX_NOBODY_PORT}")
--- no_stream
--- request
HEAD /torus/series?stat=a
--- error_code: 503
--- response_headers
Content-Type: application/json
--- response_body eval
""
--- no_error_log
[alert]
[crit]



=== TEST 4: what needs no Redis is answered without it
--- schema eval: main::schema("127.0.0.1:$ENV{TEST_NGINX_NOBODY_PORT}")
--- no_stream
--- request eval
["GET /torus/series", "GET /torus/nope"]
--- error_code eval
[400, 404]
--- no_error_log
[error]
[alert]



=== TEST 5: a unix socket that is not there
--- schema eval: main::schema("unix:$ENV{TEST_NGINX_TMP_DIR}/none.sock")
--- no_stream
--- request
GET /torus/series?stat=a
--- error_code: 503
--- response_body
{"error": "redis cannot be reached"}
--- error_log
[crit]
none.sock failed (2: No such file or directory)
--- no_error_log
[alert]



=== TEST 6: it comes up while nginx runs
--- schema eval: main::schema("127.0.0.1:$ENV{TEST_NGINX_OTHER_PORT}")
--- no_stream
--- init
my ($status) = main::get('/torus/series?stat=a');
Test::More::is($status, 503, 'not up yet');
main::other();
$main::Other->cmd(SET => 'a:minute:28333333', 6);
# longer than requests are refused after one failure
select undef, undef, undef, 0.3;
--- request
GET /torus/series?stat=a
--- error_code: 200
--- response_body_like: \[6,1699999980\]
--- error_log
answers queries again
--- no_error_log
[alert]



=== TEST 7: it is restarted between two requests
--- schema eval: main::schema("127.0.0.1:$ENV{TEST_NGINX_OTHER_PORT}")
--- no_stream
--- init
main::other();
my ($status) = main::get('/torus/series?stat=a');
Test::More::is($status, 200, 'up');
$main::Other->stop_server;
$main::Other->run;
$main::Other->cmd(SET => 'a:minute:28333333', 7);
--- request
GET /torus/series?stat=a
--- error_code: 200
--- response_body_like: \[7,1699999980\]
--- no_error_log
[error]
[alert]



=== TEST 8: AUTH and SELECT of the host
--- schema eval
main::schema("redis://:s%65cret\@127.0.0.1:$ENV{TEST_NGINX_OTHER_PORT}/3")
--- no_stream
--- init
main::other();
$main::Other->pipeline([ SELECT => 3 ], [ SET => 'a:minute:28333333', 8 ],
                       [ qw( CONFIG SET requirepass secret ) ]);
--- request
GET /torus/series?stat=a
--- error_code: 200
--- response_body_like: \[8,1699999980\]
--- no_error_log
[error]
[alert]



=== TEST 9: a wrong password is a 503, and not in the log
--- schema eval
main::schema("redis://:wr0ngpw\@127.0.0.1:$ENV{TEST_NGINX_OTHER_PORT}/0")
--- no_stream
--- init
main::other();
$main::Other->cmd(qw( CONFIG SET requirepass secret ));
--- request
GET /torus/series?stat=a
--- error_code: 503
--- response_body
{"error": "redis cannot be reached"}
--- error_log
WRONGPASS
--- no_error_log
wr0ngpw
[alert]



=== TEST 10: a reply beyond torus_redis_reply_max is a 503, the next one not
--- schema
{ "TIMESERIES": { "s": { "type": "series", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 2 } } } } }
--- no_stream
--- http_config
torus_redis_reply_max 128k;
--- init
Torus::redis(RPUSH => 'wire:minute:28333333', ('7' x 1000) x 150);
Torus::redis(RPUSH => 'kept:minute:28333333', (1) x 3000);
Torus::redis(RPUSH => 'small:minute:28333333', 1 .. 30);
--- request eval
["GET /torus/series?stat=small&function=sum", "GET /torus/series?stat=wire",
 "GET /torus/series?stat=small", "GET /torus/series?stat=kept",
 "GET /torus/series?stat=small"]
--- error_code eval
[200, 503, 200, 503, 200]
--- response_body_like eval
[qr/\[15.5,1699999980\]/, qr/cannot be reached/, qr/\[15.5,1699999980\]/,
 qr/cannot be reached/, qr/\[15.5,1699999980\]/]
--- no_error_log
[alert]
