# Carbon lines over UDP: each datagram stands alone, its end ends its last
# line, 64 KiB of them are read whole, and sessions do not build up.

use strict;
use warnings;

use lib 't/lib';

use Test::More;
use Time::HiRes qw( sleep );
use Torus::Karbon;
use Torus::Util qw( free_port wait_for );

my $udp = free_port();
my $k = Torus::Karbon->new(
    events  => 'worker_connections 32;',
    servers => "server { listen 127.0.0.1:$udp udp; karbon on; }");


$k->udp($udp, "c.a 1 1700000000\nc.b 2 1700000000\n");
$k->is_stored("c.a:minute:28333333 string 1\nc.b:minute:28333333 string 2\n",
              'two lines in one datagram');

$k->flush;
$k->udp($udp, "c.a 1 1700000000\r\n\r\nc.b 2");
$k->is_stored("c.a:minute:28333333 string 1\nc.b:minute:28333333 string 2\n",
              'the end of a datagram ends its last line');

# were they joined, c.half would be 17 and of another time
$k->flush;
$k->udp($udp, "c.half 1", "7 1700000060\nc.z 1\n");
$k->is_stored("c.half:minute:28333333 string 1\nc.z:minute:28333333 string 1\n",
              'a line ends with its datagram');
$k->is_logged('bad carbon line \(bad_line\): "7 1700000060"', 0,
              'the rest is a line, of a name that no schema takes');

$k->flush;
$k->udp($udp, '', "c.a 1\n", "\n", "bad\n", "c.a 1 1700000000\nbad2\nc.a 1\n");
$k->is_stored("c.a:minute:28333333 string 3\n",
              'bad lines and empty datagrams cost only themselves');

# 65507 bytes are the largest of all
$k->flush;
{
    my $line = "c.big 1 1700000000\n";
    my $n = int 65507 / length $line;
    my $datagram = $line x $n . ' ' x (65507 - $n * length $line);

    $k->udp($udp, $datagram);
    $k->is_stored("c.big:minute:28333333 string $n\n",
                  'a datagram of 65507 bytes');
}

# More datagrams, and from more addresses, than there are connections.
$k->flush;
{
    my @from = map { $k->udp($udp) } 1 .. 200;
    my $sent = 0;

    for my $round (1 .. 10) {
        for my $fh (@from) {
            $fh->send("c.many 1 1700000000\n");
            $sent++;
        }
        wait_for(sub { $k->sum('c.many') == $sent }, 5);
    }

    $k->is_sum('c.many', 2000, '200 addresses and 32 connections');
    is(scalar(grep { $_ eq '200 1 0' } $k->sessions) >= 2000, 1,
       'each datagram is a session that is over');
}

$k->is_quiet('bad carbon line|no schema matches', 'nothing else in the log');

# Nobody can be made to wait: what does not fit is dropped, others are not.
$k->stop_ok;

my $small = Torus::Karbon->new(
    stream  => 'karbon_redis_queue 64k;',
    servers => "server { listen 127.0.0.1:$udp udp; karbon on; }");

$small->send("c.first 1\n");
$small->is_sum('c.first', 1, 'stored');
$small->redis->pause;
for my $i (1 .. 200) {
    $small->udp($udp, join '', map { "c.n$i.$_ 1 1700000000\n" } 1 .. 50);
    sleep 0.001;
}
my $fh = $small->connect;
syswrite $fh, "c.tcp 1 1700000000\n";
sleep 0.2;
$small->redis->resume;
$small->is_sum('c.tcp', 1, 'TCP waited');
my $kept = () = @{$small->redis->cmd(KEYS => 'c.n*')};
ok($kept > 0 && $kept < 10000, "UDP did not: $kept of 10000 were stored");
$small->udp($udp, "c.last 1\n");
$small->is_sum('c.last', 1, 'and goes on');
close $fh;
$small->stop_ok;

done_testing();
