# insert_http.json end to end: the original's requests, with POST in place of
# GET, at their time; then what Redis holds.  Departures of every case:
# success has a body, what the client did wrong is a 400 (the original's 500),
# and those below.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Torus::Vectors qw( vectors );

my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my ($clock, $redis) = Torus::Vectors::servers();
my $vectors = vectors('insert_http');

# "now|request" => [reason, status, sub (state)]
my %departures = (
    '1700000000|/insert?stat=app.hits&value=3&timestamp=-5' => [
        'there are no points before the epoch', 400,
        sub { delete $_[0]{'app.hits:minute:-1'} } ],
    '1709208000.25|/insert?stat=app.hits&value=1&timestamp=yesterday' => [
        'words are times', 200,
        sub { $_[0]{'app.hits:minute:' . 1709078400 / 60}
                  = { type => 'list', value => [ 1 ] } } ],
    '1709208000.25|/insert?stat=x&value=4&stat=y&value=5' => [
        'repeated fields are more points', 200,
        sub { $_[0]{'y:minute:28486800'}
                  = { type => 'string', value => 5 } } ],
    '1709208000.25|/insert?stat=semi;value=6' => [
        'a semicolon separates tags, not arguments', 400,
        sub { delete $_[0]{'semi:minute:28486800'} } ],
    '1709208000.25|/insert?stat=a&value=x' => [
        'no schema takes it: nothing to store, and said so', 200, sub { } ],
);

my %met;

for my $i (0 .. $#{$vectors->{cases}}) {
    run_case($vectors->{cases}[$i], $i);
}

ok($met{$_}, "a departure that a case meets: $_") for sort keys %departures;

done_testing();


sub run_case {
    my ($case, $n) = @_;
    my %state = %{$case->{state}};

    $clock->freeze($case->{now});
    $redis->cmd('FLUSHALL');

    my ($nginx, $said) = Torus::Vectors::nginx_for($case, $clock, $redis,
        undef, 'location / { torus_query on; torus_insert on; }');

    return fail("case $n: $said") if !$nginx;

    for my $i (0 .. $#{$case->{requests}}) {
        my $request = $case->{requests}[$i];
        my $key = "$case->{now}|$request";
        my $want = $case->{status}[$i] == 500 ? 400 : $case->{status}[$i];
        my $why = '';

        if (my $departure = $departures{$key}) {
            $met{$key} = 1;
            ($why, $want) = (": $departure->[0]", $departure->[1]);
            $departure->[2]->(\%state);
        }

        # nginx takes no request line without a path, and merges slashes;
        # "data" is none of our commands, like any other
        my $uri = length $request ? $request : '/';
        ($why, $want) = (': nginx merges slashes', 200)
            if $uri =~ m{^//insert};

        my ($status, $body) = $nginx->post($uri, '');
        is($status, $want, "case $n, $request$why");
        ok(eval { $json->decode($body) }, "case $n, $request: JSON");
    }

    if (grep { m{^//insert\?stat=a&value=1} } @{$case->{requests}}) {
        $state{"c:a:minute:22616639"} = { type => 'string', value => 1 };
        $state{"d:a:minute:22616639"} = { type => 'set', value => [ 1 ] };
    }

    my $dump = $redis->dump(0);
    my %got = map { ($_ => [ @{$dump->{$_}}[0, 1] ]) }
              grep { !/^torus:/ } keys %$dump;
    my %want;

    for my $key (keys %state) {
        my $value = $state{$key}{value};
        utf8::encode(my $name = $key);
        $value = [ sort @$value ] if $state{$key}{type} eq 'set';
        $want{$name} = [ $state{$key}{type}, $value ];
    }

    is($json->encode(flat(\%got)), $json->encode(flat(\%want)),
       "case $n: state");

    $nginx->stop;
}

# Numbers as texts.
sub flat {
    my ($v) = @_;

    return { map { ($_ => flat($v->{$_})) } keys %$v } if ref $v eq 'HASH';
    return [ map { flat($_) } @$v ] if ref $v eq 'ARRAY';
    return "$v";
}
