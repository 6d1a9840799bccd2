#!/usr/bin/perl

# /render of 1, 100 and 10,000 series, each an hour of minutes, by nginx with
# one worker over Redis, from a key for each minute and from packed hours, and
# by Debian's graphite-web over whisper files of the same points, in turns in
# one run: the median time of an answer, the CPU time of worker and Redis for
# it, and how many times longer graphite-web takes.  The values have three
# decimal places, or with "full" they are doubles in full precision, which take
# the longest to read and to print.
#
#   render.pl [ROUNDS] [full]
#
# graphite-web runs in one process of its own, without caches; its files have
# just been written, so that all of them are in memory.  Both are asked by a
# client in C, on a new connection each time: one in Perl would take longer
# than the answer to a single series.  Then how long others wait for the worker
# while it answers for 10,000 series, and how much of that it runs: the rest is
# the machine's, which has a client, a worker and Redis at work at once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../t/lib";

use JSON::PP;
use POSIX ();
use Time::HiRes qw( time sleep );
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( root temp_dir wait_for free_port slurp spew );

chdir root() or die;

my $rounds = shift // 5;
my $divisor = @ARGV && $ARGV[0] eq 'full' ? 1000.7 : 1000;
my $python = '/usr/bin/python3';
my $now = int(time / 60) * 60;
my $start = $now - 3540;

my $redis = Torus::Redis->start;
my $nginx = Torus::Nginx->new(level => 'warn');
my ($karbon, $http) = ($nginx->karbon_port, $nginx->port);
my $host = '127.0.0.1:' . $redis->port . '/0';

$nginx->file('schema.json', encode_json({ TIMESERIES => [
    { name => 'keys', type => 'gauge', host => $host, match => '**',
      intervals => { m => { step => 60, steps => 120 } } },
    { name => 'packed', type => 'gauge', host => $host, match => '**',
      prefix => 'p',
      intervals => { h => { step => 3600, steps => 2, resolution => 60,
                            layout => 'packed' } } }
] }));
$nginx->conf(<<END . $nginx->http_block(<<END2));
worker_processes 1;
stream {
    karbon_schema schema.json;
    server { listen 127.0.0.1:$karbon; karbon on; }
}
END
    torus_schema schema.json;
    keepalive_requests 1000000;
    server {
        listen 127.0.0.1:$http;
        location / { torus_query on; }
    }
END2
$nginx->start;

my $dir = temp_dir() . '/graphite';
my $client = temp_dir() . '/bench_query';
mkdir $_ for $dir, "$dir/whisper";

system($ENV{CC} // 'cc', qw( -std=gnu11 -O2 -Wall -Wextra -o ), $client,
       qw( bench/bench_query.c -lhiredis )) == 0 or die "no client: $?\n";

spew("$dir/write.py", <<'END');
import os, sys, whisper
d, start = sys.argv[1], int(sys.argv[2])
out = open(sys.argv[3], 'w')
divisor = float(sys.argv[4])
n = 0
for g in range(100):
    os.makedirs('%s/bench/g%02d' % (d, g))
    for s in range(100):
        n += 1
        p = [(start + 60 * i, (n * 7919 + i * 104729) % 1000003 / divisor)
             for i in range(60)]
        f = '%s/bench/g%02d/s%02d.wsp' % (d, g, s)
        whisper.create(f, [(60, 120)])
        whisper.update_many(f, p)
        out.write(''.join('bench.g%02d.s%02d %r %d\n' % (g, s, v, t)
                          for t, v in p))
END
system($python, "$dir/write.py", "$dir/whisper", $start, "$dir/lines",
       $divisor) == 0
    or die "whisper files: $?\n";

Torus::Nginx::carbon($karbon, slurp("$dir/lines"));

# batches are applied in their order, and the last point is the last command
wait_for(sub { $redis->cmd('HEXISTS', 'p:bench.g99.s99:h:' . int($now / 3600),
                           $now / 60 % 60) }, 300)
    or die "not all is stored\n";

my $port = free_port();
my $pid = fork // die "fork: $!\n";

if ($pid == 0) {
    open STDOUT, '>', "$dir/stdout";
    open STDERR, '>', "$dir/stderr";
    exec $python, 't/interop/graphite_web.py', $dir, $port, '-',
         "$dir/whisper" or POSIX::_exit(127);
}

my $owner = $$;

END {
    if ($pid && $$ == $owner) {
        local $?;
        kill KILL => $pid;
        waitpid $pid, 0;
    }
}

