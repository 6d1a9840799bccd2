# parse_time.json end to end, as "start" of /series over a schema of one
# second's steps, whose first timestamp is then the time that was read; and
# as "end".  Departures as in the unit test: words of days and dates without
# a time are midnight, and those listed.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use POSIX qw( floor );
use Test::More;
use Torus::Nginx;
use Torus::Vectors qw( vectors );

my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my ($clock, $redis) = Torus::Vectors::servers();
my $host = '127.0.0.1:' . $redis->port . '/0';

# text => [reason, time or undef]
my %departures = (
    'monday' => [ "the latest, as Graphite's",
                  { 1700000000 => 1699833600, 1709208000.25 => 1708905600 } ],
    '-5' => [ 'a number without a unit' ],
    'end of day' => [ 'means 17:00 to some, midnight to others' ],
    'eod' => [ 'the same' ],
    'eom' => [ 'the same' ],
    'this week' => [ 'its beginning or its end?' ],
    'this month' => [ 'the same' ],
    'nan' => [ 'no time' ],
    'inf' => [ 'no time' ],
    '0' => [ 'the epoch itself is as none in a query, as it was',
             { 1700000000 => 1700000000, 1709208000.25 => 1709208000 } ],
);

my %midnight = map { $_ => 1 } qw( today yesterday tomorrow Today YESTERDAY
    2023-11-01 11/01/2023 11/1/23 ), 'last week', 'last month', 'last year',
    'next week', 'next month', 'Nov 1 2023', 'November 1, 2023',
    '1 Nov 2023', 'last monday', 'next friday';

my $nginx = Torus::Nginx->new(clock => $clock);
my $port = $nginx->port;

$nginx->file('schema.json', <<END);
{ "TIMESERIES": { "s": { "type": "count", "match": "**", "host": "$host",
    "intervals": { "second": { "step": 1 } } } } }
END
$nginx->conf($nginx->http_block(<<END));
    torus_schema schema.json;
    server { listen 127.0.0.1:$port; location / { torus_query on; } }
END
$nginx->start;

my %met;
my @cases = sort { $a->{now} <=> $b->{now} } @{vectors('parse_time')->{cases}};

for my $case (@cases) {
    my $text = $case->{text};
    my $want = $case->{result};
    my $why = '';

    if (my $departure = $departures{$text}) {
        $met{$text} = 1;
        $why = ": $departure->[0]";
        $want = $departure->[1] && $departure->[1]{$case->{now}};
    } elsif (defined $want) {
        $want = $midnight{$text} ? floor($want / 86400) * 86400
                                 : floor($want);
    }

    $clock->freeze($case->{now});

    utf8::encode(my $bytes = $text);
    (my $arg = $bytes) =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ge;

    for my $name ('start', 'end') {
        my ($status, $body) = $nginx->get("/series?stat=a&steps=1&$name=$arg");
        my $what = "$case->{now}, $name=$text$why";

        # an empty argument is none
        if ($bytes eq '') {
            is($status, 200, $what);
            next;
        }

        if (!defined $want) {
            is($status, 400, $what);
            like($body, qr/\\"$name\\"/, "$what: names the argument");
            next;
        }

        my $answer = eval { $json->decode($body) };
        is(eval { $answer->[0]{datapoints}[0][1] }, $want, $what)
            or diag($body);
    }
}

ok($met{$_}, "a departure that a case meets: $_") for sort keys %departures;

done_testing();
