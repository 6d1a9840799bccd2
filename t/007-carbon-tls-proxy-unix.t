# TLS, the PROXY protocol and unix sockets, by nginx's own means; and the
# files of conf.examples that show the ways in, each started as it is but for
# ports and places.

use strict;
use warnings;

use lib 't/lib';

use IO::Select;
use IPC::Open3;
use Symbol qw( gensym );
use Test::More;
use Time::HiRes qw( sleep time );
use Torus::Karbon;
use Torus::Util qw( root temp_dir free_port wait_for slurp spew );

my $tls = temp_dir() . '/tls';
mkdir $tls;
system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
       . " -days 2 -subj /CN=localhost -keyout $tls/carbon.key"
       . " -out $tls/carbon.pem >/dev/null 2>&1") == 0
    or die "openssl makes no certificate\n";

my $v2 = "\x0d\x0a\x0d\x0a\x00\x0d\x0aQUIT\x0a";

tls();
proxy();
unix();
examples();

done_testing();


# openssl as a client: ($in, $out, $err, $pid)
sub s_client {
    my ($port) = @_;
    my $err = gensym;
    my $pid = open3(my $in, my $out, $err, qw( openssl s_client -quiet
                    -no_ign_eof -connect ), "127.0.0.1:$port");
    $in->autoflush(1);

    return ($in, $out, $err, $pid);
}

sub tls {
    my $port = free_port();
    my $k = Torus::Karbon->new(servers => <<END);
        server {
            listen 127.0.0.1:$port ssl;
            ssl_certificate $tls/carbon.pem;
            ssl_certificate_key $tls/carbon.key;
            karbon on;
            karbon_linger 500ms;
        }
END

    my ($in, $out, $err, $pid) = s_client($port);
    print $in "c.a 1\nc.", 'b' x 3000, " 1\nc.a";
    sleep 0.2;
    print $in " 1\n";
    $k->is_sum('c.a', 2, 'lines over TLS');
    print $in "c.last 1";
    close $in;
    waitpid $pid, 0;
    $k->is_sum('c.last', 1, 'the last line without newline');

    ($in, $out, $err, $pid) = s_client($port);
    print $in "c.flood 1 1700000000\n" x 100000;
    close $in;
    waitpid $pid, 0;
    $k->is_sum('c.flood', 100000, 'megabytes over TLS');

    # without "close notify" openssl would tell of an unexpected end
    ($in, $out, $err, $pid) = s_client($port);
    print $in "c.b 1\n";
    $k->is_sum('c.b', 1, 'a client that stays');
    $k->nginx->reload;
    waitpid $pid, 0;
    my $said = join '', <$err>;
    unlike($said, qr/unexpected eof|errno/, 'a reload says goodbye');

    # and what it sends behind that is still read
    ($in, $out, $err, $pid) = s_client($port);
    print $in "c.c 1\n";
    $k->is_sum('c.c', 1, 'one that does not answer');
    kill 'STOP', $pid;
    my $start = time;
    ok($k->nginx->reload(10), 'the old worker leaves');
    cmp_ok(time - $start, '<', 2.8, 'when the linger ends');
    kill 'CONT', $pid;
    waitpid $pid, 0;

    # no TLS at all
    my $fh = $k->connect($port);
    syswrite $fh, "c.plain 1\n";
    ok(IO::Select->new($fh)->can_read(5), 'plain text is refused');
    is($k->sum('c.plain'), 0, 'and not stored');
    close $fh;

    $k->is_quiet;
    $k->stop_ok;
}

