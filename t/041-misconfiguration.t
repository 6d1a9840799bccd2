# What the log says, unasked, about a Redis that may drop our keys, one that
# does not tell, and names that no schema takes: once, not for each point.

use strict;
use warnings;

use lib 't/lib';

use Test::More;
use Torus::Karbon;
use Torus::Redis;
use Torus::Util qw( wait_for );

evicting('volatile-lru', 1);
evicting('allkeys-random', 1);
evicting('noeviction', 0);
forbidden();
unmatched();

done_testing();


sub evicting {
    my ($policy, $told) = @_;
    my $redis = Torus::Redis->start(args => [ '--maxmemory', '100mb',
        '--maxmemory-policy', $policy ]);
    my $k = Torus::Karbon->new(redis => $redis, clock => 0);
    my $warning = qr/maxmemory-policy \S+ and may drop history/;

    $k->send("c.a 1\n");
    $k->is_sum('c.a', 1, "$policy: stored all the same");
    $k->is_logged($warning, $told, "$policy: " . ($told ? 'warned' : 'fine'));

    # another connection of the same worker finds what is known already
    $redis->cmd(qw( CLIENT KILL TYPE normal ));
    $k->is_logged(qr/is ready/, 2, "$policy: connected again");
    $k->send("c.a 1\n");
    $k->is_sum('c.a', 2, "$policy: stored");
    $k->is_logged($warning, $told, "$policy: once");

    $redis->cmd(qw( CONFIG SET maxmemory-policy noeviction ));
    $redis->cmd(qw( CLIENT KILL TYPE normal ));
    $k->is_logged(qr/is ready/, 3, "$policy: mended");

    $redis->cmd(qw( CONFIG SET maxmemory-policy allkeys-lfu ));
    $redis->cmd(qw( CLIENT KILL TYPE normal ));
    $k->is_logged(qr/is ready/, 4, "$policy: broken again");
    $k->is_logged(qr/maxmemory-policy allkeys-lfu and may/, 1,
                  "$policy: and told again");

    # What is cut off may have bytes of ours unread, or may be written to in
    # that moment: then it is a reset, or a broken pipe.
    $k->stop_ok(qr/is down|connection|(?:recv|send)\(\) failed \(\d+: /);
    $redis->stop_server;
}

# Without INFO nothing is known, and nothing about it is said.
sub forbidden {
    my $redis = Torus::Redis->start(args => [ '--maxmemory', '100mb',
        '--maxmemory-policy', 'allkeys-lru' ]);

    $redis->cmd(qw( ACL SETUSER karbon on >pw ~* +@all -info ));

    my $k = Torus::Karbon->new(redis => $redis, clock => 0,
        host => 'redis://karbon:pw@127.0.0.1:' . $redis->port . '/0');

    $k->send("c.a 1\n");
    $k->is_sum('c.a', 1, 'no INFO: stored');
    $k->is_logged(qr/maxmemory/, 0, 'no INFO: nothing about memory');
    $k->is_logged(qr/does not permit CLIENT ID or INFO/, 1,
                  'no INFO: what that costs, once');
    unlike($k->log_text, qr/:pw\@/, 'no password in the log');

    $k->stop_ok;
    $redis->stop_server;
}

sub unmatched {
    my $k = Torus::Karbon->new;

    $k->send("no.such.$_ 1\n") for 1 .. 3;
    $k->send("no.such.$_ 1\n" x 100) for 1 .. 3;
    $k->send("c.a 1\n");
    $k->is_sum('c.a', 1, 'unmatched: the others are stored');
    $k->is_logged(qr/no schema matches/, 1, 'unmatched: told once');
    $k->is_logged(qr/matches "no\.such\.1", 1 such points so far/, 1,
                  'unmatched: with an example');

    $k->clock->freeze(1700000061);
    wait_for(sub {
        $k->send("no.other\001\xff 1\n");
        $k->send("no.other 1\n");
        return $k->log_text =~ /matches "no\.other"/;
    }, 5);
    $k->is_logged(qr/no schema matches/, 2, 'unmatched: again after a minute');
    $k->is_logged(qr/matches "no\.other", 30\d such points so far/, 1,
                  'unmatched: with how many so far');

    $k->stop_ok;
}
