# StatsD 0.9.0 with its graphite backend, in the legacy and the new namespace,
# into conf.examples/nginx.statsd.conf: what it sent is in Redis under the
# keys of kairos, and is what /series answers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use IO::Socket::INET;
use JSON::PP;
use Test::More;
use Torus::Model;
use Torus::Nginx;
use Torus::Redis;
use Torus::Tee;
use Torus::Util qw( root temp_dir free_port wait_for spawn stop slurp spew );

my $version = '0.9.0';
my $home = root() . '/build/interop';
my $statsd = "$home/node_modules/statsd";

install();

my $redis = Torus::Redis->start;

run_statsd('legacy namespace', 'true');
run_statsd('new namespace', 'false');

done_testing();


sub install {
    return if -f "$statsd/stats.js"
              && slurp("$statsd/package.json") =~ /"version":\s*"$version"/;

    system('mkdir', '-p', $home) == 0 or die;
    my $log = "$home/npm.log";
    system("cd '$home' && npm install --prefix . --no-audit --no-fund "
           . "--omit=optional --no-save statsd\@$version > npm.log 2>&1");
    -f "$statsd/stats.js" or die "npm install statsd:\n", slurp($log);
}

# The example as it is, but for its ports, its Redis, and a flush of 1 s
# where it has 10.
sub start_nginx {
    my $nginx = Torus::Nginx->new;
    my $conf = slurp(root() . '/conf.examples/nginx.statsd.conf');
    my $schema = slurp(root() . '/conf.examples/schema.statsd.json');
    my $host = '127.0.0.1:' . $redis->port . '/0';

    $schema =~ s/localhost:6379\/0/$host/g;
    my $n = $schema =~ s/"resolution": 10,/"resolution": 1,/g;
    is($n, 2, 'the resolutions of 10 s in the example');
    $nginx->file('schema.statsd.json', $schema);

    my ($karbon, $http) = ($nginx->karbon_port, $nginx->port);
    my $dir = $nginx->dir;
    my $temp = join ' ', map { "${_}_temp_path $dir/${_}_temp;" }
               qw( client_body proxy fastcgi scgi uwsgi );

    $conf =~ s/^load_module.*\n//mg;
    $conf =~ s/^events \{ \}\n//m;
    $conf =~ s/:2003;/:$karbon;/;
    $conf =~ s/:8080;/:$http;/;
    $conf =~ s/^http \{/http { access_log off; $temp/m;

    $nginx->conf($conf);
    $nginx->start;

    return $nginx;
}

sub run_statsd {
    my ($what, $legacy) = @_;

    $redis->cmd('FLUSHALL');

    my $nginx = start_nginx();
    my $tee = Torus::Tee->start($nginx->karbon_port);
    my ($udp, $mgmt) = (free_port(), free_port());
    my $conf = temp_dir() . "/statsd.$legacy.js";
    my $log = temp_dir() . "/statsd.$legacy.log";

    spew($conf, <<END);
{
    graphiteHost: "127.0.0.1",
    graphitePort: @{[ $tee->port ]},
    port: $udp,
    address: "127.0.0.1",
    mgmt_address: "127.0.0.1",
    mgmt_port: $mgmt,
    flushInterval: 1000,
    percentThreshold: [ 90 ],
    histogram: [ { metric: "", bins: [ 10, 50, "inf" ] } ],
    deleteIdleStats: false,
    graphite: { legacyNamespace: $legacy },
    backends: [ "./backends/graphite" ]
}
END

    my $pid = spawn($log, {}, 'node', "$statsd/stats.js", $conf);

    ok(wait_for(sub { port_open($mgmt) }, 20), "$what: StatsD is up")
        or diag(slurp($log));

    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', Proto => 'udp',
                                  PeerPort => $udp) or die;
    my $until = time + 4;
    my $sent = 0;

    while (time < $until) {
        $s->send("shop.orders:1|c\nshop.bytes:$sent|c\nshop.sampled:1|c|\@0.5");
        $s->send('web.rt:' . ($sent * 7 % 90) . '|ms');
        $s->send("queue.len:$sent|g");
        $s->send('users.seen:u' . $sent % 5 . '|s');
        $sent++;
        select undef, undef, undef, 0.05;
    }

    # the counters of the last second have been flushed too
    my $total = sub {
        my $name = $legacy eq 'true' ? 'stats_counts.shop.orders'
                                     : 'stats.counters.shop.orders.count';
        my $sum = 0;
        /^\Q$name\E (\S+)/ and $sum += $1 for $tee->lines;
        return $sum;
    };
    ok(wait_for(sub { $total->() >= $sent }, 10), "$what: StatsD has sent")
        or diag($total->(), " of $sent\n", slurp($log));
    is($total->(), $sent, "$what: $sent orders went in and came out");

    my $before = $redis->changes;
    stop($pid, 'TERM');
    $redis->quiet($before - 1, 5);

    my @lines = $tee->lines;
    compare($what, $nginx, @lines);
    render($what, $nginx, $legacy eq 'true' ? 'stats_counts.shop.orders'
                          : 'stats.counters.shop.orders.count', $sent);

    $tee->stop;
    ok($nginx->stop, "$what: nginx leaves on QUIT");
    unlike($nginx->log_text, qr/\[(?:warn|error|crit|alert|emerg)\]/,
           "$what: nothing in the log");
}

sub port_open {
    my ($port) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                 PeerPort => $port);
}

