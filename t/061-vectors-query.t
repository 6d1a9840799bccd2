# query.json, list.json and properties.json end to end: the points of each
# data set over Carbon into Redis, each request to nginx, its answer beside
# the original's.  Where we depart on purpose a rule or an entry below says
# how and why.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Torus ();
use Torus::Nginx;
use Torus::Vectors qw( vectors lines_of step_of );

my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my ($clock, $redis) = Torus::Vectors::servers();

my %write = (
    series    => sub { [ RPUSH => @_ ] },
    histogram => sub { [ HINCRBY => @_, 1 ] },
    count     => sub { [ INCRBY => @_ ] },
    gauge     => sub { [ SET => @_ ] },
    set       => sub { [ SADD => @_ ] },
);

# "dataset|request" => [reason, status, answers]: where no rule below tells
# ours.  An answer is datapoints, and what of the rest is not schema "s" and
# interval "minute".
my %departures;

my ($m0, $m1, $m2) = (1699999860, 1699999920, 1699999980);

departures('empty gauge', 'a gauge without data is null, not an error',
    '/series?stat=x&interval=minute&format=json'
        => [ { $m1 => undef, $m2 => undef } ],
    '/series?stat=x&interval=minute&format=json&collapse=true'
        => [ { $m1 => undef } ],
    map { ("/series?stat=$_(x)&interval=minute"
        => [ [ [ undef, $m1 ], [ undef, $m2 ] ] ]) } qw( mean min max sum ));

departures('gauge gaps', 'a gauge of 0 is 0',
    '/series?stat=app.hits&interval=minute&format=json'
        => [ { $m0 => undef, $m1 => 0, $m2 => 4 } ],
    '/series?stat=app.hits&interval=hour&format=json'
        => [ { 1699999200 => { $m1 => 0, $m2 => 4 } }, interval => 'hour' ],
    '/series?stat=web01.cpu.load&interval=minute&format=json'
        => [ { $m0 => 3, $m1 => 2, $m2 => 0 } ],
    '/series?stat=web01.cpu.load&interval=hour&format=json'
        => [ { 1699999200 => { $m0 => 3, $m1 => 2, $m2 => 0 } },
             interval => 'hour' ],
    '/series?stat=web01.cpu.load&interval=hour&format=json&condense=1'
        => [ { 1699999200 => 0 }, interval => 'hour' ],
    '/series?stat=web01.cpu.load&interval=minute&format=json&collapse=1'
        => [ { $m0 => 0 } ],
    '/series?stat=app.hits,web01.cpu.load&interval=hour&format=json'
        => [ { 1699999200 => { $m0 => 3, $m1 => 2, $m2 => 0 } },
             interval => 'hour' ],
    '/series?stat=web01.cpu.load,app.hits&interval=hour&format=json'
        => [ { 1699999200 => { $m0 => 3, $m1 => 0, $m2 => 4 } },
             interval => 'hour' ],
    '/series?stat=web01.cpu.load&interval=minute'
        => [ [ [ 3, $m0 ], [ 2, $m1 ], [ 0, $m2 ] ], function => 'mean' ],
    '/series?stat=max(web01.cpu.load)&interval=minute'
        => [ [ [ 3, $m0 ], [ 2, $m1 ], [ 0, $m2 ] ] ]);

departures('equal keys', 'fields 3 and 3.0 of a histogram add up',
    '/series?stat=app.hits&format=json' => [ { $m2 => { 3 => 4 } } ],
    '/series?stat=sum(app.hits)' => [ [ [ 12, $m2 ] ] ],
    '/series?stat=count(app.hits)' => [ [ [ 4, $m2 ] ] ]);

departures('equal keys', 'keys are not cut to 12 digits',
    '/series?stat=web01.cpu.load&format=json'
        => [ { $m2 => { 2.5 => 1, 7 => 1, '0.1234567890123456' => 1 } } ],
    '/series?stat=rate(web01.cpu.load)&format=json'
        => [ { $m2 => { map { ($_ => 1 / 60) }
                        2.5, 7, '0.1234567890123456' } } ]);

