# Carbon lines over TCP: framing over reads, blanks and ends of lines,
# timestamps that mean now, the last line, many connections.

use strict;
use warnings;

use lib 't/lib';
use Torus clock => 1700000000;
use Test::Nginx::Socket 'no_plan';

our $schema = <<'END';
{ "TIMESERIES": {
    "c": { "type": "count", "match": "c.**",
           "intervals": { "minute": { "step": 60, "steps": 1000 } } },
    "g": { "type": "gauge", "match": "g.**",
           "intervals": { "gmin": { "step": 60, "steps": 1000 } } },
    "u": { "type": "set", "match": "u.**", "write_func": "string",
           "read_func": "string",
           "intervals": { "umin": { "step": 60, "steps": 1000 } } }
} }
END

# The lines of one client, byte by byte, while others send whole ones.
sub interleaved {
    my @fh = map { Torus::Nginx::connect_to($ENV{TEST_NGINX_KARBON_PORT}) }
             1 .. 50;
    my $line = "c.slow 7 1700000000\r\n";

    for my $byte (split //, $line) {
        syswrite $fh[0], $byte;
        syswrite $_, "c.fast 1 1700000000\nc.fa" for @fh[1 .. 49];
        syswrite $_, "st 1 1700000000\n" for @fh[1 .. 49];
    }

    close $_ for @fh;
}

no_long_string();
run_tests();

__DATA__

=== TEST 1: lines of one read
--- schema eval: $::schema
--- carbon
c.a 1 1700000000
c.a 2 1700000001
g.b 3.5 1699999940
--- redis_state
c.a:minute:28333333 string 3
g.b:gmin:28333332 string 3.5
--- no_error_log
[warn]
[error]
[alert]



=== TEST 2: a line split over reads is one line
--- schema eval: $::schema
--- carbon eval
["c.", "a 1 17000", "00000\nc.b 2", "5 1700000000\n", "\nc.c 1 1700000000",
 "\n"]
--- redis_state
c.a:minute:28333333 string 1
c.b:minute:28333333 string 25
c.c:minute:28333333 string 1
--- no_error_log
[warn]
[alert]



=== TEST 3: byte by byte, with CRLF
--- schema eval: $::schema
--- carbon eval
[split //, "c.a 1 1700000000\r\nc.b 2 1700000000\r\n"]
--- redis_state
c.a:minute:28333333 string 1
c.b:minute:28333333 string 2
--- no_error_log
[warn]



=== TEST 4: blanks and tabs around and between, empty lines
--- schema eval: $::schema
--- carbon eval
"  c.a\t 1  1700000000 \n\n\r\n \t\nc.b 2\t1700000000\t\r\n"
--- redis_state
c.a:minute:28333333 string 1
c.b:minute:28333333 string 2
--- no_error_log
[warn]



=== TEST 5: timestamps -1, 0, N and none are the time of arrival
--- schema eval: $::schema
--- carbon
c.a 1 -1
c.b 1 0
c.c 1 N
c.d 1
c.e 1 1699999999.9
--- redis_state
c.a:minute:28333333 string 1
c.b:minute:28333333 string 1
c.c:minute:28333333 string 1
c.d:minute:28333333 string 1
c.e:minute:28333333 string 1
--- no_error_log
[warn]



=== TEST 6: the last line needs no newline where the client closes
--- schema eval: $::schema
--- carbon eval
"c.a 1 1700000000\nc.b 2 1700000000"
--- redis_state
c.a:minute:28333333 string 1
c.b:minute:28333333 string 2
--- no_error_log
[warn]



=== TEST 7: empty nodes are squeezed, tags sorted
--- schema eval: $::schema
--- carbon
.c..a. 1 1700000000
c.t;b=2;a=1 1 1700000000
--- redis_state
c.a:minute:28333333 string 1
c.t;a=1;b=2:minute:28333333 string 1
--- no_error_log
[warn]



=== TEST 8: a set takes all between path and timestamp
--- schema eval: $::schema
--- carbon eval
"u.a some  user 1700000000\nu.a N 1700000000\nu.a x y\n"
--- redis_state
u.a:umin:28333333 set N some  user x y
--- no_error_log
[warn]



=== TEST 9: numbers in all their forms
--- schema eval: $::schema
--- carbon
g.a 1.2e-7 1700000000
g.b +5 1700000000
g.c 1.2345678901234568e+22 1700000000
g.d -0.5 1700000000
g.e 9223372036854775808 1700000000
--- redis_state
g.a:gmin:28333333 string 1.2e-07
g.b:gmin:28333333 string 5
g.c:gmin:28333333 string 1.2345678901234568e+22
g.d:gmin:28333333 string -0.5
g.e:gmin:28333333 string 9.223372036854776e+18
--- no_error_log
[warn]



=== TEST 10: megabytes on one connection
--- schema eval: $::schema
--- carbon eval
"c.pipelined 1 1700000000\n" x 100000
--- redis_state
c.pipelined:minute:28333333 string 100000
--- no_error_log
[warn]
[alert]



=== TEST 11: fifty connections, one of them slow
--- schema eval: $::schema
--- init: main::interleaved();
--- redis_state
c.fast:minute:28333333 string 2058
c.slow:minute:28333333 string 7
--- no_error_log
[warn]
[alert]



=== TEST 12: a connection that says nothing
--- schema eval: $::schema
--- carbon eval: ""
--- redis_wait: 0
--- redis_state
--- no_error_log
[warn]
[alert]
