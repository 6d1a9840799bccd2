# Answers on their way when nginx reloads, leaves or makes way for another
# binary: each comes whole, plain, compressed, in a subrequest and through a
# proxy; those that are cut, by TERM or worker_shutdown_timeout, look cut.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw( time );
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( slurp spew wait_for gone );

my $redis = Torus::Redis->start;
my $nginx = Torus::Nginx->new;
my ($port, $karbon) = ($nginx->port, $nginx->karbon_port);
my $host = '127.0.0.1:' . $redis->port . '/0';
my $now = int(time / 60) * 60;
my $uri = '/render?target=a.*&from=' . ($now - 3600) . "&until=$now";
my @ways = ('', qw( /gzip /proxy /page? ));

$nginx->file('schema.json', <<END);
{ "TIMESERIES": { "c": { "type": "gauge", "match": "**", "host": "$host",
    "intervals": { "minute": { "step": 60, "steps": 120 } } } } }
END
configure('');
spew($nginx->dir . '/html/page',
     "<!--# include virtual=\"/version\" --><!--# include virtual=\"$uri\" -->");
$nginx->start;

Torus::Nginx::carbon($karbon, join '', map { my $n = $_;
    map { "a.$n $n.$_ " . ($now - 60 * $_) . "\n" } 1 .. 59 } 1 .. 300);
ok(wait_for(sub { ($nginx->get($uri))[1] =~ /"a\.300".*300\.1,/s }, 30),
   'stored');

my $length = length(($nginx->get($uri))[1]);
cmp_ok($length, '>', 300000, "an answer of $length bytes");

my @fhs = under_way();
my @old = $nginx->workers;

$nginx->signal('HUP');
whole('reload', @fhs);
ok(wait_for(sub { my %now = map { $_ => 1 } $nginx->workers;
                  !grep { $now{$_} } @old }, 10), 'reload: the old one leaves');

@fhs = under_way();
my $master = $nginx->pid;
my $file = $nginx->dir . '/logs/nginx.pid';

kill USR2 => $master;
ok(wait_for(sub { -e "$file.oldbin" && slurp($file) =~ /^(\d+)/
                  && $1 != $master }, 10), 'another binary starts');
kill QUIT => $master;
whole('another binary', @fhs);
ok(wait_for(sub { gone($master) }, 10), 'the old one leaves');
$nginx->{pid} = $nginx->pid_of_file;
ok(wait_for(sub { $nginx->workers }, 10), 'the other has workers');

@fhs = under_way();
$master = $nginx->pid;
kill QUIT => $master;
whole('QUIT', @fhs);
ok(wait_for(sub { gone($master) }, 10), 'QUIT: nginx leaves');

$nginx->start;
@fhs = under_way();
ok($nginx->stop('TERM'), 'TERM: nginx leaves');
cut('TERM', @fhs);

configure('worker_shutdown_timeout 200ms;');
$nginx->start;
@fhs = under_way();
ok($nginx->stop('QUIT', 5), 'worker_shutdown_timeout: nginx leaves');
cut('worker_shutdown_timeout', @fhs);

unlike($nginx->log_text, qr/\[(?:alert|emerg|crit)\]/, 'without an alert');

done_testing();


sub configure {
    my ($more) = @_;

    # for the other binary, with a sanitizer
    $nginx->conf("worker_processes 1;\nenv LD_PRELOAD;\n$more\n" . <<END
stream {
    karbon_schema schema.json;
    server { listen 127.0.0.1:$karbon; karbon on; }
}
END
                 . $nginx->http_block(<<END));
    torus_schema schema.json;
    server {
        listen 127.0.0.1:$port sndbuf=16k;
        root html;
        location / { torus_query on; }
        location /gzip/ { torus_query on; gzip on; gzip_types *; }
        location = /page { ssi on; ssi_types *; }
        location /proxy/ {
            proxy_pass http://127.0.0.1:$port/;
            proxy_buffering off;
        }
    }
END
}

# A client for each way, which has had the head of its answer.
sub under_way {
    my @fhs;

    for my $way (@ways) {
        my $fh = Torus::Nginx::connect_to($port);

        setsockopt $fh, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(),
                   pack 'i', 16384;
        syswrite $fh, "GET $way$uri HTTP/1.1\r\nHost: x\r\n"
                      . "Accept-Encoding: gzip\r\nConnection: close\r\n\r\n";
        sysread $fh, my $head, 500;
        $head =~ m{^HTTP/1.1 200 } or fail("$way: $head");
        push @fhs, [ $way, $fh, $head ];
    }

    return @fhs;
}

sub whole {
    my ($what, @fhs) = @_;

    for my $one (@fhs) {
        my ($way, $fh, $head) = @$one;
        my $answer = $head . Torus::Nginx::talk($fh, '', 15);

        ok($answer =~ /\r\n0\r\n\r\n\z/, "$what: \"$way\" is whole");
        cmp_ok(length $answer, '>', $way eq '/gzip' ? 20000 : $length,
               "$what: \"$way\" has all");
    }
}

# All but one so small that the kernel has had it.
sub cut {
    my ($what, @fhs) = @_;

    for my $one (grep { $_->[0] ne '/gzip' } @fhs) {
        my ($way, $fh, $head) = @$one;
        my $answer = $head . Torus::Nginx::talk($fh, '', 15);

        ok($answer !~ /\r\n0\r\n\r\n\z/, "$what: \"$way\" looks cut");
    }
}
