# A body that nginx itself has refused, and is discarding, when an error_page
# leads the request, still a POST, to a named location of ours.  It once was
# read as if nobody had: a crash of the worker.

use strict;
use warnings;

use lib 't/lib';

use IO::Socket::INET;
use JSON::PP;
use Test::More;
use Torus::Nginx;
use Torus::Redis;

my $redis = Torus::Redis->start;
my $nginx = Torus::Nginx->new;
my $port = $nginx->port;
my $host = '127.0.0.1:' . $redis->port . '/0';

$nginx->file('schema.json', <<END);
{ "TIMESERIES": { "c": { "type": "count", "match": "**", "host": "$host",
    "intervals": { "minute": { "step": 60 } } } } }
END

$nginx->conf("worker_processes 1;\n" . $nginx->http_block(<<END));
    torus_schema schema.json;
    server {
        listen 127.0.0.1:$port;
        client_max_body_size 1k;
        error_page 413 = \@torus;

        location /torus/ { torus_query on; torus_insert on; }
        location \@torus {
            torus_query on prefix=/torus;
            torus_insert on;
        }
    }
END

$nginx->start;

my ($worker) = $nginx->workers;

# The head of a request whose body does not come, and the answer.
sub head {
    my ($uri, @headers) = @_;
    my $fh = Torus::Nginx::connect_to($port);
    my $answer = '';

    print $fh join "\r\n", "POST $uri HTTP/1.1", 'Host: localhost', @headers,
                           '', '';
    $fh->flush;

    while (IO::Select->new($fh)->can_read(5)) {
        sysread $fh, $answer, 4096, length $answer or last;
        last if $answer =~ /\r\n\r\n.*\n\z/s;
    }

    return $answer;
}

my @length = ('Content-Length: 100000');
my @form = ('Content-Type: application/x-www-form-urlencoded');
my @lines = ('Content-Type: text/plain');

like(head('/torus/series?stat=a', @length, @form),
     qr{^HTTP/1.1 200 .*"stat": ?"a"}s, 'a query does without its body');
like(head('/torus/list', @length, @lines), qr{^HTTP/1.1 200 },
     'whatever the type of that');
like(head('/torus/insert', @length, @form),
     qr{^HTTP/1.1 400 .*argument \\"stat\\" is missing}s,
     'a form of points has none');
like(head('/torus/insert', @length, @lines),
     qr{^HTTP/1.1 400 .*argument \\"stat\\" is missing}s,
     'nor have lines');

is_deeply([$nginx->workers], [$worker], 'by one worker, which lives');
ok($nginx->stop('QUIT'), 'and leaves');
unlike($nginx->log_text, qr/\[(?:alert|emerg|crit)\]/, 'without an alert');

done_testing();