departures('float count', 'a count may hold a fraction',
    '/series?stat=app.hits&format=json' => [ { $m1 => 0, $m2 => 1.5 } ]);

departures('foreign data', 'keys of another type are no data of this schema',
    '/series?stat=app.hits&format=json&schema=cnt'
        => [ { $m2 => 0 }, schema => 'cnt' ]);

departures('nan', 'NaN and infinity are not stored',
    '/series?stat=app.hits&format=json' => [ { $m1 => [], $m2 => [ 1 ] } ],
    '/series?stat=web01.cpu.load&format=json'
        => [ { $m1 => [], $m2 => [ 2 ] } ],
    '/series?stat=count(app.hits)&format=json' => [ { $m1 => 0, $m2 => 1 } ],
    '/series?stat=sum(app.hits)&format=json' => [ { $m1 => 0, $m2 => 1 } ],
    '/series?stat=max(web01.cpu.load)&format=json'
        => [ { $m1 => undef, $m2 => 2 } ],
    '/series?stat=mean(web01.cpu.load)&format=json'
        => [ { $m1 => undef, $m2 => 2 } ]);

departures('number -9223372036854775809', 'beyond 64 bits it is a double',
    '/series?stat=app.hits&format=json' => [ { $m2 => [ -2 ** 63 ] } ],
    '/series?stat=max(app.hits)' => [ [ [ -2 ** 63, $m2 ] ] ]);

departures('number 18446744073709551616', 'beyond 64 bits it is a double',
    '/series?stat=app.hits&format=json' => [ { $m2 => [ 2 ** 64 ] } ]);

departures('histogram', 'in graphite format the rate is one number',
    '/series?stat=rate(app.hits)&interval=minute' => [ [
        [ 2 / 60, 1699999740 ], [ 1 / 60, 1699999800 ], [ 1 / 60, $m0 ],
        [ 2 / 60, $m1 ], [ undef, $m2 ] ] ]);

departures('gregorian histogram', 'in graphite format the rate is one number',
    '/series?stat=rate(app.hits)&interval=m&start=1707523200&steps=1'
        => [ [ [ 3 / 29 / 86400, 1706745600 ] ], interval => 'm' ]);

departures('schemas', 'the first schema that matches answers',
    '/series?stat=app.hits'
        => [ [ [ undef, $m0 ], [ undef, $m1 ], [ 2, $m2 ] ],
             schema => 'first', function => 'mean' ],
    '/series?stat=app.hits&format=json'
        => [ { $m0 => 0, $m1 => 0, $m2 => 2 }, schema => 'first' ]);

for my $type (qw( histogram series set )) {
    my @first = $type eq 'series' ? 4.5 : $type eq 'set' ? 3.5 : 2.5;
    my @rest = $type eq 'histogram' ? (2.5, 5, 9.5) : (2.25, 1.5, 9.5);

    departures($type, 'avg is mean',
        '/series?stat=avg(app.hits)&interval=minute' => [ [
            [ $first[0], 1699999740 ], [ $rest[0], 1699999800 ],
            [ $rest[1], $m0 ], [ $rest[2], $m1 ], [ undef, $m2 ] ] ]);
}

$departures{'interval carried over|/series?stat=p&stat=r&format=json'} = [
    'each stat has an interval of its own', 200,
    [ answer('p', { $m1 => 0, $m2 => 1 }, schema => 'p', interval => 'i1'),
      answer('r', { 1699999500 => 0, 1699999800 => 2 }, schema => 'r',
             interval => 'i2') ] ];

bad('a number of buckets is positive',
    'ranges|/series?stat=count(app.hits)&format=json&steps=-2');
bad('a range that ends before it begins',
    'ranges|/series?stat=count(app.hits)&format=json&start=1699999920'
    . '&end=1699999740');
bad('what is no time is no absent time',
    'ranges|/series?stat=count(app.hits)&format=json&start=-100&steps=3',
    'ranges|/series?stat=count(app.hits)&format=json&start=gibberish'
    . '&steps=2');

my $subs = { 1699995600 => {},
             1699999200 => { $m0 => [ 2 ], $m1 => [ 1 ], $m2 => [ 0 ] } };
