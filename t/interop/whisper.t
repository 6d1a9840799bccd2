# What README.md says about moving whisper files: its commands, as they are
# but for the place and the port, bring over what the files hold.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( root temp_dir slurp wait_for );

chdir root() or die root(), ": $!\n";

(grep { -x "$_/whisper-fetch" } split /:/, $ENV{PATH})
    or die "whisper is not installed: make interop\n";

my $redis = Torus::Redis->start;
my $nginx = Torus::Nginx->new;
my ($karbon, $http) = ($nginx->karbon_port, $nginx->port);
my $host = '127.0.0.1:' . $redis->port . '/0';
my $intervals = '{ "minute": { "step": 60, "keep": "1d" },'
                . ' "hour": { "step": "1h", "keep": "30d" } }';

$nginx->file('schema.json', <<END);
{
    "TIMESERIES": {
        "counts": { "type": "count", "host": "$host", "match": "**.count",
                    "intervals": $intervals },
        "levels": { "type": "gauge", "host": "$host", "match": "**.level",
                    "intervals": $intervals }
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
    server { listen 127.0.0.1:$http; location / { torus_query on; } }
END2
$nginx->start;

# ten days of hours and one of minutes, as a Carbon would have kept them
my $dir = temp_dir() . '/whisper';

# the commands are of the same hour
wait_for(sub { time % 3600 < 3580 }, 30);
my $now = time;
my $first = $now - $now % 3600 - 10 * 86400;
my $day = ($now - 86400) - ($now - 86400) % 3600 + 3600;
my (%hours, %minutes);

for my $stat (qw( shop.eu.orders.count shop.eu.queue.level )) {
    (my $file = "$dir/$stat") =~ s{(?<=/)([^/]*)\z}{$1 =~ tr|.|/|r}e;
    my ($parent) = $file =~ m{(.*)/};
    my $sum = $stat =~ /count/;

    system('mkdir', '-p', $parent) == 0 or die "mkdir: $?\n";
    system("whisper-create $file.wsp 60s:1d 1h:30d --xFilesFactor=0"
           . ' --aggregationMethod=' . ($sum ? 'sum' : 'last')
           . ' > /dev/null') == 0
        or die "whisper-create: $?\n";

    my @points;

    # whisper sums up what is in its finest archive only
    my $t = $first;

    while ($t <= $now) {
        my $value = $t / 1200 % 50 + ($sum ? 0 : 0.5);
        my $hour = $t - $t % 3600;
        my $old = $t < $day;

        push @points, "$t:$value";
        $hours{$stat}{$hour} = $sum ? ($hours{$stat}{$hour} // 0) + $value
                                    : $value;
        $minutes{$stat}{$t} = $value if !$old;
        $t += $old ? 3600 : 1200;
    }

    system('whisper-update', "$file.wsp", @points) == 0
        or die "whisper-update: $?\n";
}

my ($commands) = slurp('README.md')
                 =~ /^## Coming from Graphite\n.*?^```sh\n(.*?)^```/ms;
ok(defined $commands, 'the page has the commands');
$commands =~ s{^cd .*$}{cd $dir}m or die "no cd\n";
$commands =~ s{\b2003\b}{$karbon} or die "no port\n";
is(system('sh', '-e', '-c', $commands), 0, 'they end well');

for my $stat (sort keys %hours) {
    my %got;

    ok(wait_for(sub {
        %got = points($stat, 'minute', '-1d');
        return keys %got >= keys %{$minutes{$stat}};
    }, 10), "$stat has come");

    is_deeply(\%got, $minutes{$stat}, "$stat: each minute");
    %got = points($stat, 'hour', '-11d');
    is_deeply(\%got, $hours{$stat}, "$stat: each hour");
}

$nginx->stop;
done_testing();


sub points {
    my ($stat, $interval, $start) = @_;
    my ($status, $body) = $nginx->get("/series?stat=$stat&interval=$interval"
                                      . "&start=$start&end=now&fill=none");
    my $list = JSON::PP->new->decode($body);

    return map { $_->[1] => $_->[0] } @{$list->[0]{datapoints}};
}