sub proxy {
    my $port = free_port();
    my $k = Torus::Karbon->new(servers => <<'END' =~ s/PORT/$port/r);
        log_format who "$remote_addr $status $karbon_lines";
        server {
            listen 127.0.0.1:PORT proxy_protocol;
            set_real_ip_from 127.0.0.1;
            access_log $DIR/logs/who.log who;
            karbon on;
            karbon_linger 1s;
        }
END
    my $header = "PROXY TCP4 192.0.2.7 192.0.2.1 5000 2003\r\n";
    my $who = $k->nginx->dir . '/logs/who.log';

    $k->send("${header}c.a 1\nc.a 1", $port);
    $k->is_sum('c.a', 2, 'lines behind the header, in one read');
    wait_for(sub { -s $who }, 3);
    is(slurp($who), "192.0.2.7 200 2\n", 'of the address that it tells');

    $k->send([ $header, "c.a 1\n" ], $port);
    $k->is_sum('c.a', 3, 'in two');

    my $binary = $v2 . "\x21\x11" . pack('n a4 a4 n n', 12, "\xc0\0\2\x08",
                                         "\xc0\0\2\1", 5000, 2003);
    $k->send("${binary}c.a 1\n", $port);
    $k->is_sum('c.a', 4, 'the binary form');

    $k->send("c.a 1\n", $port);
    sleep 0.1;
    $k->is_sum('c.a', 4, 'a client without it is refused');
    $k->is_logged('\[error\].*broken header', 1, 'by nginx');

    # A client whose header comes when the worker is already leaving: nginx
    # asked idle connections before, and this one is to hear of it all the
    # same, or the worker would leave with its socket open.
    my $fh = $k->connect($port);
    sleep 0.2;
    $k->nginx->signal('QUIT');
    sleep 0.3;
    syswrite $fh, "${header}c.late 1\n";
    ok(IO::Select->new($fh)->can_read(0.8), 'a late client gets an end');
    is(sysread($fh, my $buf, 1), 0, 'a FIN');
    syswrite $fh, "c.late 1\n";
    close $fh;
    $k->is_sum('c.late', 2, 'and its lines are stored');
    $k->stop_ok('broken header');
}

sub unix {
    my $sock = temp_dir() . '/unix.sock';
    my $k = Torus::Karbon->new(servers =>
                               "server { listen unix:$sock; karbon on; }");

    $k->send("c.a 1\nc.a 1", $sock);
    $k->is_sum('c.a', 2, 'a unix socket');
    $k->send([ split //, "c.a 1\r\n" ], $sock);
    $k->is_sum('c.a', 3, 'byte by byte');
    $k->is_quiet;
    $k->stop_ok;
}


# conf.examples/nginx.NAME.conf, with other ports and the Redis of the test.
sub examples {
    my $redis = Torus::Redis->start;
    my $line = "shop.orders.count 1\n";
    my $n = 0;

    my %send = (
        udp => sub { $_[0]->udp($_[1]{2003}, $line);
                     $_[0]->send($line, $_[1]{2003}); 2 },
        pickle => sub {
            my $p = "(l(S'shop.orders.count'\n(I" . int(time) . "\nI1\ntta.";
            $_[0]->send(pack('N/a', $p), $_[1]{2004});
            $_[0]->send($line, $_[1]{2003}); 2 },
        tls => sub {
            my ($in, $out, $err, $pid) = s_client($_[1]{2003});
            print $in $line; close $in; waitpid $pid, 0; 1 },
        'proxy-protocol' => sub {
            $_[0]->send("PROXY TCP4 10.0.0.1 10.0.0.2 5 2003\r\n$line",
                        $_[1]{2003}); 1 },
        unix => sub {
            $_[0]->send($line, $_[0]->nginx->dir . '/karbon.sock'); 1 },
    );

    for my $name (sort keys %send) {
        my $text = slurp(root() . "/conf.examples/nginx.$name.conf");
        my %port = (2003 => free_port(), 2004 => free_port());
        my $nginx = Torus::Nginx->new;
        my $k = bless { nginx => $nginx, redis => $redis }, 'Torus::Karbon';

        $redis->cmd('FLUSHALL');

        ok($text =~ s/^load_module.*\n//mg, "nginx.$name.conf");
        $text =~ s/(listen\s+)(?:127\.0\.0\.1:)?(200\d)\b/${1}127.0.0.1:$port{$2}/g;

        $text =~ s{unix:/run/}{'unix:' . $nginx->dir . '/'}ge;

        my $schema = slurp(root() . '/conf.examples/schema.json');
        $schema =~ s/localhost:6379/'127.0.0.1:' . $redis->port/ge;
        $nginx->file('schema.json', $schema);

        mkdir $nginx->dir . '/conf/tls';
        spew($nginx->dir . "/conf/tls/$_", slurp("$tls/$_"))
            for qw( carbon.pem carbon.key );

        $nginx->conf($text);
        my ($code, $out) = $nginx->test;
        is($code, 0, 'is a configuration') or diag($out);
        $nginx->start;

        my $sent = $send{$name}->($k, \%port);
        my $got = 0;
        wait_for(sub {
            my $keys = $redis->cmd(KEYS => 'shop.orders.count:month:*');
            $got = @$keys ? $redis->cmd(GET => $keys->[0]) : 0;
            $got == $sent;
        }, 5);
        is($got, $sent, 'and stores what it is sent');
        $k->is_quiet;
        $k->stop_ok;
    }

    $redis->stop_server;
}
