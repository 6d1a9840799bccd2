# Keys are deleted, flushed and evicted under load.  Whatever happens to a
# key, when it comes back it has its expiry.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw( sleep time );
use Torus::Faults;
use Torus::Util qw( wait_for );

my $seconds = Torus::Faults::pick(1, 30);
my %fault = (
    'deleted' => sub {
        my ($redis) = @_;
        my @keys = grep { !/^torus:/ } @{$redis->cmd(KEYS => '*')};
        $redis->cmd(UNLINK => $keys[rand @keys]) if @keys;
    },
    'flushed' => sub { $_[0]->cmd('FLUSHALL'); },
    'evicted' => sub {
        my ($redis) = @_;
        my ($used) = $redis->cmd(qw( INFO memory )) =~ /^used_memory:(\d+)/m;
        $redis->cmd(qw( CONFIG SET maxmemory ), int $used * 0.97);
        sleep 0.03;
        $redis->cmd(qw( CONFIG SET maxmemory 0 ));
    },
    'deleted, with broken connections' => sub {
        my ($redis) = @_;
        my @keys = grep { !/^torus:/ } @{$redis->cmd(KEYS => '*')};
        $redis->cmd(UNLINK => @keys[grep { rand() < 0.5 } 0 .. $#keys],
                    'none');
        $redis->cmd(qw( CLIENT KILL ID ), $1)
            if rand() < 0.2 && $redis->cmd(qw( CLIENT LIST ))
               =~ /^id=(\d+) .*name=karbon/m;
    },
);

for my $case (map { ($_, "$_, packed") } sort keys %fault) {
    my ($what, $packed) = $case =~ /(.*?)(, packed)?\z/;
    my $w = Torus::Faults->new(expire => 7, packed => $packed, redis =>
        [ qw( --maxmemory-policy allkeys-random ) ]);
    my ($n, $until) = (0, time + $seconds);

    $w->send(rate => 2000, names => 20) for 1 .. 3;
    sleep 0.2;

    while (time < $until) {
        $fault{$what}->($w->redis);
        $n++;
        sleep 0.01 + rand 0.03;
    }

    $w->finish;

    ok(wait_for(sub {
        my $o = $w->status->{operations};
        return $o->{made} && $o->{queued} + $o->{in_flight} == 0;
    }, 15), "$case: $n times, all is settled");

    # the expiry of a key that is seen to be new follows its last write

    my ($dump, @never);

    wait_for(sub {
        $dump = $w->redis->dump;
        @never = grep { !defined $dump->{$_}[2] } sort keys %$dump;
        return !@never;
    }, 2);

    my $want = (int($w->{now} / 86400) + 8) * 86400;
    my @wrong = grep { ($dump->{$_}[2] // $want) != $want } keys %$dump;

    cmp_ok(scalar keys %$dump, '>', 0, "$case: " . keys(%$dump) . ' keys');
    is("@never", '', "$case: each expires");
    is("@wrong", '', "$case: when its bucket says");

    my @own = @{$w->redis->cmd(KEYS => 'torus:writer:*')};
    my @ttl = map { $w->redis->cmd(TTL => $_) } @own;
    is(scalar(grep { $_ < 0 } @ttl), 0, "$case: and so do ours")
        or diag("@ttl");
    $w->identities($case);
    $w->clean($case);
    ok($w->stop, "$case: it leaves");
    $w->redis->stop_server;
}

done_testing();
