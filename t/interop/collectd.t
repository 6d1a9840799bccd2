# collectd's write_graphite plugin: what it sent is in Redis under the keys
# of kairos, and is what /series answers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Torus::Model;
use Torus::Nginx;
use Torus::Redis;
use Torus::Tee;
use Torus::Util qw( temp_dir wait_for spawn stop slurp spew );

my ($collectd) = grep { -x } map { "$_/collectd" }
                 split(/:/, $ENV{PATH}), '/usr/sbin';
my ($plugins) = grep { -e "$_/write_graphite.so" }
                glob('/usr/lib/collectd /usr/lib/*/collectd');

$collectd && $plugins or die "collectd is not installed: make interop\n";

my $redis = Torus::Redis->start;
my $nginx = Torus::Nginx->new;
my ($karbon, $http) = ($nginx->karbon_port, $nginx->port);

$nginx->file('schema.json', <<END);
{
    "TIMESERIES": {
        "rates": {
            "type": "count",
            "host": "127.0.0.1:@{[ $redis->port ]}/0",
            "match": "collectd.**.uptime.*",
            "prefix": "up",
            "intervals": { "minute": { "step": 60, "keep": "1d" } }
        },
        "levels": {
            "type": "gauge",
            "host": "127.0.0.1:@{[ $redis->port ]}/0",
            "match": "collectd.**",
            "intervals": {
                "second": { "step": 1, "keep": "1h" },
                "minute": { "step": 60, "keep": "1d" }
            }
        },
        "history": {
            "type": "series",
            "host": "127.0.0.1:@{[ $redis->port ]}/0",
            "match": "collectd.**",
            "prefix": "history",
            "intervals": { "hour": { "step": "1h", "keep": "1d" } }
        }
    }
}
END

$nginx->conf(<<END . $nginx->http_block(<<END2));
stream {
    karbon_schema schema.json;
    server { listen 127.0.0.1:$karbon; karbon on; }
}
END
    torus_schema schema.json;
    server {
        listen 127.0.0.1:$http;
        location /torus/ { torus_query on; }
    }
END2

$nginx->start;

my $tee = Torus::Tee->start($karbon);
my $dir = temp_dir() . '/collectd';
mkdir $dir;

spew("$dir/collectd.conf", <<END);
Hostname "test-host"
FQDNLookup false
BaseDir "$dir"
PIDFile "$dir/pid"
PluginDir "$plugins"
TypesDB "/usr/share/collectd/types.db"
Interval 1
LoadPlugin logfile
<Plugin logfile>
    LogLevel "info"
    File "$dir/log"
</Plugin>
LoadPlugin load
LoadPlugin memory
LoadPlugin uptime
LoadPlugin write_graphite
<Plugin write_graphite>
    <Node "torus">
        Host "127.0.0.1"
        Port "@{[ $tee->port ]}"
        Protocol "tcp"
        Prefix "collectd."
        StoreRates true
        SeparateInstances true
    </Node>
</Plugin>
END

my $pid = spawn("$dir/out", {}, $collectd, '-f', '-C', "$dir/collectd.conf",
                '-P', "$dir/pid");

# it sends when its buffer is full, and at its end
my $up = wait_for(sub { slurp("$dir/log") =~ /Initialization complete/ }, 20);
ok($up, 'collectd is up') or diag(slurp("$dir/out"), slurp("$dir/log"));

sleep 5;
ok(stop($pid, 'TERM', 15), 'collectd leaves on TERM');

my $before = $redis->changes;
$redis->quiet($before - 1, 5);

my @lines = $tee->lines;

cmp_ok(scalar @lines, '>', 20, @lines . ' lines were sent');
like($lines[0], qr/^collectd\.test-host\S* \S+ \d+\r?$/, 'such as ' . $lines[0]);

for my $name (qw( load memory uptime )) {
    ok((grep { /\.$name\b/ } @lines), "$name is among them");
}

my $levels = Torus::Model->new(type => 'gauge', schema => 'levels',
    match => sub { 1 }, intervals => { second => 1, minute => 60 });

my $good = grep { $levels->line($_) } @lines;
cmp_ok($good, '>', 20, "$good of them have a value");

$levels->compare($redis, $nginx, '/torus');

# the series: all values, in the order they came, prefix and all
my %series;
for my $line (@lines) {
    my ($stat, $value, $ts) = split ' ', $line;
    next if $value =~ /nan/i;
    push @{$series{"history:$stat:hour:" . int $ts / 3600}}, $value + 0;
}

for my $key (sort keys %series) {
    is_deeply([ map { $_ + 0 } @{$redis->cmd(LRANGE => $key, 0, -1)} ],
              $series{$key}, $key);
}

$tee->stop;
ok($nginx->stop, 'nginx leaves on QUIT');
unlike($nginx->log_text, qr/\[(?:warn|error|crit|alert|emerg)\]/,
       'nothing in the log');

done_testing();
