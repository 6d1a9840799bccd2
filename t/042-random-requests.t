# Requests from a generator, the same each time: commands that are and are
# not, arguments good and bad in any number and order, in query strings,
# forms and bodies, by all methods, over connections that live and that
# break.  Each is answered with a status that we define and a body that is
# whole; errors are JSON with a reason; nginx stays alive, says nothing bad,
# and when the same requests come again its memory does not grow.
#
# TORUS_RANDOM_SEED and TORUS_RANDOM_N choose others, and more.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( slurp wait_for );

my $n = $ENV{TORUS_RANDOM_N} // 2000;
my $seed = $ENV{TORUS_RANDOM_SEED} // 42;
my $json = JSON::PP->new->utf8->allow_nonref;
my $redis = Torus::Redis->start;

# freed memory must come back at once to be seen
my $nginx = Torus::Nginx->new(env => !$ENV{TORUS_ASAN} ? {} : {
    ASAN_OPTIONS => ($ENV{ASAN_OPTIONS} // '') . ':quarantine_size_mb=1' });
my $port = $nginx->port;
my $host = '127.0.0.1:' . $redis->port . '/0';
my $now = time;

my @types = qw( series histogram count gauge set );

$nginx->file('schema.json', '{ "TIMESERIES": {' . join(',', map { <<END }
    "$_": { "type": "$_", "match": "$_.**", "host": "$host",
        "prefix": "$_", "intervals": {
            "minute": { "step": 60, "steps": 60 },
            "hour": { "step": "1h", "resolution": 60 },
            "week": { "step": "weekly", "resolution": "daily" } } }
END
    @types) . '} }');

$nginx->conf($nginx->http_block(<<END));
    torus_schema schema.json;
    torus_max_points 20000;
    torus_max_stats 20;
    torus_max_names 200;
    torus_buffer_size 8k;
    server {
        listen 127.0.0.1:$port;
        location /torus/ {
            torus_query on;
            torus_insert on;
            torus_delete on;
        }
        location /read/ { torus_query on; }
    }
END
$nginx->start;

# A generator of our own: the same numbers from every perl.
my $state;

sub dice {
    my ($sides) = @_;
    $state = ($state * 1103515245 + 12345) & 0x7fffffff;
    return int(($state >> 8) % $sides);
}

sub one_of { return $_[dice(scalar @_)]; }

sub bytes { return join '', map { chr dice(256) } 1 .. dice($_[0]); }

sub stat_name {
    my $name = one_of(@types) . '.' . one_of('a' .. 'f');
    return dice(8) ? $name : one_of('nope', '', '*', "$name,$name", "$name;x=1",
                                    'x' x 500, bytes(20), "\xff", "$name\n");
}

sub stat_text {
    my $name = stat_name();
    return $name if dice(2);
    return one_of(qw( mean avg min max sum count rate median p50 p99.9 p101
                      stddev distinct first last nope ), bytes(5))
           . one_of('(', '(', '(', '') . $name . one_of(')', ')', ')', '))');
}

sub moment {
    return one_of($now, $now - dice(100000), "-${\ dice(50)}h", 'now',
                  'yesterday', '5 days ago', 'noon', '2023-11-01',
                  '2023-11-01T10:00:00Z', 'monday', '', 'nonsense', -5, 0,
                  '9' x 30, '-1e3', 'nan', bytes(10), '1e308');
}

my %make = (
    stat => \&stat_text,
    format => sub { one_of(qw( graphite json csv xml )) },
    start => \&moment, end => \&moment, timestamp => \&moment,
    steps => sub { one_of(1, 2, 60, 1000, 0, -1, 'x', '9' x 20) },
    interval => sub { one_of(qw( minute hour week day ), '') },
    schema => sub { one_of(@types, 'nope') },
    fill => sub { one_of(qw( null none previous linear 0 -1.5 1e400 x )) },
    (map { ($_ => sub { one_of(qw( 1 0 true false on off maybe )) }) }
        qw( condense collapse pretty dry_run )),
    jsonp => sub { one_of('cb', 'a.b', 'a(b', 'x' x 100) },
    tz => sub { one_of('Europe/Berlin', 'UTC', 'No/Where', '../x', '') },
    match => sub { one_of('*', '**', one_of(@types) . '.*', '[', '~x', '{a,b}',
                          '{' x 50, bytes(8)) },
    value => sub { one_of(1, 2.5, -3, 'x', '', 'nan', '1e400', '9' x 40,
                          bytes(6)) },
);

my @names = sort keys %make;

sub encode {
    my ($text) = @_;
    return $text if !dice(20);          # as it is, may be anything
    $text =~ s/([^A-Za-z0-9_.-])/sprintf '%%%02x', ord $1/ge;
    return $text;
}

sub args {
    my ($command) = @_;
    my @args = $command eq 'insert' ? qw( stat value timestamp )
             : $command eq 'list' ? qw( match schema )
             : $command eq 'delete' ? one_of('stat', 'match') : 'stat';

    push @args, one_of(@names) for 1 .. dice(6);
    push @args, 'stat' for 1 .. (dice(10) ? 0 : dice(30));

    my $args = join one_of('&', '&', '&', ';', '&&'),
               map { encode($_) . '=' . encode($make{$_}->()) }
               dice(4) ? @args : reverse @args;

    return dice(30) ? $args : bytes(100);
}

sub body_lines {
    return join '', map {
        dice(6) ? stat_name() . ' ' . $make{value}->() . ' '
                  . ($now - dice(5000)) . "\n"
                : bytes(50) . "\n"
    } 1 .. dice(100);
}

# A request as bytes.
sub request {
    my $command = one_of(qw( series series series list properties insert
                             insert delete explain nope ), '');
    my $method = dice(10) ? one_of('GET', 'POST')
                          : one_of(qw( HEAD PUT DELETE OPTIONS PATCH ));
    my $uri = one_of('/torus/', '/torus/', '/torus/', '/read/', '/torus//')
              . $command . one_of('', '', '', '/', '//', '/x');
    my ($head, $body) = ('', '');

    $uri .= '?' . args($command) if dice(3);
    $uri =~ s/([\x00-\x20\x7f-\xff#])/sprintf '%%%02x', ord $1/ge;
    $method = 'POST' if $command =~ /insert|delete/ && dice(5);

    if ($method eq 'POST' || !dice(20)) {
        my $form = dice(2);
        $body = $form ? args($command) : body_lines();
        $head .= 'Content-Type: ' . ($form
                    ? 'application/x-www-form-urlencoded'
                    : one_of('text/plain', 'application/octet-stream',
                             'multipart/form-data; boundary=x')) . "\r\n"
            if dice(8);

        if (dice(4)) {
            $head .= 'Content-Length: ' . length($body) . "\r\n";
        } else {
            my $chunks = '';
            while (length $body) {
                my $part = substr $body, 0, 1 + dice(200), '';
                $chunks .= sprintf "%x\r\n%s\r\n", length $part, $part;
            }
            $body = $chunks . (dice(10) ? "0\r\n\r\n" : "zz\r\n");
            $head .= "Transfer-Encoding: chunked\r\n";
        }
    }

    $head .= "Accept-Encoding: gzip\r\n" if !dice(10);
    $head .= "If-None-Match: \"x\"\r\n" if !dice(20);
    $head .= "Range: bytes=0-10\r\n" if !dice(20);

    return ($method, $uri, "$method $uri HTTP/1.1\r\nHost: a\r\n"
            . "Connection: close\r\n$head\r\n$body");
}

# The whole answer, its chunks joined; undef when it is not whole.
sub parse {
    my ($method, $answer) = @_;

    return if $answer !~ m{\AHTTP/1\.1 (\d+)[^\r]*\r\n(.*?)\r\n\r\n}s;
    my ($status, $head, $body) = ($1, $2, substr $answer, $+[0]);

    return ($status, $head, '') if $method eq 'HEAD';

    if ($head =~ /^Transfer-Encoding: chunked/mi) {
        my $whole = '';
        while ($body =~ s/\A([0-9a-f]+)\r\n//) {
            my $len = hex $1;
            return if length $body < $len + 2;
            return $body eq "\r\n" ? ($status, $head, $whole) : ()
                if $len == 0;
            $whole .= substr $body, 0, $len + 2, '';
            $whole =~ s/\r\n\z// or return;
        }
        return;
    }

    return if $head =~ /^Content-Length: (\d+)/mi && $1 != length $body;
    return ($status, $head, $body);
}

# 206 and 304 are nginx's own; 503 and 504 have no reason to come.
my %defined = map { $_ => 1 } 200, 202, 206, 304, 400, 403, 404, 405, 413, 416;

sub run {
    my ($check) = @_;
    my (%seen, @bad);

    $state = $seed;

    for my $i (1 .. $n) {
        my ($method, $uri, $bytes) = request();
        my $fh = Torus::Nginx::connect_to($port);

        if (!dice(25)) {                     # a client that vanishes
            syswrite $fh, substr $bytes, 0, 1 + dice(length $bytes);
            close $fh;
            $seen{gone}++;
            next;
        }

        my $answer = Torus::Nginx::talk($fh, $bytes, 20);
        my ($status, $head, $body) = parse($method, $answer);

        $seen{$status // 'none'}++;

        next if !$check;

        # an error is wrapped like any answer
        $body =~ s/\A[\w.]+\((.*)\)\n\z/$1/s
            if ($head // '') =~ m{^Content-Type: text/javascript}mi;

        my $what = !defined $status ? 'no whole answer'
            : !$defined{$status} ? "status $status"
            : $method eq 'HEAD' || $status < 400 ? undef
            : $status == 416 ? undef
            : eval { length $json->decode($body)->{error} } ? undef
            : "no reason: " . substr $body, 0, 300;

        $what //= 'an empty answer'
            if $method ne 'HEAD' && defined $status && $status == 200
               && !length $body;

        push @bad, "request $i, $method " . substr($uri, 0, 300) . ": $what"
            if defined $what;
    }

    return (\%seen, \@bad);
}

# Kilobytes of the worker.
sub memory {
    my ($pid) = $nginx->workers;
    return slurp("/proc/$pid/status") =~ /VmRSS:\s+(\d+)/ ? $1 : 0;
}

my $worker = wait_for(sub { join ' ', $nginx->workers }, 5);
my ($seen, $bad) = run(1);

is_deeply($bad, [], "$n requests, seed $seed: defined statuses, whole answers");
diag(join ', ', map { "$_: $seen->{$_}" } sort keys %$seen) if @$bad;
ok($seen->{$_}, "$_ is among them: " . ($seen->{$_} // 0))
    for qw( 200 400 403 404 405 413 );

my $before = memory();
run(0) for 1 .. 2;
my $after = memory();

is(join(' ', $nginx->workers), $worker, 'the same worker all the time');
cmp_ok($after - $before, '<', $ENV{TORUS_ASAN} ? 8192 : 1024,
       2 * $n . " more: from $before to $after KB");

my ($status) = $nginx->get('/torus/list');
is($status, 200, 'it still answers');
ok($nginx->stop, 'it leaves');

my @loud = grep { /\[(?:alert|crit|emerg)\]|AddressSanitizer|runtime error/ }
           split /\n/, $nginx->log_text;
is_deeply(\@loud, [], 'nothing bad in the log');

done_testing();
