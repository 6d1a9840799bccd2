# conf.examples/'s dashboard and data source belong together, say nothing that
# one of Grafana's versions since 8.5 does not know, and each query of theirs,
# written out as Grafana does it, is answered by the example's server.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Torus::Clock;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( root slurp wait_for );

chdir root() or die root(), ": $!\n";

my $json = JSON::PP->new;
my $board = $json->decode(slurp('conf.examples/grafana.statsd.json'));
my $source = slurp('conf.examples/grafana.datasource.yaml');


# the files

my ($uid) = $source =~ /^ +uid: (\S+)$/m;
my ($url) = $source =~ m!^ +url: http://127\.0\.0\.1:8080(/\S*)$!m;
my %variables = map { $_->{name} => $_ } @{$board->{templating}{list}};

like($source, qr/^apiVersion: 1$/m, 'the data source is of the one version');
like($source, qr/^ +type: graphite$/m, 'a Graphite');
like($source, qr/^ +graphiteVersion: "1\.1"$/m, 'that has /functions');
like($source, qr/^ +graphiteType: default$/m, 'and no "meta"');
ok($board->{uid} && length $board->{uid} <= 40, 'the dashboard has a uid');
ok(!exists $board->{id}, 'and no id, which is of one Grafana');
cmp_ok($board->{schemaVersion}, '>=', 36, 'its schema is that of 8.5 or later');

my (%ids, %taken, @targets);

for my $panel (@{$board->{panels}}) {
    my $at = $panel->{gridPos};

    is($panel->{type}, 'timeseries', "$panel->{title}: a type since 8");
    ok(!$ids{$panel->{id}}++, 'an id of its own');
    is($panel->{datasource}{uid}, $uid, 'its data source');
    ok($at->{x} + $at->{w} <= 24, 'within 24 columns');

    my @cells = map { my $x = $_; map { "$x $_" }
                      $at->{y} .. $at->{y} + $at->{h} - 1 }
                $at->{x} .. $at->{x} + $at->{w} - 1;
    is_deeply([ grep { $taken{$_}++ } @cells ], [], 'where no other one is');

    my %letters;
    for my $target (@{$panel->{targets}}) {
        ok(!$letters{$target->{refId}}++, "$target->{refId}, once");
        is($target->{datasource}{uid}, $uid, 'its data source');
        is_deeply([ grep { !$variables{$_} } $target->{target} =~ /\$(\w+)/g ],
                  [], 'variables that there are');
        push @targets, [ @$target{qw( refId target )} ];
    }
}

for my $variable (values %variables) {
    is($variable->{type}, 'query', "\$$variable->{name} is asked for");
    is($variable->{datasource}{uid}, $uid, 'its data source');
    is(ref $variable->{current}{value}, $variable->{multi} ? 'ARRAY' : '',
       'what it begins with is a list where it has several values');
}


# the queries

my $clock = Torus::Clock->new;
$clock->freeze(1700000000);
my $redis = Torus::Redis->start(clock => $clock);
my $nginx = Torus::Nginx->new(clock => $clock);

my $host = '"127.0.0.1:' . $redis->port . '/0"';
my ($location) = slurp('conf.examples/nginx.grafana.conf')
                 =~ m!^( +location \Q$url\E/ \{.*?^ +\})!ms;

ok($location, 'the data source asks where the server answers');

$nginx->file('schema.json', slurp('conf.examples/schema.statsd.json')
                            =~ s/"localhost:6379\/0"/$host/gr);
$nginx->conf($nginx->http_block(<<END) . <<END);
    torus_schema schema.json;

    server {
        listen 127.0.0.1:${\ $nginx->port};
$location
    }
END
stream {
    karbon_schema schema.json;

    server {
        listen 127.0.0.1:${\ $nginx->karbon_port};
        karbon on;
    }
}
END
$nginx->start;

Torus::Nginx::carbon($nginx->karbon_port, join '', map { "$_ 1699999960\n" }
    (map { ("stats.counters.$_.count 6", "stats.counters.$_.rate 0.6") }
         'web', 'db'),
    (map { ("stats.timers.$_.mean 3", "stats.timers.$_.upper_90 5",
            "stats.timers.$_.upper 7") } 'get', 'put'),
    'stats.gauges.depth 4', 'stats.statsd.flush_length 1',
    'statsd.numStats 9');

ok(wait_for { stored() }, 'points are stored, and their names');

for my $variable (values %variables) {
    is_deeply(found($variable->{query}),
              $variable->{name} eq 'timer' ? [qw( get put )] : [qw( db web )],
              "\$$variable->{name} has what there is");
}

for my $target (@targets) {
    my ($letter, $text) = @$target;

    for my $value ('*', $text =~ /\$timer/ ? '{get,put}' : '{db,web}') {
        my $query = $text =~ s/\$\w+/$value/gr;
        my $series = ask('target='
                         . escape("aliasSub($query, \"(^.*\$)\", "
                                  . "\"\\1 $letter\")")
                         . '&from=1699996399&until=1700000001&format=json'
                         . '&maxDataPoints=900');

        ok(scalar @$series, "$query has series");
        ok(!(grep { $_->{target} !~ / \Q$letter\E$/ } @$series),
           'of its letter');
        ok(!(grep { !has_data($_) } @$series), 'with data in each');
    }
}

$nginx->stop;

done_testing();


sub stored {
    return @{found('stats.*.*')} == 6
           && 13 == grep { has_data($_) } @{ask('target=stats*.**')};
}

sub has_data { scalar grep { defined $_->[0] } @{$_[0]{datapoints}} }

sub found {
    my ($status, $body) = $nginx->post("$url/metrics/find", "query=$_[0]",
                                       form());
    return $status == 200 ? [ map { $_->{text} } @{$json->decode($body)} ]
                          : [];
}

sub form {
    return (headers => {
        'Content-Type' => 'application/x-www-form-urlencoded' });
}

sub escape { $_[0] =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger }

sub ask {
    my ($status, $body) = $nginx->post("$url/render", $_[0], form());
    return $status == 200 ? $json->decode($body) : [];
}
