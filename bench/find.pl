# The measuring of find.sh: "data" feeds all names once without an index;
# "index" makes the index, measures, and feeds the names three times more.

use strict;
use warnings;
no warnings 'redundant';

use IO::Socket::INET;
use Time::HiRes qw( time sleep );

my ($names, $requests) = @ENV{qw( NAMES REQUESTS )};
my $webs = int($names / 1000);

sub cli {
    my $text = `redis-cli -p $ENV{REDIS} @_`;
    return $text;
}

sub used { return cli('INFO memory') =~ /^used_memory:(\d+)/m ? $1 : 0; }

sub worker {
    open my $f, '<', "$ENV{DIR}/nginx.pid" or die;
    my $master = <$f> + 0;
    my @pids = split ' ', `pgrep -P $master`;
    return $pids[-1];
}

sub cpu {
    open my $f, '<', '/proc/' . worker() . '/stat' or die;
    my @s = split ' ', (<$f> =~ s/^.*\) //r);
    return ($s[11] + $s[12]) / 100;
}

sub rss {
    my ($what) = @_;
    open my $f, '<', '/proc/' . worker() . '/status' or die;
    my ($kb) = join('', <$f>) =~ /^$what:\s+(\d+)/m;
    return $kb / 1024;
}

my $value = int(time) % 1000;

# All names once; seconds until Redis has them, and CPU of the worker.
sub feed {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $ENV{KARBON}) or die "$!";
    my ($start, $cpu, $now) = (time, cpu(), int(time));

    $value++;

    for my $w (0 .. $webs - 1) {
        my $text = '';
        for my $c (0 .. 9) {
            $text .= "shop.eu.web$w.cpu$c.m$_ $value $now\n" for 0 .. 99;
        }
        print $s $text or die "$!";
    }
    close $s;

    my $last = 'shop.eu.web' . ($webs - 1) . '.cpu9.m99:m:' . int($now / 60);
    sleep 0.02 until cli("GET $last") eq "$value\n";

    return (time - $start, cpu() - $cpu);
}

my $http;

# The body of an answer, chunked or not.
sub get {
    my ($method, $path, $location) = @_;
    my ($body, $length) = ('');

    $location //= 'torus';

    $http //= IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                    PeerPort => $ENV{PORT}) or die "$!";
    print $http "$method /$location/$path HTTP/1.1\r\nHost: x\r\n\r\n";

    while (my $line = <$http>) {
        $length = $1 if $line =~ /^Content-Length: (\d+)/i;
        $length = -1 if $line =~ /^Transfer-Encoding: chunked/i;
        last if $line eq "\r\n";
    }

    die "no answer to $path\n" unless defined $length;

    if ($length >= 0) {
        read $http, $body, $length;
        return $body;
    }

    while (1) {
        my $n = hex((<$http> // die "broken off\n") =~ s/\s+\z//r);
        read $http, my $piece, $n + 2;
        last unless $n;
        $body .= substr $piece, 0, $n;
    }

    return $body;
}

sub latency {
    my ($what, $path, $n, $hits) = @_;
    my @ms;

    for my $i (1 .. $n) {
        my $start = time;
        my $body = get(GET => sprintf $path, $i % $webs);
        push @ms, 1000 * (time - $start);
        my $found = () = $body =~ /"path"/g;
        die "$what: $found, not $hits\n" if $found != $hits;
    }

    @ms = sort { $a <=> $b } @ms;
    printf "%-34s %8.3f ms median %8.3f ms p99  %d found\n", $what,
           $ms[$#ms / 2], $ms[$#ms * 0.99], $hits;
}

if ($ARGV[0] eq 'data') {
    feed();
    printf "%-34s %8.1f s %8.2f us CPU per point\n", 'first points, no index',
           map { ($_->[0], $_->[1] * 1e6 / $names) } [ feed() ];
    exit;
}

my $before = used();
my $start = time;
get(POST => 'reindex');
printf "%-34s %8.1f s\n", 'POST /reindex', time - $start;
printf "%-34s %8.1f bytes per name, of %.0f with its data\n",
       'memory of the index', (used() - $before) / $names,
       used() / $names;

my $json = 'metrics/find?format=json&query=';

latency('a leaf', "${json}shop.eu.web%d.cpu5.m50", $requests, 1);
latency('"*" in the middle, 10 nodes', "${json}shop.eu.web%d.*.m50",
        $requests, 10);
latency("\"*\" in the middle, $webs nodes", "${json}shop.eu.*.cpu5.m50",
        $requests / 100, $webs);
latency("\"*\" twice, " . 10 * $webs . " nodes", "${json}shop.eu.*.*.m50",
        3, 10 * $webs);
latency('a level of 100 leaves', "${json}shop.eu.web%d.cpu5.*",
        $requests / 10, 100);
latency("a level of $webs branches", "${json}shop.eu.*", $requests / 20,
        $webs);

for my $how ([ '/metrics/index.json', 'torus' ],
             [ 'the same with torus_max_names', 'counted' ])
{
    my ($what, $location) = @$how;
    my $rss = rss('VmRSS');

    open my $clear, '>', '/proc/' . worker() . '/clear_refs';
    print $clear 5;
    close $clear;
    $start = time;
    my $body = get(GET => 'metrics/index.json', $location);
    my $n = () = $body =~ /"/g;
    die "not all names\n" if $n != 2 * $names;
    printf "%-34s %8.1f s, %.0f MB, worker %.1f MB before, %.1f MB at most\n",
           $what, time - $start, length($body) / 1e6, $rss, rss('VmHWM');
}

for my $what ('first points, index known to Redis', 'points of known names',
              'again')
{
    my ($s, $cpu) = feed();
    printf "%-34s %8.1f s %8.2f us CPU per point\n", $what, $s,
           $cpu * 1e6 / $names;
}
