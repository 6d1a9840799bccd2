# The metrics of a busy nginx, given to Prometheus's own promtool: names,
# types, help and labels, also of a schema whose name needs escaping; and the
# alerts of conf.examples/, which name only what there is.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( root wait_for slurp spew temp_dir );

my ($tool) = grep { defined && -x }
             ($ENV{PROMTOOL}, map { "$_/promtool" } split /:/, $ENV{PATH});

ok($tool, 'promtool is installed: Debian has it in "prometheus"');

my $redis = Torus::Redis->start;
my $nginx = Torus::Nginx->new;
my ($karbon, $http) = ($nginx->karbon_port, $nginx->port);
my $host = '127.0.0.1:' . $redis->port . '/0';

# the last one is longer than what is kept, and cut inside a character
my @names = ('plain', 'q"uo\\te', "caf\x{e9} \x{65e5}",
             'l' x 126 . "\x{e9}" x 20);

$nginx->file('schema.json', encode_json({ TIMESERIES => [
    map { {
        name => $names[$_], type => 'count', host => $host,
        match => "c$_.**",
        intervals => { "m$_" => { step => 60, steps => 60 } },
    } } 0 .. $#names
] }));

$nginx->conf(<<END . $nginx->http_block(<<END2));
worker_processes 2;
stream {
    karbon_schema schema.json;
    server { listen 127.0.0.1:$karbon; karbon on; }
}
END
    torus_schema schema.json;
    server {
        listen 127.0.0.1:$http;
        location /torus/ { torus_query on; torus_insert on; }
        location /status { torus_status on; }
        location = /metrics { torus_status prometheus; }
    }
END2
$nginx->start;

Torus::Nginx::carbon($karbon, join '', map { "c$_.a 1\nbad\nnone.a 1\n" }
                              0 .. $#names);
$nginx->get('/torus/series?stat=c0.a');

wait_for(sub {
    ($nginx->get('/metrics'))[1] =~ /^torus_operations_applied_total 4$/m
}, 10);

for my $uri ('/metrics', '/status?format=prometheus') {
    my ($code, $metrics) = $nginx->get($uri);
    my $file = temp_dir() . '/metrics';

    is($code, 200, $uri);
    like($metrics, qr/^torus_operations_applied_total 4$/m, 'all is applied');

    my $schemas = () = $metrics =~ /^torus_schema_points_total\{/mg;
    is($schemas, scalar @names, 'each schema');

    spew($file, $metrics);

    my $said = $tool ? `$tool check metrics < $file 2>&1` : 'no promtool';
    is($? . $said, '0', 'promtool finds no fault');
}

my $rules = root() . '/conf.examples/prometheus.rules.yaml';
my $said = $tool ? `$tool check rules $rules 2>&1` : 'no promtool';
is($?, 0, 'promtool takes the alerts') or diag($said);

my (undef, $metrics) = $nginx->get('/metrics');
my %used = map { $_ => 1 } slurp($rules) =~ /\b(torus_\w+_\w+)\b/g;
delete $used{torus_status};
cmp_ok(scalar keys %used, '>', 5, 'metrics that alerts use');
is_deeply([ grep { $metrics !~ /^$_[ {]/m } sort keys %used ], [],
          'each of them is there');

ok($nginx->stop, 'nginx leaves');

done_testing();