my %hour = (interval => 'hour');

departures('switches', 'false and 0 mean false',
    map { ("/series?stat=app.hits&format=json&$_" => [ $subs, %hour ]) }
        qw( condense=false condense=0 condense=no collapse=false
            collapse=0 ));
departures('switches', 'the names of formats know no case',
    '/series?stat=app.hits&format=JSON' => [ $subs, %hour ]);
departures('switches', 'of two formats the first wins',
    '/series?stat=app.hits&format=json&format=graphite' => [ $subs, %hour ]);
bad('neither true nor false',
    'switches|/series?stat=app.hits&format=json&collapse=x&condense=true');
bad('an unknown format', 'switches|/series?stat=app.hits&format=xml');

# ";" belongs to a tagged name, as Graphite has them
$departures{'switches|/series?stat=app.hits;format=json'} = [
    'a semicolon is part of a name', 200,
    [ answer('app.hits;format=json',
             [ [ undef, 1699995600 ], [ undef, 1699999200 ] ],
             function => 'mean', %hour) ] ];

bad('an unknown function',
    'specs|/series?stat=MAX(app.hits)&format=json&steps=1',
    'specs|/series?stat=_f1(app.hits)&format=json&steps=1');

my @odd = ('.lead', '1234', 'UPPER.lower', 'a..b', 'back\\slash',
           "caf\x{e9}.hits", 'col:on', 'glob*[a]?', 'name with spaces',
           'p%20q', 'quo\'te"d', "tab\there", 'trail.', "\x{65e5}\x{672c}");

$departures{"l odd names|$_"} = [ 'a name may hold a colon', 200, \@odd ]
    for '/list', '/list/';

for my $query ('', '/', '?schema=', '?schema=one', '?schema=two') {
    my $why = 'only keys of the schema, whatever the prefix of others';
    $departures{"l prefix and none, one database|/list$query"}
        = [ $why, 200, [ 'app.hits' ] ];
    $departures{"l two prefixes, one database|/list$query"}
        = [ $why, 200, [ qw( app.hits stats.timers.login web01.cpu.load ) ] ];
}

bad('a stat is asked for', map { "p no schema|/properties$_" } '', '?stat=');

my $held = { minute => { first => $m2, last => $m2 } };
$departures{"p odd names|/properties?stat=$_->[0]"}
    = [ 'names are literal', 200, { $_->[1] => { s => $_->[2] } } ]
    for [ 'glob%2A%5Ba%5D%3F', 'glob*[a]?', $held ],
        [ 'back%5Cslash', 'back\\slash', $held ],
        [ 'a%2A', 'a*', {} ], [ '%3F', '?', {} ], [ 'col', 'col', {} ];

$departures{"schemas|/series?stat=app.hits&schema=nope$_"}
    = [ 'an unknown schema is a 404', 404 ] for '', '&interval=minute';

for my $name (qw( query list properties )) {
    my $vectors = vectors($name);
    my %cases;

    Torus::Vectors::keep_order($name);
    push @{$cases{$_->{dataset}}}, $_ for @{$vectors->{cases}};

    for my $dataset (sort keys %cases) {
        run_dataset($name, $dataset, $vectors->{datasets}{$dataset},
                    $cases{$dataset});
    }
}

for my $key (sort keys %departures) {
    fail("$key: a departure that no case meets")
        if !$departures{$key}[3];
}

done_testing();


sub run_dataset {
    my ($kind, $name, $set, $cases) = @_;

    $clock->freeze($set->{now});
    $redis->cmd('FLUSHALL');

    my ($nginx, $said) = Torus::Vectors::nginx_for($set, $clock, $redis);

    if (!$nginx) {
        fail("$name: nginx refuses the schema");
        diag($said);
        return;
    }

    feed($nginx, $set);

    for my $case (@$cases) {
        run_case($kind, $nginx, $set, $case);
    }

    ok($nginx->stop, "$name: nginx leaves on QUIT");
}

