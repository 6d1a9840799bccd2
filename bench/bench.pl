#!/usr/bin/perl

# The runs behind run.sh: a private Redis and nginx per row, our writer and
# the two replayed streams in turn, medians of the rounds, a table and JSON.
#
#   bench.pl RESULTS.json

use strict;
use warnings;

use File::Temp;
use IO::Socket::INET;
use JSON::PP;
use List::Util qw(sum min max);
use POSIX qw(:sys_wait_h floor);
use Time::HiRes qw(time sleep);

my $json = shift or die "usage: bench.pl RESULTS.json\n";

my $bin    = $ENV{BENCH_BIN}   or die "run it by run.sh\n";
my $build  = $ENV{BENCH_BUILD};
my $nginx  = $ENV{NGINX_BIN} || 'nginx';
my $rounds = $ENV{BENCH_ROUNDS} || 3;
my $only   = $ENV{BENCH_ROWS} // '';
my $full   = $ENV{BENCH_FULL};

# rows of a million stats are run again while there is time for it, and once
my $enough = $ENV{BENCH_ENOUGH} || 100;

my $dir = File::Temp->newdir('torus-bench-XXXXXX', TMPDIR => 1);

# nginx's worker is another user
chmod 0755, $dir;

my %children;
my $began = time;

# the hour that points are of has ended: no bucket begins during a run
my $end = 3600 * floor(time / 3600) - 60;

my @intervals = (
    'minute:60:1440',
    'quarter:900:960',
    'hour:3600:720:60',
);

my @columns = (
    [ torus          => 'torus',       '%9.0f' ],
    [ original       => 'original',    '%9.0f' ],
    [ minimal        => 'minimal',     '%9.0f' ],
    [ over_original  => '/orig.',      '%6.2f' ],
    [ over_minimal   => '/min.',       '%6.2f' ],
    [ core           => 'no Redis',    '%9.0f' ],
    [ cpu_nginx      => 'nginx s/M',   '%9.2f' ],
    [ cpu_redis      => 'redis s/M',   '%9.2f' ],
    [ cpu_original   => 'orig. s/M',   '%9.2f' ],
    [ cpu_minimal    => 'min. s/M',    '%8.2f' ],
    [ rss            => 'RSS MiB',     '%7.1f' ],
    [ commands       => 'cmd/point',   '%9.2f' ],
    [ exec_p50       => 'EXEC us',     '%7.0f' ],
    [ exec_p99       => 'p99 us',      '%6.0f' ],
);

my @rows = rows();
my (@results, @notes);

eval {
    local $SIG{INT} = local $SIG{TERM} = sub { die "stopped\n" };

    header();

    for my $row (@rows) {
        my $result = bench_row($row);
        push @results, $result;
        print_row($result);
    }

    extras();
    1;
} or do {
    my $error = $@;
    stop($_) for keys %children;
    die $error;
};

stop($_) for keys %children;
write_json();

exit 0;


# What is measured: all of the matrix, or a part of it that shows each
# dimension.
sub rows {
    my @all;

    for my $stats (20_000, 1_000_000) {
        for my $n (1, 3) {
            for my $decimal (0, 1) {
                for my $type (qw(count histogram gauge series)) {
                    push @all, row($type, $n, $decimal, $stats);
                }
            }
        }
    }

    my @rollup = ({
        %{ row('count', 1, 0, 20_000) }, rollup => 1, name => 'rollup',
    });

    if (!$full) {
        @all = (
            (map { row($_, 1, 0, 20_000) } qw(count histogram gauge series)),
            row('count', 1, 1, 20_000),
            row('count', 3, 0, 20_000),
            row('series', 3, 1, 20_000),
            @rollup,
            (map { row($_, 1, 0, 1_000_000) }
                 qw(count histogram gauge series)),
            {
                %{ row('count', 1, 0, 1_000_000) }, known => 0,
                name => 'count, 1 interval, integer, 1 M new names',
            },
        );
        @rollup = ();
    }

    return grep { $_->{name} =~ /$only/ } @all, @rollup;
}


