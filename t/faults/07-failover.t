# A primary is demoted to a replica of its own replica, and promoted again,
# with all that was acknowledged: nothing is lost, nothing doubled, and what
# came meanwhile waits.  Then a failover to the other one behind a name: the
# one we are connected to answers READONLY for five seconds, and we go.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw( sleep time );
use Torus::Faults;
use Torus::Proxy;
use Torus::Redis;
use Torus::Util qw( wait_for );

my $a = Torus::Redis->start(args => [ qw( --repl-diskless-sync-delay 0 ) ]);
my $b = Torus::Redis->start(args => [ qw( --repl-diskless-sync-delay 0 ) ]);
my %other = ($a => $b, $b => $a);

$b->cmd('REPLICAOF', '127.0.0.1', $a->port);
synchronised($a, $b);

my $w = Torus::Faults->new(redis => $a);
$w->send(rate => 2000) for 1 .. 3;

for my $i (1 .. Torus::Faults::pick(1, 20)) {
    sleep 0.3;
    failover($a, $b);
    sleep 0.2 + rand 1;
    failover($b, $a);
    ok(wait_for(sub { $w->writers == 2 && quiet() }, 20),
       "demoted and promoted, $i");
}

$w->finish;
$w->judge('demoted and promoted', seconds => 30);
cmp_ok($w->logged(qr/takes no writes: READONLY/), '>=', 1, 'the log says why');
is($w->status->{points}{lost_by_store}, 0, 'no loss by the store');
$w->clean('demoted and promoted');
$w->stop;
$a->cmd('FLUSHALL');

# the name moves: a proxy in place of DNS, since READONLY alone makes us go

my $proxy = Torus::Proxy->start($a->port);
my ($from, $port) = (undef, $proxy->port);

$w = Torus::Faults->new(redis => $a, host => "127.0.0.1:$port/0",
                        workers => 1);
$w->send(rate => 1000) for 1 .. 2;
sleep 0.5;
failover($a, $b);
$from = time;
ok(wait_for(sub { $proxy->stats->{connections} > 1 }, 15),
   'a read-only host is left');
my $took = time - $from;
cmp_ok($took, '>', 3, sprintf 'not at once, after %.1f s', $took);
cmp_ok($took, '<', 9, 'but soon');
$proxy->stop;
$proxy = Torus::Proxy->start($b->port, port => $port);
$w->{redis} = $b;
$w->finish;
$w->judge('failed over', seconds => 30);
$w->clean('failed over');

done_testing();


sub synchronised {
    my ($primary, $replica) = @_;

    wait_for(sub {
        $replica->cmd(qw( INFO replication )) =~ /master_link_status:up/
    }, 15) or die "no replica\n";
}

# Orderly: the old primary stops writes until the new one has all of them.
sub failover {
    my ($from, $to) = @_;

    synchronised($from, $to);
    $from->cmd('FAILOVER', 'TO', '127.0.0.1', $to->port);

    wait_for(sub {
        $to->cmd('ROLE')->[0] eq 'master' && $from->cmd('ROLE')->[0] eq 'slave'
    }, 15) or die "no failover\n";
}

sub quiet { return $a->cmd('ROLE')->[0] eq 'master'; }
