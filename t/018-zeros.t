# Time-outs and a queue of 0: every connection would be given up before it has
# answered, every query refused as one too many.  nginx -t says so.

use strict;
use warnings;

use lib 't/lib';

use Test::More;
use Torus::Nginx;

my $nginx = Torus::Nginx->new;
my $port = $nginx->port;
my $karbon = $nginx->karbon_port;

$nginx->file('schema.json', <<END);
{ "TIMESERIES": { "c": { "type": "count", "match": "**",
    "intervals": { "minute": { "step": 60 } } } } }
END

for my $name (qw( redis_connect_timeout redis_timeout redis_queue )) {
    my ($code, $said) = refused(stream => "karbon_$name 0;");
    is($code, 1, "karbon_$name 0");
    like($said, qr/"karbon_$name" directive must not be 0 in /, 'is told');

    ($code, $said) = refused(http => "torus_$name 0;");
    is($code, 1, "torus_$name 0");
    like($said, qr/"torus_$name" directive must not be 0 in /, 'is told');
}

is((refused())[0], 0, 'what they are without is right');

done_testing();


sub refused {
    my (%o) = @_;
    my ($stream, $http) = map { $o{$_} // '' } qw( stream http );

    $nginx->conf(<<END . $nginx->http_block(<<END));
stream {
    karbon_schema schema.json;
    $stream
    server { listen 127.0.0.1:$karbon; karbon on; }
}
END
    torus_schema schema.json;
    $http
    server { listen 127.0.0.1:$port; location /torus/ { torus_query on; } }
END

    return $nginx->test;
}
