# Random requests to /render, compared with graphite-web over whisper files
# of the same data: see graphite_random.py.
#
#   TORUS_SEED=N      those of that seed
#   TORUS_COUNT=N     so many of them
#   TORUS_SECONDS=N   as many as that takes, of a random seed

use strict;
use warnings;

use lib 't/lib';

use Test::More;
use Torus::Clock;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( temp_dir slurp );

my $now = 1700000000;
my $python = '/usr/bin/python3';
my $seconds = $ENV{TORUS_SECONDS} // 0;
my $seed = $ENV{TORUS_SEED} // ($seconds ? 1 + int rand 1e6 : 1);
my $count = $ENV{TORUS_COUNT} // 1500;

system("$python -c 'import graphite, whisper' 2>/dev/null") == 0
    or BAIL_OUT('graphite-web is not installed: util/deps.sh interop');

my $clock = Torus::Clock->new;
$clock->freeze($now);

my $redis = Torus::Redis->start(clock => $clock);
my $nginx = Torus::Nginx->new(clock => $clock);
my ($karbon, $http) = ($nginx->karbon_port, $nginx->port);
my $host = '127.0.0.1:' . $redis->port . '/0';

$nginx->file('schema.json', scalar `cd t/interop && $python -B -c '
import json, graphite_data
print(json.dumps(graphite_data.schema("$host")))'`);

$nginx->conf(<<END . $nginx->http_block(<<END2));
stream {
    karbon_schema schema.json;
    server { listen 127.0.0.1:$karbon; karbon on; }
}
END
    torus_schema schema.json;
    keepalive_requests 1000000;
    large_client_header_buffers 4 64k;
    server {
        listen 127.0.0.1:$http;
        location / { torus_query on; }
    }
END2
$nginx->start;

my $dir = temp_dir() . '/graphite';
mkdir $dir;

my %env = (%{$clock->env}, PYTHONHASHSEED => 0);
local @ENV{keys %env} = values %env;

open my $tap, '-|', "$python -B t/interop/graphite_random.py $dir $http"
                  . " $karbon $seed $count $seconds 2>$dir/stderr"
    or BAIL_OUT("$python: $!");
delete $ENV{LD_PRELOAD};

my $plan = 0;

while (my $line = <$tap>) {
    if ($line =~ /^(not )?ok \d+ - (.*)/) {
        ok(!$1, $2);
    } elsif ($line =~ /^1\.\./) {
        $plan = 1;
    } elsif ($line =~ /^# (.*)/) {
        diag($1);
    }
}

close $tap;

ok($plan, 'to the end') or diag(slurp("$dir/stderr"));
ok($nginx->stop, 'nginx leaves');
done_testing();