sub row {
    my ($type, $n, $decimal, $stats) = @_;

    my $name = sprintf '%s, %d interval%s, %s, %s', $type, $n,
                       $n == 1 ? '' : 's', $decimal ? 'decimal' : 'integer',
                       $stats == 1_000_000 ? '1 M' : '20 k';

    # a million names come once before the clock starts, as it is most of
    # the time
    my $known = $stats == 1_000_000;

    return {
        name => $name, type => $type, intervals => $n, decimal => $decimal,
        stats => $stats, points => $known ? $stats : 400_000,
        known => $known, rollup => 0,
    };
}


sub bench_row {
    my ($row) = @_;

    my %got;
    my $file = lines($row);

    my $n = 0;

    while ($n < $rounds) {
        last if $n && !$full && $row->{stats} == 1_000_000
                && time - $began > $enough;

        $n++;
        push @{ $got{torus} }, torus($row, $file, \%got);
        push @{ $got{$_} }, replayed($row, $file, $_, \%got)
            for qw(original minimal);
    }

    my $result = { name => $row->{name}, points => $row->{points},
                   stats => $row->{stats}, type => $row->{type},
                   intervals => $row->{intervals}, rounds => $n };

    $result->{$_} = median(@{ $got{$_} }) for keys %got;

    $result->{over_original} = $result->{torus} / $result->{original};
    $result->{over_minimal} = $result->{torus} / $result->{minimal};
    $result->{core} = core($row) if !$row->{rollup} && !$row->{decimal};

    unlink $file, "$file.before";

    return $result;
}


