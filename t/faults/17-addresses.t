# A name with several addresses, all from the hosts file that nginx reads with
# its configuration.  One of them accepts and says nothing, one is nobody's;
# Redis is at one after the other of the rest, with all it had.  All addresses
# are tried in turn, and nothing is lost on the way.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use IO::Socket::INET;
use Test::More;
use Time::HiRes qw( sleep );
use Torus::Faults;
use Torus::Redis;
use Torus::Util qw( temp_dir wait_for spew );

my $name = 'several.torus.invalid';
my @own = map { "127.0.0.$_" } 4 .. 6;
my @all = ('127.0.0.2', '127.0.0.3', @own);

# /etc/hosts of a mount namespace of its own

my $hosts = temp_dir() . '/hosts';
my @wrap = ('unshare', '-m', 'sh', '-c',
            "mount --bind $hosts /etc/hosts && exec \"\$@\"", 'sh');

spew($hosts, "127.0.0.1 localhost\n" . join '', map { "$_ $name\n" } @all);

my $known = `@{[ map { "'" . s/'/'\\''/gr . "' " } @wrap ]} getent ahosts $name 2>&1`;

plan skip_all => 'no /etc/hosts of our own is possible here'
    if grep { $known !~ /^\Q$_\E\s/m } @all;

my $redis = Torus::Redis->start(args => [ qw( --appendonly yes
                                              --appendfsync always ),
                                          '--bind', $own[0] ]);
my $port = $redis->port;
my $mute = IO::Socket::INET->new(LocalAddr => $all[0], LocalPort => $port,
                                 Listen => 50) or die "listen: $!\n";

my $w = Torus::Faults->new(redis => $redis, host => "$name:$port/0",
    nginx => { wrap => \@wrap },
    stream => 'karbon_redis_timeout 300ms; karbon_redis_connect_timeout 300ms;',
    http => 'torus_redis_timeout 300ms; torus_redis_connect_timeout 300ms;');

ok($w->wait_ready, 'the third of five addresses is found');
$w->send(rate => 1000) for 1 .. 3;

for my $i (1 .. Torus::Faults::pick(3, 30)) {
    my $address = $own[$i % @own];

    sleep 0.3;
    $redis->stop_server;
    $redis->{args}[-1] = $address;
    $redis->run;
    ok($w->wait_ready(15), "and found at $address");
}

$w->finish;
$w->judge('moved');
cmp_ok($w->logged(qr/no reply in time/), '>=', 1, 'one of them was silent');

# queries find their way as well

my ($code, $body) = (0, '');
wait_for(sub {
    ($code, $body) = $w->nginx->get("/torus/series?stat=count(f.0)&start=$w->{now}"
                                    . '&steps=1');
    return $code == 200;
}, 10);
is($code, 200, 'a query is answered');
like($body, qr/\[\[$w->{sent}{'f.0'},/, 'with all of them');
$w->clean('moved');
ok($w->stop, 'and it leaves');

done_testing();
