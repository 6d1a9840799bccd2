# Debian's check_graphite, of monitoring-plugins-contrib: what it says of our
# data, and with which status, is what a watched host needs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( wait_for );

my $check = '/usr/lib/nagios/plugins/check_graphite';

-x $check or die "check_graphite is not installed: make interop\n";

my $redis = Torus::Redis->start;
my $nginx = Torus::Nginx->new;
my $host = '127.0.0.1:' . $redis->port . '/0';

$nginx->file('schema.json', <<END);
{ "TIMESERIES": { "g": { "type": "gauge", "match": "**", "host": "$host",
    "intervals": { "ten": { "step": 10, "keep": "1h" } } } } }
END

$nginx->conf(<<END . $nginx->http_block(<<END2));
stream {
    karbon_schema schema.json;

    server {
        listen 127.0.0.1:${\ $nginx->karbon_port};
        karbon on;
    }
}
END
    torus_schema schema.json;

    server {
        listen 127.0.0.1:${\ $nginx->port};

        location /graphite/ {
            torus_query on;
            torus_open_bucket null;
        }
    }
END2
$nginx->start;

# a load of 2 that has been 6 for a minute, three minutes ago
my $now = int(time / 10) * 10;
my @points = map { [ $now - 10 * $_, $_ >= 18 && $_ < 24 ? 6 : 2 ] } 1 .. 59;

Torus::Nginx::carbon($nginx->karbon_port, join '',
    map { "web.load $_->[1] $_->[0]\nweb.usual 2 $_->[0]\n" } @points);

ok(wait_for {
       my ($status, $body) = $nginx->get('/graphite/render?target=web.*'
                                         . '&from=-9min&format=raw');
       (() = $body =~ /[26]\.0/g) >= 100;
   }, 'the points are stored');

says('-t web.load -W 7 -C 9', 0, qr/^OK: web\.load /);
says('-t web.load -W 5 -C 9', 1,
     qr/^WARNING: web\.load \[warn=5\.0+\|datapoints=6\.0(,6\.0){5}\]$/m);
says('-t web.load -W 3 -C 5', 2,
     qr/^CRITICAL: web\.load \[crit=5\.0+\|datapoints=6\.0(,6\.0){5}\]$/m);
says('-t web.load --from -1minute -W 3 -C 5', 0, qr/^OK/);

# of several targets it is the last one's status
says('-t web.load -t web.usual -W 5 -C 9', 0,
     qr/^WARNING: web\.load .*\nOK: web\.usual /);

says("-t 'maxSeries(web.*)' -W 5 -C 9", 1, qr/^WARNING: maxSeries\(web\.\*\)/);
says('-t web.load --percentile 95 -W 5 -C 9', 1,
     qr/^WARNING: nPercentile\(web\.load, 95\) \[warn=5\.0+\|datapoints=6/);
says('-t web.load --compare web.usual -W 5 -C 9 --beyond 2', 1,
     qr/^WARNING: web\.load .*6\.0/);
says('-t web.load --under -W 1 -C 0.5', 0, qr/^OK/);
says('-t no.such -W 1 -C 2', 2, qr/^CRITICAL: No output/);
says('-t no.such -W 1 -C 2 --empty-ok', 0, qr/^OK/);
says("-t 'nosuch(a)' -W 1 -C 2", 2, qr/^CRITICAL: No output/);

unlike($nginx->log_text, qr/\[(error|crit|alert|emerg)\]/, 'and nothing else');
$nginx->stop;

done_testing();


sub says {
    my ($args, $status, $like) = @_;

    $args .= ' --from -8minutes' if $args !~ /--from/;

    my $out = `$check -U http://127.0.0.1:${\ $nginx->port}/graphite $args 2>&1`;

    is($? >> 8, $status, $args);
    like($out, $like, 'and what it says');
}