# The points of a minute are 10 s apart; the last line is what feed waits for.
# Names that have to be known come a minute earlier, in a file of their own.
sub lines {
    my ($row, $client) = @_;

    my $file = "$dir/lines" . ($client // '');
    my $turns = $row->{points} / $row->{stats};

    lines_file($row, "$file.before", $client, $end - 60) if $row->{known};
    lines_file($row, $file, $client,
               map { $end - 10 * ($turns - $_) } 1 .. $turns);

    return $file;
}


sub lines_file {
    my ($row, $file, $client, @times) = @_;

    my $n = 0;

    open my $out, '>', $file or die "$file: $!\n";

    for my $ts (@times) {

        for my $stat (0 .. $row->{stats} - 1) {
            my $value = $row->{decimal}
                ? sprintf('%d.%02d', 10 + $n % 9, 1 + 10 * ($n % 9))
                : 10 + $n % 90;

            print $out stat_name($stat), " $value $ts\n";
            $n++;
        }
    }

    print $out 'bench.end', $client // '', " 1 $times[-1]\n";
    close $out or die "$file: $!\n";
}


sub stat_name {
    my ($stat) = @_;

    return sprintf 'servers.host%04d.app%d.requests.by_%07d', $stat % 997,
                   $stat % 9, $stat;
}


sub end_key {
    my ($client, $ts) = @_;

    return sprintf 'bench:bench.end%s:minute:%d', $client // '',
                   floor(($ts // $end) / 60);
}


# Points per second of our own; what it took is pushed to $got.
sub torus {
    my ($row, $file, $got) = @_;

    my $redis = redis();
    my $server = torus_nginx($row, $redis->{port});
    my $worker = worker($server->{pid});

    if ($row->{known}) {
        run("$bin/feed", "$file.before", $server->{port}, 'redis',
            $redis->{port}, end_key(undef, $end - 60));
        settle($redis);
        ask($redis, 'CONFIG', 'RESETSTAT');
    }

    my @before = (cpu($worker), cpu($redis->{pid}));

    my $took = run("$bin/feed", $file, $server->{port}, 'redis',
                   $redis->{port}, end_key());

    my $million = $row->{points} / 1e6;

    # what is put off while points come is part of what they cost
    settle($redis) if $row->{type} eq 'histogram'
                      || $row->{stats} == 1_000_000;

    push @{ $got->{cpu_nginx} }, (cpu($worker) - $before[0]) / $million;
    push @{ $got->{cpu_redis} }, (cpu($redis->{pid}) - $before[1]) / $million;
    push @{ $got->{rss} }, rss($worker) / 1024;

    verify($row, $redis);

    my $info = ask($redis, 'INFO', 'everything');
    my $commands = 0;

    while ($info =~ /^cmdstat_(\w+):calls=(\d+)/mg) {
        my ($name, $calls) = ($1, $2);
        $commands += $calls
            if $name =~ /^(incr|hincr|rpush|sadd|zadd|set$|expireat)/;
    }

    push @{ $got->{commands} }, $commands / $row->{points};
    push @{ $got->{"exec_p$_"} },
         $info =~ /^latency_percentiles_usec_exec:.*\bp$_=([\d.]+)/m ? $1 : 0
        for 50, 99;

    stop($server->{pid});
    stop($redis->{pid});

    return $row->{points} / $took;
}


# Waits until no expiry and no name has come for longer than one is put off.
sub settle {
    my ($redis) = @_;

    my ($before, $since) = ('', time);

    while (time - $since < 1.5) {
        my $info = ask($redis, 'INFO', 'commandstats');
        my $now = join ' ', $info =~ /^cmdstat_(?:expireat|zadd):calls=(\d+)/mg;

        ($before, $since) = ($now, time) if $now ne $before;
        sleep 0.1;
    }
}


# Every point is there, once: by the sum of counts, or the number of values.
sub verify {
    my ($row, $redis, $times) = @_;

    return if $row->{type} eq 'gauge';

    $times //= 1;

    my $sum = ask($redis, 'EVAL', <<'LUA', 0, $row->{type});
local sum, cursor = 0, '0'
repeat
    local found = redis.call('SCAN', cursor, 'MATCH',
                             'bench:servers.*:minute:*', 'COUNT', 10000)
    cursor = found[1]
    for _, key in ipairs(found[2]) do
        if ARGV[1] == 'count' then
            sum = sum + tonumber(redis.call('GET', key))
        elseif ARGV[1] == 'series' then
            sum = sum + redis.call('LLEN', key)
        else
            for i, n in ipairs(redis.call('HVALS', key)) do
                sum = sum + n
            end
        end
    end
until cursor == '0'
return string.format('%.2f', sum)
LUA

    my $expected = $row->{points} * ($row->{known} ? 2 : 1);

    if ($row->{type} eq 'count') {
        my ($period, @values) = $row->{decimal}
            ? (9, map { 10 + $_ + (1 + 10 * $_) / 100 } 0 .. 8)
            : (90, 10 .. 99);

        my $rest = $row->{points} % $period;
        $expected /= $row->{points};
        $expected *= floor($row->{points} / $period) * sum(@values)
                     + sum(0, @values[0 .. $rest - 1]);
    }

    $expected *= $times;

    die "$row->{name}: the store holds $sum and not $expected\n"
        if abs($sum - $expected) > 0.01;
}


sub replayed {
    my ($row, $file, $what, $got) = @_;

    my $redis = redis();
    my $replay = sub {
        return run("$bin/replay", $what, $row->{type},
                   join(',', @intervals[0 .. $row->{intervals} - 1]), @_,
                   $redis->{port}, $row->{rollup} ? 'rollup' : ());
    };

    $replay->("$file.before") if $row->{known};

    my $before = cpu($redis->{pid});
    my ($took) = split ' ', $replay->($file);

    push @{ $got->{"cpu_$what"} },
         (cpu($redis->{pid}) - $before) / ($row->{points} / 1e6);

    stop($redis->{pid});

    return $row->{points} / $took;
}


sub core {
    my ($row) = @_;

    my $out = run("$bin/bench_core", 'core', $row->{points},
                  $row->{stats}, $row->{intervals}, $row->{type});

    return $out =~ /core (\d+)/ ? $1 : undef;
}


# Rows that are not of the matrix: the loop by hand, a lone point, and
# VictoriaMetrics.
sub extras {
    return if $only ne '';

    my $out = run("$bin/bench_core", 'both', 400_000, 20_000, 1, 'count');

    if ($out =~ /core (\d+).*loop (\d+).*ratio ([\d.]+)/s) {
        note('parse + route, count', core => $1, loop => $2, ratio => $3);
    }

    lone();
    workers(2, 4);
    queries();
    victoria();
}


# Several clients and workers on the same stats; nothing may get lost.
sub workers {
    my ($workers, $clients) = @_;

    my $row = { %{ row('count', 1, 0, 20_000) } };
    my @files = map { lines($row, $_) } 1 .. $clients;

    my $redis = redis();
    my $server = torus_nginx($row, $redis->{port}, workers => $workers);

    worker($server->{pid});

    my $start = time;
    my @feeds = map {
        start('feed', "$bin/feed", $files[$_ - 1], $server->{port}, 'redis',
              $redis->{port}, end_key($_))
    } 1 .. $clients;

    for my $pid (@feeds) {
        waitpid $pid, 0;
        delete $children{$pid};
        die "a client failed\n" if $?;
    }

    my $took = time - $start;

    verify($row, $redis, $clients);
    note("$workers workers, $clients clients, the same stats",
         torus => int($clients * $row->{points} / $took));

    stop($server->{pid});
    stop($redis->{pid});
    unlink @files;
}


# A series of an hour by the minute, asked for one after another, while
# nothing else happens and while the writer is saturated.
sub queries {
    my $row = { %{ row('count', 1, 0, 20_000) }, points => 2_000_000 };
    my $file = lines($row);

    my $redis = redis();
    my $server = torus_nginx($row, $redis->{port}, http => 1);

    worker($server->{pid});

    my $feed = start('feed', "$bin/feed", $file, $server->{port}, 'redis',
                     $redis->{port}, end_key());
    my @busy;

    while (waitpid($feed, WNOHANG) == 0) {
        push @busy, query($server->{http}, scalar @busy);
    }

    delete $children{$feed};

    my @idle = map { query($server->{http}, $_) } 1 .. 500;

    note('a query, ms, idle', percentiles(@idle));
    note('a query, ms, writer saturated', percentiles(@busy));

    stop($server->{pid});
    stop($redis->{pid});
    unlink $file;
}


sub query {
    my ($port, $n) = @_;

    my $stat = stat_name($n * 37 % 20_000);
    my $start = time;

    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $port)
        or die "http: $!\n";

    print $s "GET /series?stat=$stat&start=", $end - 3540, "&end=$end ",
             "HTTP/1.0\r\n\r\n";

    my $answer = do { local $/; <$s> };

    die "http: $answer\n" if $answer !~ /^HTTP.* 200 .*datapoints/s;

    return 1000 * (time - $start);
}


sub percentiles {
    my @sorted = sort { $a <=> $b } @_;

    return (p50 => sprintf('%.2f', $sorted[@sorted / 2]),
            p99 => sprintf('%.2f', $sorted[@sorted * 0.99]),
            n => scalar @sorted);
}


sub lone {
    my $redis = redis();
    my $server = torus_nginx(row('series', 1, 0, 20_000), $redis->{port});

    my $key = sprintf 'bench:servers.lone:minute:%d', floor($end / 60);

    my ($p50, $p99) = split ' ', run("$bin/feed", 'lone', $server->{port},
        "servers.lone 1 $end", $redis->{port}, $key, 500);

    note('a lone point, us', p50 => $p50, p99 => $p99);

    stop($server->{pid});
    stop($redis->{pid});
}


sub victoria {
    if (!$ENV{VICTORIA_METRICS}) {
        push @notes, { name => 'VictoriaMetrics', skipped => 'not installed' };
        print "VictoriaMetrics: not installed, left out\n";
        return;
    }

    my (@theirs, %got);
    my $row = row('count', 1, 0, 20_000);
    my $file = lines($row);

    for my $round (1 .. $rounds) {
        push @{ $got{torus} }, torus($row, $file, \%got);
        push @theirs, $row->{points} / victoria_once($row, $file);
    }

    note('VictoriaMetrics, the same file', torus => median(@{ $got{torus} }),
         victoria => median(@theirs),
         ratio => median(@{ $got{torus} }) / median(@theirs));
}


sub victoria_once {
    my ($row, $file) = @_;

    my ($port, $http) = (free_port(), free_port());

    my $pid = start('victoria', $ENV{VICTORIA_METRICS},
        "-storageDataPath=$dir/vm-$port", "-retentionPeriod=100y",
        "-httpListenAddr=127.0.0.1:$http",
        "-graphiteListenAddr=127.0.0.1:$port");

    await($port);
    await($http);

    my $took = run("$bin/feed", $file, $port, 'vm', $http,
                   $row->{points} + 1);

    stop($pid);

    return $took;
}


sub redis {
    my $port = free_port();

    my $pid = start('redis', 'redis-server', '--port', $port, '--bind',
        '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', "$dir",
        '--loglevel', 'warning');

    await($port);

    return { pid => $pid, port => $port };
}


# One worker, as it comes, but for the room that a million names need.
sub torus_nginx {
    my ($row, $redis_port, %more) = @_;

    my $port = free_port();
    my $workers = $more{workers} || 1;
    my $http = free_port();
    my $load = join '', map { "load_module $_;\n" }
               grep { $_ } $ENV{STREAM_MODULE},
               "$build/ngx_karbon_stream_module.so",
               "$build/ngx_torus_module.so";

    my $queries = $more{http} ? <<"CONF" : '';
http {
    access_log off;
    client_body_temp_path $dir/body;
    proxy_temp_path $dir/proxy;
    fastcgi_temp_path $dir/fastcgi;
    uwsgi_temp_path $dir/uwsgi;
    scgi_temp_path $dir/scgi;
    torus_schema $dir/schema.json;
    server {
        listen 127.0.0.1:$http;
        location / {
            torus_query on;
        }
    }
}
CONF

    my @iv = map {
        my ($name, $step, $steps, $resolution) = split /:/;
        sprintf '"%s": {"step": %d, "steps": %d%s}', $name, $step, $steps,
                $resolution ? qq(, "resolution": $resolution) : '';
    } @intervals[0 .. $row->{intervals} - 1];

    my $rules = $row->{rollup} ? <<'JSON' : '';
, "AGGREGATES": [
    ["rollup.host.<h>.requests", "servers.<h>.*.requests.*"],
    ["rollup.app.<a>.requests", "servers.*.<a>.requests.*"],
    ["rollup.all.requests", "servers.*.*.requests.*"]
]
JSON

    put("$dir/schema.json", <<"JSON");
{ "TIMESERIES": { "bench": {
    "type": "$row->{type}",
    "host": "127.0.0.1:$redis_port",
    "match": ["servers.**", "rollup.**", "bench.end*"],
    "prefix": "bench",
    "intervals": { @{[ join ', ', @iv ]} }
} }$rules }
JSON

    put("$dir/nginx.conf", <<"CONF");
$load
daemon off;
worker_processes $workers;
pid $dir/nginx.pid;
error_log $dir/error.log notice;
events { }
stream {
    karbon_schema $dir/schema.json;
    karbon_route_cache 512m;
    server {
        listen 127.0.0.1:$port@{[ $workers > 1 ? ' reuseport' : '' ]};
        karbon on;
    }
}
$queries
CONF

    my $pid = start('nginx', $nginx, '-p', "$dir/", '-c', "$dir/nginx.conf",
                    '-e', "$dir/error.log");
    await($port);

    return { pid => $pid, port => $port, http => $http };
}


sub put {
    my ($file, $text) = @_;

    open my $out, '>', $file or die "$file: $!\n";
    print $out $text;
    close $out or die "$file: $!\n";
}


sub start {
    my ($name, @command) = @_;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$dir/$name.log";
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }

    $children{$pid} = $name;

    return $pid;
}


sub stop {
    my ($pid) = @_;

    return if !delete $children{$pid};

    kill 'TERM', $pid;

    for (1 .. 400) {
        return if waitpid($pid, WNOHANG) != 0;
        sleep 0.01;
    }

    kill 'KILL', $pid;
    waitpid $pid, 0;
}


sub run {
    my (@command) = @_;

    open my $pipe, '-|', @command or die "$command[0]: $!\n";
    my $out = do { local $/; <$pipe> };
    close $pipe or die "$command[0] failed\n";

    chomp $out;

    return $out;
}


sub free_port {
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
        or die "no free port: $!\n";

    return $s->sockport;
}


sub await {
    my ($port) = @_;

    for (1 .. 500) {
        return if IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                        PeerPort => $port, Timeout => 1);
        sleep 0.02;
    }

    system "tail -n 5 $dir/*.log >&2";
    die "nothing listens on port $port\n";
}


