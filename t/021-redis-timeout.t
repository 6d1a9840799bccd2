# Redis that is there but does not answer, or breaks off in the middle: 504,
# 503, or an answer that cannot be taken for a whole one; and clients that do
# not wait.

use strict;
use warnings;

use lib 't/lib';
use Torus clock => 1700000000;
use IO::Socket::INET;
use Torus::Redis;
use Torus::Util qw( free_port );
use Test::Nginx::Socket 'no_plan';

# The second Redis is stopped by a signal: the kernel still accepts for it.
our $Paused = Torus::Redis->start(clock => $Torus::Clock);
$Paused->pause;
$ENV{TEST_NGINX_PAUSED_PORT} = $Paused->port;

# Servers that greet, say nil to that many commands, and then go or wait.  The
# first says so to more than two slices, that is when some has been sent: 32
# commands are a slice, and the third goes out behind the first of the answer.
our $Cut = server(CUT => 80, 0);
our $Stall = server(STALL => 40, 10);

sub server {
    my ($name, $n, $wait) = @_;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
        or die "listen: $!\n";
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        serve($listen, $n, $wait);
        POSIX::_exit(0);
    }

    $ENV{"TEST_NGINX_${name}_PORT"} = $listen->sockport;

    return $pid;
}

sub serve {
    my ($listen, $n, $wait) = @_;

    while (my $fh = $listen->accept) {
        my $left = $n;

        local $/ = "\r\n";

        while ($left && defined(my $line = <$fh>)) {
            next if $line !~ /^\*(\d+)/;

            my @args;
            for (1 .. $1) {
                <$fh> =~ /^\$(\d+)/ or last;
                read $fh, my $arg, $1 + 2;
                push @args, $arg;
            }

            if ($args[0] =~ /^(?:CLIENT|SELECT|AUTH)/i) {
                print {$fh} "+OK\r\n";
            } elsif ($args[0] =~ /^MGET/i) {
                print {$fh} '*' . $#args . "\r\n" . "\$-1\r\n" x $#args;
                $left--;
            } else {
                print {$fh} "\$-1\r\n";
                $left--;
            }

            $fh->flush;
        }

        sleep $wait if $wait;
        close $fh;
    }
}

sub schema {
    my ($port, $steps) = @_;

    return <<END;
{ "TIMESERIES": { "c": { "type": "count", "host": "127.0.0.1:$port",
    "match": "**", "intervals": { "s": { "step": 1, "steps": $steps } } } } }
END
}

# Asks, waits, reads: how many points came, if the answer is whole.
sub slow_read {
    my ($uri, $wait) = @_;
    my $fh = IO::Socket::INET->new(Proto => 'tcp') or die "socket: $!\n";
    my $answer = '';

    $fh->setsockopt(Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 4096);
    connect $fh, Socket::pack_sockaddr_in(server_port(),
                                          Socket::inet_aton('127.0.0.1'))
        or die "connect: $!\n";
    syswrite $fh, "GET $uri HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

    select undef, undef, undef, $wait;

    1 while sysread $fh, $answer, 65536, length $answer;

    return -1 if $answer !~ /\r\n0\r\n\r\n\z/;

    # a chunk may begin inside a point
    $answer =~ s/\r\n[0-9a-f]+\r\n//g;

    return () = $answer =~ /\[null,\d{10}\]/g;
}

END {
    local $?;
    kill 'KILL', grep { defined } $Cut, $Stall;
    $Paused->kill_server if $Paused;
}

no_long_string();
run_tests();

__DATA__

=== TEST 1: no reply in torus_redis_timeout
--- schema eval: main::schema($ENV{TEST_NGINX_PAUSED_PORT}, 2)
--- no_stream
--- http_config
torus_redis_timeout 200ms;
--- request
GET /torus/series?stat=a
--- error_code: 504
--- response_headers
Content-Type: application/json
--- response_body
{"error": "redis did not answer in time"}
--- error_log
does not answer queries
torus query failed: redis did not answer in time
--- no_error_log
[alert]
[crit]



=== TEST 2: torus_timeout is over before that
--- schema eval: main::schema($ENV{TEST_NGINX_PAUSED_PORT}, 2)
--- no_stream
--- config
location /torus/ { torus_query on; torus_timeout 100ms; }
--- request
GET /torus/series?stat=a
--- error_code: 504
--- response_body
{"error": "the query took longer than it may"}
--- no_error_log
[alert]
[crit]



=== TEST 3: a client that does not wait leaves nothing behind
The replies it left are thrown away at the time-out; the next one is served.
--- schema eval: main::schema($ENV{TEST_NGINX_PAUSED_PORT}, 2)
--- no_stream
--- http_config
torus_redis_timeout 400ms;
--- request
GET /torus/series?stat=a
--- timeout: 0.1
--- abort
--- wait: 0.6
--- ignore_response
--- error_log
client prematurely closed connection
--- no_error_log
[alert]
[crit]



=== TEST 4: broken off before the first byte: 503
--- schema eval: main::schema($ENV{TEST_NGINX_CUT_PORT}, 20000)
--- no_stream
--- config
location /torus/ { torus_query on; torus_buffer_size 10m; }
--- request
GET /torus/series?stat=a
--- error_code: 503
--- response_body
{"error": "redis cannot be reached"}
--- no_error_log
[alert]
[crit]



=== TEST 5: broken off behind the first byte: no last chunk
--- schema eval: main::schema($ENV{TEST_NGINX_CUT_PORT}, 20000)
--- no_stream
--- config
location /torus/ { torus_query on; torus_buffer_size 1k; }
location /client {
    proxy_http_version 1.1;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/torus/series?stat=a;
}
--- request
GET /client
--- ignore_response
--- error_log
torus query broke off: redis cannot be reached
upstream prematurely closed connection
--- no_error_log
[alert]
[crit]



=== TEST 6: the time limit ends behind the first byte
--- schema eval: main::schema($ENV{TEST_NGINX_STALL_PORT}, 20000)
--- no_stream
--- config
location /torus/ {
    torus_query on;
    torus_buffer_size 1k;
    torus_timeout 200ms;
}
location /client {
    proxy_http_version 1.1;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/torus/series?stat=a;
}
--- request
GET /client
--- ignore_response
--- error_log
torus query broke off: the query took longer than it may
upstream prematurely closed connection
--- no_error_log
[alert]
[crit]



=== TEST 7: the time limit stands still while the client is slow
More than the kernel's buffers hold, and nobody reads for longer than that.
--- schema eval: main::schema($ENV{TEST_NGINX_REDIS_PORT}, 500000)
--- no_stream
--- config
location /torus/ { torus_query on; torus_timeout 1s; }
--- init
my $n = main::slow_read('/torus/series?stat=a', 1.5);
Test::More::is($n, 500000, 'whole, however slow');
--- request
GET /torus/series?stat=a&steps=1
--- timeout: 10
--- error_code: 200
--- no_error_log
[error]
[alert]
