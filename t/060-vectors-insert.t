# insert.json through the running nginx and Redis: each case's points over
# Carbon at its time, then what Redis holds, key by key, with the time each
# key expires.  Where we depart from the original on purpose the case says
# why, and what we store instead.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Torus::Nginx;
use Torus::Vectors qw( vectors lines_of expiry );

my $json = JSON::PP->new->allow_nonref->canonical;

# The minute of most cases.
my $at = 28486800;

# what => [reason, sub (state)]: changes the recorded state to ours; keys are
# "db/name", values [type, value].
my %departures = (

    'count, zero' => [
        'a count of 0 is stored: idle is not missing',
        sub {
            $_[0]{'0/app.hits:minute:28333333'} = [ string => '0' ];
            $_[0]{'0/app.hits:hour:472222:28333333'} = [ string => '0' ];
        },
    ],

    'small and negative timestamps, no expiry' => [
        '-1 means the time of arrival, other negative ones are refused',
        sub {
            delete @{$_[0]}{'0/app.hits:minute:-1', '0/app.hits:minute:-2'};
            $_[0]{"0/app.hits:minute:$at"} = [ list => [ '4' ] ];
        },
    ],

    'odd names' => [
        'blanks end a name in a Carbon line, empty nodes are squeezed',
        sub {
            delete @{$_[0]}{map { "0/$_:minute:$at" } 'name with spaces',
                            "tab\there", '.lead', 'trail.', 'a..b'};
            $_[0]{"0/$_:minute:$at"} = [ string => '1' ]
                for qw( lead trail a.b );
        },
    ],

    'odd names with a resolution and a prefix' => [
        'blanks end a name in a Carbon line',
        sub {
            delete @{$_[0]}{"0/p q:name with spaces:hour:474780",
                            "0/p q:name with spaces:hour:474780:2848680"};
        },
    ],

    'big integers' => [
        'an INCRBY that overflows becomes an INCRBYFLOAT',
        sub {
            $_[0]{"0/app.hits:minute:$at"}
                = [ string => '9223372036854775808' ];
            $_[0]{"0/web01.cpu.load:minute:$at"}
                = [ string => '100000000000000000000' ];
        },
    ],

    'big integers in a series' => [
        'integers beyond 64 bits are doubles',
        sub {
            $_[0]{"0/app.hits:minute:$at"} = [ list => [
                '9.223372036854776e+18', '-1.2345678901234568e+29' ] ];
        },
    ],

    'nan and inf' => [
        'NaN is dropped, infinity is a bad value',
        sub { delete $_[0]{"0/app.hits:minute:$at"} },
    ],

    'a count mixing floats and integers' => [
        'after a fraction INCRBY goes on as INCRBYFLOAT',
        sub { $_[0]{"0/app.hits:minute:$at"} = [ string => '4.5' ] },
    ],

    'integers and equal floats are distinct' => [
        '"3L" is no number',
        sub {
            $_[0]{"0/app.hits:minute:$at"} = [ hash => { 3 => 3,
                                                         '3.0' => 2 } ];
        },
    ],

    'ttl beyond what Redis takes' => [
        'a time that far ahead is refused',
        sub { %{$_[0]} = () },
    ],
);

# A line "stat  time" has no value but its second field.
my %empty = (
    series    => [ list => [ '1700000000', '4' ] ],
    histogram => [ hash => { 1700000000 => 1, 4 => 1 } ],
    count     => [ string => '1700000004' ],
    set       => [ set => [ '1700000000', '4' ] ],
);

for my $type (keys %empty) {
    $departures{"$type, values that fail"} = [
        'in a Carbon line an empty value is the time',
        sub { $_[0]{'0/app.hits:minute:28333333'} = $empty{$type} },
    ];
}

# what => [reason, what nginx must say]
my $longer = [ 'a resolution longer than its step is a fault',
               qr/resolution" must not be longer than "step"/ ];
my %refused = (
    (map { ($_ => $longer) } 'resolution larger than the step',
                             map { "random $_" } 4, 8, 9, 13, 17),

    'wrong type already at the key' => [
        'two schemas that would write a key in different ways',
        qr/"intervals.minute" has the keys of schema "l" but another type/,
    ],
);

my ($clock, $redis) = Torus::Vectors::servers();
my $vectors = vectors('insert');

Torus::Vectors::keep_order('insert');

for my $case (@{$vectors->{cases}}) {
    run_case($case);
}

for my $what (sort keys %departures, keys %refused) {
    fail("$what: a departure that no case meets")
        if !grep { $_->{what} eq $what } @{$vectors->{cases}};
}

done_testing();


sub run_case {
    my ($case) = @_;
    my $what = $case->{what};

    $clock->freeze($case->{now});
    $redis->cmd('FLUSHALL');

    my ($nginx, $said) = Torus::Vectors::nginx_for($case, $clock, $redis);

    if (my $refused = $refused{$what}) {
        like($said // '', $refused->[1], "$what: $refused->[0]");
        $nginx->stop if $nginx;
        return;
    }

    if (!$nginx) {
        fail("$what: nginx refuses the schema");
        diag($said);
        return;
    }

    my ($want, $expires, $why) = expected($case);

    Torus::Nginx::carbon($nginx->karbon_port, lines_of($case->{inserts}));

    # it has gone when Redis has acknowledged everything
    ok($nginx->stop, "$what: nginx leaves on QUIT");

    my ($got, $got_expires) = state($case);

    is_deeply($got, $want, $why ? "$what: $why" : "$what: state")
        or diag("got:  ", $json->encode($got), "\nwant: ",
                $json->encode($want));
    is_deeply($got_expires, $expires, "$what: expiry")
        or diag("got:  ", $json->encode($got_expires), "\nwant: ",
                $json->encode($expires));

    my @loud = grep { /\[(?:error|crit|alert|emerg)\]/ }
               split /\n/, $nginx->log_text;
    is_deeply(\@loud, [], "$what: nothing in the log");
}

# What Redis holds in the databases of the case.
sub state {
    my ($case) = @_;
    my (%state, %expires);

    for my $db (dbs($case)) {
        my $dump = $redis->dump($db);

        for my $key (keys %$dump) {
            my ($type, $value, $expire) = @{$dump->{$key}};
            $state{"$db/$key"} = [ $type, $value ];
            $expires{"$db/$key"} = $expire;
        }
    }

    return (\%state, \%expires);
}

sub dbs {
    my ($case) = @_;
    my %dbs = map { ($_->{db} // 0) => 1 } @{$case->{schemas}};
    return sort keys %dbs;
}

sub expected {
    my ($case) = @_;
    my (%state, %expires, $why);

    for my $key (keys %{$case->{state}}) {
        my $was = $case->{state}{$key};
        my ($db, $name) = (0, $key);

        ($db, $name) = ($1, $2)
            if $key =~ m{\A(\d+)/(.*)\z}s && grep { $_ == $1 } dbs($case);

        utf8::encode($name);
        my $value = $was->{value};
        $value = [ sort @$value ] if $was->{type} eq 'set';
        $state{"$db/$name"} = [ $was->{type}, $value ];
    }

    if (my $departure = $departures{$case->{what}}) {
        $why = $departure->[0];
        $departure->[1]->(\%state, $case);
    }

    for my $key (keys %state) {
        my ($db, $name) = $key =~ m{\A(\d+)/(.*)\z}s;
        $expires{$key} = expiry($case, $db, $name);
    }

    return (\%state, \%expires, $why);
}