# One reply of Redis: a line, or a bulk string.
sub ask {
    my ($redis, @args) = @_;

    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $redis->{port})
        or die "redis: $!\n";

    print $s '*' . @args . "\r\n",
             map { '$' . length($_) . "\r\n$_\r\n" } @args;

    my $line = <$s>;
    $line =~ s/\r\n$//;

    die "redis: $line\n" if $line =~ /^-/;

    return substr $line, 1 if $line !~ /^\$(\d+)/;

    my $text = '';
    read $s, $text, $1;

    return $text;
}


# The worker of a master.
sub worker {
    my ($master) = @_;

    for (1 .. 100) {
        for my $stat (glob '/proc/[0-9]*/stat') {
            open my $in, '<', $stat or next;
            my $line = <$in> // next;

            return $1 if $line =~ /^(\d+) \(nginx\) \S+ $master /;
        }

        sleep 0.02;
    }

    die "nginx has no worker\n";
}


# Seconds that a process has run, all threads.
sub cpu {
    my ($pid) = @_;

    my $ns = 0;

    for my $file (glob "/proc/$pid/task/*/schedstat") {
        open my $in, '<', $file or next;
        $ns += (split ' ', <$in> // '0')[0];
    }

    return $ns / 1e9;
}


# KiB, the most there was.
sub rss {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/status" or return 0;

    while (<$in>) {
        return $1 if /^VmHWM:\s+(\d+)/;
    }

    return 0;
}


sub median {
    my @sorted = sort { $a <=> $b } @_;

    return @sorted % 2 ? $sorted[$#sorted / 2]
                       : ($sorted[@sorted / 2 - 1] + $sorted[@sorted / 2]) / 2;
}


sub header {
    printf "points/s, medians of %d alternating runs\n\n", $rounds;
    printf '%-32s', '';
    printf ' %' . (sprintf($_->[2], 0) =~ tr/ 0-9.//) . 's', $_->[1]
        for @columns;
    print "\n";
}


sub print_row {
    my ($result) = @_;

    local $| = 1;

    printf '%-32s', $result->{name};

    for my $column (@columns) {
        my ($key, $title, $format) = @$column;
        my $value = $result->{$key};
        my $text = defined $value ? sprintf($format, $value) : '-';

        printf ' %' . length(sprintf $format, 0) . 's', $text;
    }

    print "\n";
}


sub note {
    my ($name, %values) = @_;

    push @notes, { name => $name, map { $_ => 0 + $values{$_} } keys %values };

    print "$name: ",
          join(', ', map { sprintf '%s %.6g', $_, $values{$_} }
                     sort keys %values), "\n";
}


sub write_json {
    open my $in, '<', '/proc/cpuinfo';
    my ($cpu) = map { /^model name\s*:\s*(.*)/ ? $1 : () } <$in>;

    my %all = (
        rows => \@results, notes => \@notes, rounds => $rounds,
        cpu => $cpu, cpus => scalar(() = glob '/sys/devices/system/cpu/cpu?'),
        seconds => int(time - $began),
    );

    put($json, JSON::PP->new->pretty->canonical->encode(\%all));
    printf "%d s, written to %s\n", $all{seconds}, $json;
}
