# Two hosts, one of them dead.  With "block" nothing is lost on either, and
# senders wait; with "drop" the living one gets everything, and what the dead
# one does not get is counted.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw( sleep time );
use Torus::Faults;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( wait_for );

my $count = Torus::Faults::pick(30000, 300000);

# the dead one: its name as an exception, and as the rule with an exception

my @cases = ([ 'block', '' ],
              [ 'block', 'karbon_overflow drop; karbon_overflow block DEAD; '
                         . 'karbon_overflow block ALIVE;' ],
              [ 'drop', 'karbon_overflow drop DEAD;' ],
              [ 'drop', 'karbon_overflow drop; karbon_overflow block ALIVE;' ]);

@cases = @cases[0, 2] if !Torus::Faults::long();

for my $case (@cases) {
    my ($mode, $directives) = @$case;
    my $alive = Torus::Redis->start;
    my $dead = Torus::Redis->start;
    my ($a, $d) = map { 'localhost:' . $_->port } $alive, $dead;
    my $what = length $directives ? $directives : 'the default';

    $directives =~ s/DEAD/$d/;
    $directives =~ s/ALIVE/$a/;
    $what =~ s/karbon_overflow //g;

    $dead->stop_server;

    my $w = Torus::Faults->new(redis => $alive, types => 'l', workers => 1,
        stream => "karbon_redis_queue 512k; $directives", schema => <<END);
{ "TIMESERIES": {
  "alive": { "type": "series", "match": "f.**", "prefix": "l",
             "host": "$a", "intervals": { "day": { "step": 86400 } } },
  "dead":  { "type": "series", "match": "f.**", "prefix": "l",
             "host": "redis://$d/0", "intervals": { "day": { "step": 86400 } } }
} }
END

    # no faster than the living one takes them

    $w->send(count => $count, rate => 20000) for 1 .. 2;
    sleep 1.8;

    my $n = 0;
    $n += @{$w->held($_)} for 'f.0', 'f.1';

    if ($mode eq 'block') {
        cmp_ok($n, '<', 2 * $count, "$what: $n points, and then they wait");
        my ($host) = grep { $_->{blocked} } values %{$w->status->{hosts}};
        ok($host, "$what: which the status page shows");
        $dead->run;
        $w->join;
        $w->judge($what);
    } else {
        $w->join;
        $w->judge($what);
        $dead->run;
    }

    my $o;
    ok(wait_for(sub {
        $o = $w->status->{operations};
        return $o->{queued} + $o->{in_flight} == 0;
    }, 20), "$what: the other one is back, all is settled");

    $w->{redis} = $dead;
    my $r = $w->compare;

    is($r->{doubled} + $r->{wrong}, 0, "$what: nothing is there twice");
    is($r->{disorder}, 0, "$what: in order");
    is($r->{lost}, $o->{dropped}, "$what: $r->{lost} are missing there, as "
       . 'many as were dropped');

    if ($mode eq 'block') {
        is($o->{dropped}, 0, "$what: none");
    } else {
        cmp_ok($o->{dropped}, '>', 0, "$what: some");
        is($w->logged(qr/is full, \d+ points are dropped/), 1,
           "$what: the log says so once");
    }

    $w->clean($what);
    $w->stop;
    $_->stop_server for $alive, $dead;
}

# what cannot be meant

my $w = Torus::Faults->new(start => 0,
                           stream => 'karbon_overflow drop nowhere:1;');
my ($code, $out) = $w->nginx->test;
isnt($code, 0, 'a host that no schema has');
like($out, qr/no schema has the host "nowhere:1\/0" of "karbon_overflow" in /,
     'is told');

$w = Torus::Faults->new(start => 0, stream => 'karbon_overflow lose;');
($code, $out) = $w->nginx->test;
isnt($code, 0, 'a mode that there is not');
like($out, qr/"lose" in "karbon_overflow" directive, it must be "block" or/,
     'is told');

done_testing();
