# The name of a host is looked up again before a reconnect: after a failover
# it stands for another Redis, and nothing is lost on the way.  A name server
# that is away, or does not know the name, costs nothing but time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw( sleep time );
use Torus::Dns;
use Torus::Faults;
use Torus::Redis;
use Torus::Util qw( wait_for );

my $port = Torus::Util::free_port();
my $a = Torus::Redis->start(port => $port);
my $b = Torus::Redis->start(port => $port, args => [ '--bind', '127.0.0.2' ]);

$b->cmd('REPLICAOF', '127.0.0.1', $port);
wait_for(sub {
    $b->cmd(qw( INFO replication )) =~ /master_link_status:up/
}, 15) or die "no replica\n";

# the name is known to our server alone: the configuration is read all the
# same, and a worker asks

my $dns = Torus::Dns->start('127.0.0.1');
my $w = Torus::Faults->new(redis => $a, workers => 1,
    host => "redis.torus.invalid:$port/0",
    map { $_ => 'resolver 127.0.0.1:' . $dns->port . ' valid=1s ipv6=off; '
                . 'resolver_timeout 1s;' } qw( stream http ));

like($w->nginx->log_text, qr/left to the resolver/, 'the log says who asks');
cmp_ok($dns->asked, '>', 0, 'and the name server was asked');

$w->send(rate => 1000) for 1 .. 2;
sleep 0.4;

# all of it is with the replica when the primary dies

$w->redis->cmd(qw( CLIENT PAUSE 3000 WRITE ));
wait_for(sub {
    my ($x) = $a->cmd(qw( INFO replication )) =~ /^master_repl_offset:(\d+)/m;
    my ($y) = $b->cmd(qw( INFO replication )) =~ /^slave_repl_offset:(\d+)/m;
    return $x == $y;
}, 5) or die "replica behind\n";
$a->kill_server;

# nobody knows the name for a while

$dns->set;
ok(wait_for(sub { $w->logged(qr/could not be resolved \(3: Host not found/) },
            10), 'no such name');
$b->cmd(qw( REPLICAOF NO ONE ));
my $asked = $dns->asked;
$dns->set('127.0.0.3', '127.0.0.2');
$w->{redis} = $b;
ok($w->wait_ready(20), 'it is connected to where the name is now');
cmp_ok($dns->asked, '>', $asked, 'since the name server said so');

$w->finish;
$w->judge('failed over by name');
$w->clean('failed over by name');

# the name server is gone: the last addresses serve on

$dns->stop;
$b->cmd(qw( CLIENT KILL ID ), $_) for $w->writers;
$w->send(rate => 1000);
ok($w->wait_ready(15), 'without a name server, to where it was');
$w->finish;
$w->judge('no name server');

# and a worker that leaves while it asks leaves in time

$b->kill_server;
sleep 0.5;
my $from = time;
ok($w->stop, 'it leaves');
cmp_ok(time - $from, '<', 5, sprintf 'in time, %.1f s', time - $from);
$w->clean('resolver');

done_testing();