# Names and times that no Carbon line can hold are put into Redis as kairos
# has them.
sub feed {
    my ($nginx, $set) = @_;
    my $odd = qr/\s|^\.|\.$|\.\./;
    my @lines = grep { $_->[0] !~ $odd && $_->[2] >= 0 } @{$set->{inserts}};
    my @others = grep { $_->[0] =~ $odd || $_->[2] < 0 } @{$set->{inserts}};

    if (@lines) {
        my $before = $redis->changes;
        Torus::Nginx::carbon($nginx->karbon_port, lines_of(\@lines));
        $redis->quiet($before, 2);
    }

    foreign($set, @$_) for @others;
}

sub foreign {
    my ($set, $stat, $value, $ts) = @_;

    for my $schema (@{$set->{schemas}}) {
        my $patterns = $schema->{match};
        next if !grep { $stat =~ /$_/ } ref $patterns ? @$patterns : $patterns;

        my $prefix = $schema->{prefix} // '';
        $prefix .= ':' if length $prefix && $prefix !~ /:\z/;

        for my $name (keys %{$schema->{intervals}}) {
            my $i = $schema->{intervals}{$name};
            my $step = step_of($i->{step});
            my $res = step_of($i->{resolution} // $i->{step});
            my $bucket = Torus::Vectors::bucket_of($step, $ts);
            my $key = "$prefix$stat:$name:$bucket";

            if ($res ne $step) {
                my $sub = Torus::Vectors::bucket_of($res, $ts);
                $redis->cmd(SADD => $key, $sub);
                $key .= ":$sub";
            }

            $redis->cmd(@{$write{$schema->{type}}->($key, $value)});
        }
    }
}

sub run_case {
    my ($kind, $nginx, $set, $case) = @_;
    my $request = $case->{request};
    my $what = "$case->{dataset}: $request";
    my ($status, $body) = $nginx->get($request);
    my ($want_status, $want, $why) = expected($kind, $set, $case);
    my $got = eval { $json->decode($body) };

    $what .= " ($why)" if $why;

    if ($status != $want_status) {
        is($status, $want_status, "$what: status") or diag($body);
        return;
    }

    if ($status != 200) {
        ok(ref $got eq 'HASH' && length($got->{error} // ''),
           "$what: $status, " . ($got->{error} // '?'))
            or diag($body);
        return;
    }

    if ($kind eq 'query') {
        $got = sorted($got, $set);
        $want = sorted($want, $set);
    }

    my $where = Torus::differ($got, $want, '', 1.001e-4);

    ok(!defined $where, $what)
        or diag("differs $where\ngot:  ", $json->encode($got), "\nwant: ",
                $json->encode($want));
}

# The order of the answers is ours to fix, that of a set's members nobody's.
sub sorted {
    my ($answers, $set) = @_;
    my %type = map { ($_->{name} => $_->{type}) } @{$set->{schemas}};

    return $answers if ref $answers ne 'ARRAY';

    for my $answer (@$answers) {
        members($answer->{datapoints})
            if ref $answer->{datapoints} eq 'HASH'
               && ($type{$answer->{schema} // ''} // '') eq 'set';
    }

    return [ sort { $a->{stat} cmp $b->{stat}
                    || $json->encode($a) cmp $json->encode($b) } @$answers ];
}

sub members {
    my ($points) = @_;

    for my $value (values %$points) {
        if (ref $value eq 'HASH') {
            members($value);
        } elsif (ref $value eq 'ARRAY') {
            $value = [ sort { $a <=> $b } @$value ];
        }
    }
}


# One answer from a stat as asked for and its datapoints.
sub answer {
    my ($spec, $points, %more) = @_;
    my ($function, $name) = $spec =~ /^(\w+)\((.*)\)$/ ? ($1, $2)
                                                       : (undef, $spec);

    return {
        stat => $spec, stat_name => $name, target => $name,
        schema => 's', interval => 'minute', datapoints => $points,
        ($function ? (function => $function) : ()), %more,
    };
}

sub departures {
    my ($dataset, $why, %answers) = @_;

    for my $request (keys %answers) {
        my ($spec) = $request =~ /[?&]stat=([^&]*)/;
        $departures{"$dataset|$request"}
            = [ $why, 200, [ answer($spec, @{$answers{$request}}) ] ];
    }
}

sub bad {
    my ($why, @requests) = @_;
    $departures{$_} = [ $why, 400 ] for @requests;
}

# What we answer: status, body, and the departure's reason if there is one.
sub expected {
    my ($kind, $set, $case) = @_;

    if (my $d = $departures{"$case->{dataset}|$case->{request}"}) {
        $d->[3] = 1;
        return ($d->[1], $d->[2], $d->[0]);
    }

    return ($case->{status}, $case->{body}) if $kind ne 'query';
    return (400, undef, 'a bad request is a 400') if $case->{status} == 500;
    return ($case->{status}, undef) if $case->{status} != 200;

    for my $was (@{$case->{body}}) {
        my $no = refused($set, $was);
        return (400, undef, $no) if $no;
    }

    return (200, [ map { ours($set, $case, $_) } @{$case->{body}} ]);
}

sub type_of {
    my ($set, $name) = @_;
    my ($schema) = grep { $_->{name} eq ($name // '') } @{$set->{schemas}};
    return $schema ? $schema->{type} : '';
}

# Functions that the original let pass without doing anything.
sub refused {
    my ($set, $was) = @_;
    my $type = type_of($set, $was->{schema});
    my ($function) = $was->{stat} =~ /^(\w+)\(/;

    return undef if !defined $function;
    return 'an unknown function' if $function eq 'bogus';
    return 'a bucket of a count or gauge holds one number'
        if $function eq 'count' && $type =~ /^(?:count|gauge)$/;
    return 'a level has no rate' if $function eq 'rate' && $type eq 'gauge';
    return undef;
}

# One answer of the original in our form: names as strings, in graphite
# format pairs, null where there is no data and nothing follows from that.
sub ours {
    my ($set, $case, $was) = @_;
    my %answer = %$was;
    my %arg = map { /^([^=]*)=(.*)$/s ? ($1 => $2) : () }
              split /[&?;]/, $case->{request};
    my $graphite = ($arg{format} // 'graphite') ne 'json';
    my $collapse = ($arg{collapse} // '') !~ /^(?:0|false|off|)$/;

    $answer{stat_name} = join ',', @{$was->{stat_name}};
    $answer{target} = join ',', @{$was->{target}};
    delete $answer{function} if !defined $answer{function};

    my $points = $was->{datapoints};
    $points = {} if ref $points ne 'HASH';

    my $empty = sub { !holds($set, $was, $_[0], $collapse) };

    if ($graphite) {
        $answer{datapoints} = [ map {
            [ $empty->($_) ? undef : $points->{$_}, $_ + 0 ]
        } sort { $a <=> $b } keys %$points ];

    } elsif (($answer{function} // '') =~ /^(?:mean|avg|min|max)$/
             && type_of($set, $was->{schema}) =~ /^(?:series|histogram|set)$/)
    {
        $answer{datapoints} = { map {
            ($_ => !ref $points->{$_} && $empty->($_) ? undef : $points->{$_})
        } keys %$points };
    }

    return \%answer;
}

# Is there a key of one of these stats in the bucket that begins there, or,
# collapsed, in one after it?
sub holds {
    my ($set, $was, $ts, $collapse) = @_;
    my ($schema) = grep { $_->{name} eq $was->{schema} } @{$set->{schemas}};
    my $i = $schema->{intervals}{$was->{interval}};
    my $bucket = Torus::Vectors::bucket_of(step_of($i->{step}), $ts);
    my $prefix = $schema->{prefix} // '';

    $prefix .= ':' if length $prefix && $prefix !~ /:\z/;

    my @stems = map { "$prefix$_:$was->{interval}:" } @{$was->{stat_name}};

    return grep { $redis->cmd(EXISTS => "$_$bucket") } @stems if !$collapse;

    my %stem = map { $_ => 1 } @stems;
    return grep { /\A(.*:)(\d+)\z/s && $stem{$1} && $2 >= $bucket }
           @{$redis->cmd(KEYS => '*')};
}
