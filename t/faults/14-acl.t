# A user who may not do what is needed is told so at connect, and nothing is
# lost until he may.  One who may not kill connections is warned.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw( sleep );
use Torus::Faults;
use Torus::Redis;
use Torus::Util qw( wait_for slurp root );

# as README.md says

my ($acl) = slurp(root() . '/README.md')
            =~ /ACL SETUSER torus on '>secret' '~\*' (.*?)\nOK/s
    or die "no ACL in README.md\n";
my @minimum = split ' ', $acl =~ s/\\//gr;

# [ what, taken from the user, what the log says, is it an error ]
my @cases = (
    [ 'the minimum', [], undef ],
    [ 'no MULTI', [ '-multi' ], qr/takes no writes: NOPERM .*'multi'/ ],
    [ 'no HSET', [ '-hset' ], qr/takes no writes: NOPERM .*'hset'/ ],
    [ 'no EXEC', [ '-exec' ], qr/takes no writes: .*NOPERM .*'exec'/ ],
    [ 'no HGETALL', [ '-hgetall' ], qr/takes no writes: NOPERM .*'hgetall'/ ],
    [ 'no RPUSH', [ '-rpush' ], qr/takes no writes: NOPERM .*'rpush'/ ],
    [ 'other keys', [ 'resetkeys', '~nothing:*' ],
      qr/takes no writes: NOPERM .*keys/ ],
);

@cases = @cases[0, 1, 2, 6] if !Torus::Faults::long();

for my $case (@cases) {
    my ($what, $take, $says) = @$case;
    my $redis = user(@$take);
    my $w = world($redis);

    $w->send(rate => 500) for 1 .. 2;

    if ($says) {
        ok(wait_for(sub { $w->logged($says) }, 10), "$what: the log says it");
        is(scalar(keys %{$redis->dump}), 0, "$what: nothing is written");
    }

    sleep 0.3;
    my $told = $w->logged(qr/takes no writes/);
    cmp_ok($told, '<=', 2, "$what: once, not at each attempt");
    $redis->cmd(qw( ACL SETUSER w ), 'resetkeys', '~*', @minimum);
    $w->finish;
    $w->judge($what);
    unlike($w->nginx->log_text, qr/secret/, "$what: no password in the log");
    $w->clean($what);
    $w->stop;
    $redis->stop_server;
}

# rights taken away and given back under load

{
    my $redis = user();
    my $w = world($redis);
    my @rights = qw( multi exec hset rpush incrby );

    $w->send(rate => 2000) for 1 .. 2;

    my $changes = Torus::Faults::pick(5, 60);

    for my $i (1 .. $changes) {
        my $right = $rights[$i % @rights];
        sleep 0.15;
        $redis->cmd(qw( ACL SETUSER w ), "-$right");
        sleep 0.15 + rand 0.3;
        $redis->cmd(qw( ACL SETUSER w ), "+$right");
    }

    $w->finish;
    $w->judge('taken and given', disorder => $changes * 2);
    $w->clean('taken and given');
    $w->stop;
    $redis->stop_server;
}

# CLIENT KILL

{
    my $redis = user('-client|kill');
    my $w = world($redis);

    $w->send(rate => 1000) for 1 .. 2;

    for (1 .. 4) {
        sleep 0.2;
        $redis->cmd(qw( CLIENT KILL ID ), $_) for $w->writers;
    }

    $w->finish;
    $w->judge('no CLIENT KILL');
    is($w->logged(qr/does not permit CLIENT KILL.*may be applied twice/), 2,
       'a warning, once for each writer');
    $w->clean('no CLIENT KILL');
}

# the wrong password

{
    my $redis = user('resetpass', '>other');
    my $w = world($redis);

    ok(wait_for(sub { $w->logged(qr/refused the password: WRONGPASS/) }, 5),
       'a wrong password is told');
    ok(wait_for(sub {
        ($redis->cmd(qw( INFO commandstats )) =~ /cmdstat_auth:calls=(\d+)/
         ? $1 : 0) >= 8
    }, 10), 'and tried again');
    is($w->logged(qr/\[error\].*refused the password/), 2,
       'which is told once for each writer');
    $w->send(count => 500);
    $redis->cmd(qw( ACL SETUSER w resetpass >secret ));
    $w->join;
    $w->judge('the right password');
    unlike($w->nginx->log_text, qr/secret|other/, 'but not shown');
}

done_testing();


sub user {
    my $redis = Torus::Redis->start;
    $redis->cmd(qw( ACL SETUSER w on >secret ~* ), @minimum, @_);
    return $redis;
}

sub world {
    my ($redis) = @_;
    return Torus::Faults->new(redis => $redis, wait => 0,
        host => 'redis://w:secret@127.0.0.1:' . $redis->port . '/0');
}