wait_for(sub { slurp("$dir/stdout") =~ /ready/ }, 30)
    or die slurp("$dir/stderr");

my @rows = ([ 1, 'bench.g00.s00' ], [ 100, 'bench.g00.*' ],
            [ 10000, 'bench.*.*' ]);
my %json;
my @ours = qw( keys packed );

printf "%8s | %10s %8s %6s | %10s %8s %6s | %12s\n", 'series',
    'keys ms', 'cpu ms', 'times', 'packed ms', 'cpu ms', 'times',
    'graphite ms';

for my $row (@rows) {
    my ($n, $target) = @$row;
    my $range = '&format=json&from=' . ($start - 60) . '&until=' . $now;
    my (%times, %cpu, %body, @theirs, $y);

    # one after the other, in a few turns: in the first tens of milliseconds
    # of a turn answers take longer, as if the machine had to get going
    my $times = $n > 1000 ? 1 : 50;

    for (1 .. $rounds) {
        for my $schema (@ours) {
            my $cpu = cpu();

            push @{ $times{$schema} },
                fetched($http, $times,
                        "/render?target=schema($target,%22$schema%22)$range",
                        \$body{$schema});
            $cpu{$schema} += (cpu() - $cpu) / $times / $rounds;
        }

        push @theirs, fetched($port, $times, "/render?target=$target$range", \$y);
    }

    same($n, $body{$_}, $y) for @ours;

    my $b = median(@theirs);

    printf "%8d", $n;

    for my $schema (@ours) {
        my $a = median(@{ $times{$schema} });

        printf " | %10.2f %8.1f %6.1f", $a * 1e3, $cpu{$schema} * 1e3,
            $b / $a;
        $json{$n}{$schema} = { ms => $a * 1e3, cpu_ms => $cpu{$schema} * 1e3,
                               times => $b / $a };
    }

    printf " | %12.2f\n", $b * 1e3;
    $json{$n}{graphite_ms} = $b * 1e3;
}

# how long others wait, and how much of that the worker ran
for my $schema (@ours) {
    open my $fh, '-|', $client, 'waits', $http, ($nginx->workers)[0], $rounds,
        '/version', "/render?target=schema(bench.*.*,%22$schema%22)&from=-1h"
        or die;
    my ($median, $p99, $most, $ran99, $ran, $idle)
        = map { $_ / 1e3 } split ' ', <$fh>;
    close $fh or die "no answer to others\n";

    printf "others wait during %s: median %.2f ms, 99 of 100 %.1f ms, most "
         . "%.1f ms; of that the worker ran 99 of 100 %.1f ms, most %.1f ms, "
         . "and waited for a processor up to %.1f ms\n",
           $schema, $median, $p99, $most, $ran99, $ran, $idle;
    $json{wait_ms}{$schema} = { median => $median, p99 => $p99, most => $most,
                                ran_p99 => $ran99, ran_most => $ran,
                                no_processor => $idle };
}

print JSON::PP->new->canonical->encode(\%json), "\n" if $ENV{BENCH_JSON};

$nginx->stop;


# Seconds from connecting to the end of the answer, as often as asked.
sub fetched {
    my ($where, $times, $uri, $body) = @_;
    my $file = temp_dir() . '/answer';

    open my $fh, '-|', $client, 'fetch', $where, $times, $uri, $file or die;
    my @us = <$fh>;
    close $fh or die "$uri: no answer\n";

    $$body = slurp($file);

    return map { $_ / 1e6 } @us;
}

# Seconds of CPU that the worker and Redis have used, to 10 ms.
sub cpu {
    my $ticks = 0;

    for my $pid ($nginx->workers, $redis->pid) {
        my @stat = split ' ', slurp("/proc/$pid/stat") =~ s/.*\) //r;
        $ticks += $stat[11] + $stat[12];
    }

    return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

sub median {
    my @s = sort { $a <=> $b } @_;
    return $s[@s / 2];
}

# Both must have answered the same.
sub same {
    my ($n, $x, $y) = @_;
    my ($o, $t) = map { decode_json($_) } $x, $y;

    die "$n series: " . @$o . ' ours, ' . @$t . " theirs\n"
        if @$o != $n || @$t != $n;

    for my $i (0, $n - 1) {
        for my $k (0 .. 59) {
            my ($v, $w) = map { $_->[$i]{datapoints}[$k][0] } $o, $t;
            die "$o->[$i]{target}: $v ours, $w theirs\n"
                if $o->[$i]{target} ne $t->[$i]{target}
                   || abs($v - $w) > 1e-9 * abs $v;
        }
    }
}
