# Load, queries, bad requests, clients that vanish, reloads and exit, under
# valgrind: every byte that was allocated below a function of ours is freed
# or still held, nothing reads what it must not, no socket is left open.
# Then without valgrind: the memory of worker and master stays flat.

use strict;
use warnings;

use lib 't/lib';

use Test::More;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( temp_dir slurp wait_for );

my $redis = Torus::Redis->start;
my $now = time;

plan skip_all => 'a sanitizer and valgrind do not go together'
    if $ENV{TORUS_ASAN};

my $valgrind = `valgrind --version 2>/dev/null`;
ok($valgrind, 'valgrind is installed');

under_valgrind() if $valgrind;
flat();

done_testing();


sub configure {
    my ($nginx) = @_;
    my ($karbon, $http) = ($nginx->karbon_port, $nginx->port);
    my $host = '127.0.0.1:' . $redis->port . '/0';
    my $types = join ",\n", map { <<END } qw( count gauge series histogram );
        "$_": {
            "type": "$_", "host": "$host", "match": "$_.**", "prefix": "$_",
            "intervals": {
                "minute": { "step": 60, "steps": 60 },
                "hour": { "step": "1h", "steps": 24, "resolution": 60 }
            }
        }
END

    $nginx->file('schema.json', <<END);
{ "TIMESERIES": {
$types,
        "set": {
            "type": "set", "host": "$host", "match": "~^set\\\\.",
            "write_func": "string", "read_func": "string",
            "intervals": { "day": { "step": "daily", "keep": "7d" } }
        }
    },
    "AGGREGATES": [ [ "count.all", "count.*" ] ]
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
        location /torus/ {
            torus_query on;
            torus_insert on;
            torus_delete on;
        }
    }
END2
}

# Some of everything; the same each time, so that memory can be compared.
sub load {
    my ($nginx, $n) = @_;
    my $lines = '';

    for my $i (1 .. $n) {
        my $ts = $now - $i % 7 * 60;
        $lines .= join '', map { "$_.s" . $i % 11 . " $i $ts\n" }
                  qw( count gauge series histogram set );
        $lines .= "count.x 1.5 $ts\ncount.x bad $ts\n\0\xff junk\nno\n";
        $lines .= 'long.' . 'x' x 5000 . " 1 $ts\n" if $i % 100 == 0;
    }

    Torus::Nginx::carbon($nginx->karbon_port, $lines);
    Torus::Nginx::carbon($nginx->karbon_port,
                         [ 'count.split', ' 1 ', "$now\ncount.split 2" ]);

    for my $type (qw( count gauge series histogram set )) {
        for my $query ("stat=$type.s1", "stat=$type.s1&format=json",
                       "stat=$type.s1&interval=hour&format=json",
                       "stat=max($type.s1)&stat=sum($type.s2,$type.s3)",
                       "stat=$type.s1&collapse=true&format=json",
                       "stat=nothing(x)", "stat=$type.s1&start=x",
                       "stat=$type.s1&interval=none", "stat=unknown", '')
        {
            $nginx->get("/torus/series?$query");
        }
    }

    $nginx->get('/torus/list');
    $nginx->get('/torus/list?schema=count');
    $nginx->get('/torus/list?schema=none');
    $nginx->get('/torus/properties?stat=count.s1');
    $nginx->get('/torus/nothing');

    # points that come and go over HTTP, and bodies that break off
    $nginx->post('/torus/insert', "count.h 1\n" x 500 . "bad\n" x 150,
                 headers => { 'Content-Type' => 'text/plain' });
    $nginx->post('/torus/insert?stat=gauge.h&value=1&stat=x&value=2', '');
    $nginx->post('/torus/insert', 'value=1');
    $nginx->post('/torus/delete', "$_&match=*.h")
        for 'dry_run=1', 'schema=count', 'dry_run=0', 'stat=a';

    for my $body ("4\r\nabc\n\r\nzz\r\n", "20\r\ncount.h 1\ncount.h ") {
        my $fh = Torus::Nginx::connect_to($nginx->port);
        syswrite $fh, "POST /torus/insert HTTP/1.1\r\nHost: x\r\n"
                      . "Transfer-Encoding: chunked\r\n\r\n$body";
        close $fh;
    }

    # clients that do not wait for their answer
    for (1 .. 5) {
        my $fh = Torus::Nginx::connect_to($nginx->port);
        syswrite $fh, "GET /torus/series?stat=series.s1&interval=hour "
                      . "HTTP/1.1\r\nHost: x\r\n\r\n";
        close $fh;

        $fh = Torus::Nginx::connect_to($nginx->karbon_port);
        syswrite $fh, 'count.cut 1';
        close $fh;
    }
}

sub under_valgrind {
    my $dir = temp_dir();
    my $nginx = Torus::Nginx->new(wrap => [ qw( valgrind -q --num-callers=40
        --leak-check=full --show-leak-kinds=definite --keep-debuginfo=yes
        --errors-for-leak-kinds=definite ), "--log-file=$dir/vg.%p" ]);

    configure($nginx);
    $nginx->start;

    load($nginx, 60);

    # a sender and a query that are under way when the configuration changes
    my $fh = Torus::Nginx::connect_to($nginx->karbon_port);
    syswrite $fh, "count.reload 1 $now\ncount.rel";
    ok($nginx->reload(60), 'a reload, with a sender connected');
    close $fh;

    load($nginx, 30);
    ok($nginx->stop('QUIT', 60), 'nginx leaves on QUIT');

    my $log = $nginx->log_text;
    unlike($log, qr/open socket|\[(?:alert|crit|emerg)\]/,
           'no socket is left open, nothing alarming is logged')
        or diag(grep { /open socket|alert|crit|emerg/ } split /^/m, $log);
    unlike($log, qr/exited on signal|exited with code [1-9]/,
           'every process ended well');

    my @ours = grep { is_ours($_) }
               map { split /\n(?:==\d+== \n)+/, slurp($_) } glob "$dir/vg.*";

    is(scalar @ours, 0, 'valgrind has nothing to say about us')
        or diag(join "\n\n", @ours[0 .. ($#ours > 4 ? 4 : $#ours)]);
}

# nginx itself leaves its environment and its table of connections behind
# when a worker exits; anything below a function of ours, and any error that
# is no leak, counts.
sub is_ours {
    my ($record) = @_;

    return 0 if $record !~ /\S/;
    return 1 if $record !~ /definitely lost/;
    return $record =~ /torus|karbon|redis|json_|pcre2/;
}

sub flat {
    my $nginx = Torus::Nginx->new(level => 'error');
    my %rss;

    configure($nginx);
    $nginx->start;

    for my $round (1 .. 6) {
        load($nginx, 300);
        my ($worker) = $nginx->workers;
        $rss{$round} = rss($worker);
    }

    cmp_ok($rss{6} - $rss{2}, '<=', 512,
           "worker: $rss{2} KB after two rounds, $rss{6} KB after six");

    my %master;
    for my $round (1 .. 12) {
        $nginx->reload;
        $master{$round} = rss($nginx->pid);
    }

    cmp_ok($master{12} - $master{4}, '<=', 512,
           "master: $master{4} KB after four reloads, $master{12} KB after "
           . 'twelve');

    ok($nginx->stop, 'nginx leaves on QUIT');
    unlike($nginx->log_text, qr/open socket|\[(?:alert|crit|emerg)\]/,
           'no socket is left open');
}

sub rss {
    my ($pid) = @_;
    return slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m ? $1 : 0;
}