# The name and the prefix of a schema in the example.
sub example {
    my ($name) = @_;
    my $text = slurp(root() . '/conf.examples/schema.statsd.json');

    $text =~ s/^\s*#.*$//mg;
    my $schema = JSON::PP->new->decode($text)->{TIMESERIES}{$name};

    return (schema => $name, prefix => $schema->{prefix});
}

# Each range from its own interval, and all that was sent in each of them.
sub render {
    my ($what, $nginx, $name, $sent) = @_;
    my %step = ('-30min' => 1, '-6h' => 1, '-3d' => 60, '-60d' => 3600,
                '-2y' => 86400);

    for my $from (sort keys %step) {
        my ($status, $body) = $nginx->get("/torus/render?target=$name"
                                          . "&from=$from&until=%2B1d");
        my $answer = eval { JSON::PP->new->decode($body) };
        my @points = ref $answer eq 'ARRAY' && @$answer == 1
                     ? @{$answer->[0]{datapoints}} : ();
        my $sum = 0;

        $sum += $_->[0] // 0 for @points;

        is($sum, $sent, "$what: /render from $from has all of $name")
            or diag("$status ", substr $body, 0, 300);
        is(@points > 1 ? $points[1][1] - $points[0][1] : 0, $step{$from},
           "$what: by the step of that range");
    }
}

# By the names that StatsD's own documentation gives.
sub is_count {
    my ($stat) = @_;

    return 1 if $stat =~ /^stats_counts\./;
    return 1 if $stat =~ /^stats\.counters\..+\.count$/;
    return 1 if $stat =~ /^stats\.timers\..+\.histogram\.bin_[^.]+$/;
    return $stat =~ /^stats\.timers\..+
                     \.(?:count|sum|sum_squares)(?:_(?:top)?\d+)?$/x;
}

sub compare {
    my ($what, $nginx, @lines) = @_;
    my $counts = Torus::Model->new(
        type => 'count', example('statsd_counts'), match => \&is_count,
        intervals => { flush => [ 1800, 1 ], minute => [ 3600, 60 ],
                       hour => [ 'daily', 3600 ],
                       day => [ 'monthly', 'daily' ] });
    my $levels = Torus::Model->new(
        type => 'gauge', example('statsd_levels'),
        match => sub { !is_count(@_) },
        intervals => { flush => [ 1800, 1 ] });
    my $history = Torus::Model->new(
        type => 'histogram', example('statsd_levels_history'),
        match => sub { !is_count(@_) },
        write => sub { sprintf '%.4g', @_ },
        intervals => { minute => [ 1800, 60 ], hour => 3600 });

    my $used = 0;
    for my $line (@lines) {
        $counts->line($line);
        $used++ if $levels->line($line);
        $history->line($line);
    }

    cmp_ok(scalar @lines, '>', 60, "$what: " . @lines . ' lines were sent');
    cmp_ok($used, '>', 30, "$what: levels and rates are among them");

    for my $want (qw( shop.orders users.seen web.rt queue.len )) {
        ok((grep { /\Q$want\E/ } @lines), "$what: $want is among them");
    }

    $_->compare($redis, $nginx, '/torus') for $counts, $levels, $history;

    # nothing beside: every key is that of a line
    my %expected = map { $_ => 1 }
                   map { $_->keys_of } $counts, $levels, $history;
    my @others = grep { !$expected{$_} } keys %{$redis->dump};

    is_deeply(\@others, [], "$what: no other keys in Redis");
}
