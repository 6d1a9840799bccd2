# Forms as they come over the network: each cut into two pieces at every byte
# is the same form, whether urlencoded or, as graphite-web posts it,
# multipart/form-data.  Pieces are chunks, so that nginx sees them as such.

use strict;
use warnings;

use lib 't/lib';

use Socket qw( IPPROTO_TCP TCP_NODELAY );
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
        keepalive_requests 10000;
        location / { torus_query on; }
    }
END

$nginx->start;

my %fields = (
    target => 'alias(constantLine(7), "a&b=c")',
    from => '1699999860', until => '1699999980', format => 'raw',
);
my @names = qw( target from until format );

my %forms = (
    'application/x-www-form-urlencoded'
        => join('&', map { "$_=" . ($fields{$_} =~ s/([^\w.-])/
                                     sprintf '%%%02X', ord $1/xger) } @names),
    'multipart/form-data; boundary="x y-Z"'
        => join('', map { "--x y-Z\r\nContent-Disposition: form-data; "
                          . "name=\"$_\"\r\n\r\n$fields{$_}\r\n" } @names)
           . "--x y-Z--\r\n",
);

my $fh = Torus::Nginx::connect_to($port);
binmode $fh;
setsockopt $fh, IPPROTO_TCP, TCP_NODELAY, 1;

sub post {
    my ($type, @pieces) = @_;
    my $answer = '';

    print $fh join "\r\n", 'POST /render HTTP/1.1', 'Host: localhost',
                           "Content-Type: $type",
                           'Transfer-Encoding: chunked', '', '';

    for my $piece (grep { length } @pieces) {
        printf $fh "%x\r\n%s\r\n", length $piece, $piece;
        $fh->flush;
    }

    print $fh "0\r\n\r\n";
    $fh->flush;

    while ($answer !~ /\r\n\r\n/) {
        sysread $fh, $answer, 65536, length $answer or return 'closed';
    }

    my ($head, $body) = split /\r\n\r\n/, $answer, 2;
    my ($length) = $head =~ /^Content-Length: (\d+)/mi;

    while (length $body < $length) {
        sysread $fh, $body, 65536, length $body or return 'cut';
    }

    return $head =~ m{^HTTP/1.1 200 } ? $body : $head;
}

for my $type (sort keys %forms) {
    my $form = $forms{$type};
    my $first = post($type, $form);

    like($first, qr/^a&b=c,\d+,\d+,60\|7\.0(,7\.0)*\n\z/, "$type in one piece");

    my @bad = grep { post($type, substr($form, 0, $_), substr($form, $_))
                     ne $first } 1 .. length($form) - 1;

    is("@bad", '', "and in two, cut anywhere");
    is(post($type, split //, $form), $first, 'and byte by byte');
}

ok($nginx->stop('QUIT'), 'the worker leaves');
unlike($nginx->log_text, qr/\[(?:error|alert|emerg|crit)\]/,
       'without an error');

done_testing();
