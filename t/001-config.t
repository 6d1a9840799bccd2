# What "nginx -t" says of configurations that cannot be: which file, where in
# it, and why.  No Redis runs, since none has to for a test of the
# configuration, for a start or for a reload.

use strict;
use warnings;

use lib 't/lib';

use Test::More;
use Torus::Nginx;
use Torus::Util qw( root wait_for free_port );

chdir root() or die root(), ": $!\n";

my $nginx = Torus::Nginx->new;
my $dir = $nginx->dir;
my $none = free_port();

# every schema but the one whose host is at fault
my $schema = sub { schema('"match": "**"', @_) };
my $minute = '"intervals": { "m": { "step": 60 } }';

my @faults = (
    [ 'no JSON', "{\n  \"TIMESERIES\": {,\n}",
      qr{/schema\.json:2:\d+: } ],
    [ 'a key twice', "{ \"TIMESERIES\": { \"a\": {\n \"match\": \"x\",\n"
                     . " \"match\": \"y\", $minute } } }",
      qr{/schema\.json:3:\d+: .*"match"} ],
    [ 'nothing', '{}', qr/schema\.json.*TIMESERIES/ ],
    [ 'an unknown key', schema('"match": "**"', '"macth": "x"', $minute),
      qr/schema "a" in "[^"]*schema\.json": .*"macth".*"match"/ ],
    [ 'no match', schema($minute), qr/schema "a" in .*"match"/ ],
    [ 'a pattern that is not closed', schema('"match": "a.{b"', $minute),
      qr/schema "a" in .*"match".*offset 2/ ],
    [ 'a regex that is none', schema('"match": "~a("', $minute),
      qr/schema "a" in .*"match".*offset/ ],
    [ 'no intervals', $schema->(), qr/schema "a" in .*"intervals"/ ],
    [ 'no step', $schema->('"intervals": { "m": {} }'),
      qr/schema "a" in .*"intervals\.m\.step"/ ],
    [ 'a negative step', $schema->('"intervals": { "m": { "step": -1 } }'),
      qr/"intervals\.m\.step" must be .*"?-1/ ],
    [ 'minutes or months', $schema->('"intervals": { "m": { "step": "5m" } }'),
      qr/"intervals\.m\.step" .*"5min".*"5mon".*"5m"/ ],
    [ 'a resolution longer than the step',
      $schema->('"intervals": { "m": { "step": 60, "resolution": 61 } }'),
      qr/"intervals\.m\.resolution"/ ],
    [ 'keep and steps',
      $schema->('"intervals": { "m": { "step": 60, "steps": 5, '
                . '"keep": "1d" } }'),
      qr/"intervals\.m\.(keep|steps)"/ ],
    [ 'a dot in the name of an interval',
      $schema->('"intervals": { "m.n": { "step": 60 } }'),
      qr/intervals/ ],
    [ 'a layout that is not known',
      $schema->('"intervals": { "m": { "step": 60, "layout": "zip" } }'),
      qr/"intervals\.m\.layout" must be "kairos" or "packed", not "zip"/ ],
    [ 'a packed layout without a resolution',
      $schema->('"intervals": { "m": { "step": 60, "layout": "packed" } }'),
      qr/"intervals\.m\.layout" must not be "packed" where "resolution"/ ],
    [ 'an unknown type', $schema->('"type": "counter"', $minute),
      qr/"type" .*"counter"/ ],
    [ 'a host that is none', $schema->('"host": "h:port"', $minute),
      qr/"host" must have a port/ ],
    [ 'a kind of host to come',
      $schema->('"host": "rediss://:secret@h"', $minute),
      qr/"host" .*rediss/ ],
    [ 'a format of two numbers', $schema->('"write_func": "%d %d"', $minute),
      qr/"write_func"/ ],
    [ 'an expression that is none',
      $schema->('"read_func": "v +"', $minute), qr/"read_func"/ ],
    [ 'rolling that is no number', $schema->('"rolling": "1"', $minute),
      qr/"rolling"/ ],
    [ 'final that is no boolean', $schema->('"final": 1', $minute),
      qr/"final"/ ],
    [ 'an unknown capture',
      '{ "TIMESERIES": { "a": { "match": "**", ' . $minute . ' } }, '
      . '"AGGREGATES": [ [ "t.<x>", "s.<y>" ] ] }',
      qr/AGGREGATES\[0\].*<x>/ ],
    [ 'an aggregate that is no pair',
      '{ "TIMESERIES": { "a": { "match": "**", ' . $minute . ' } }, '
      . '"AGGREGATES": [ [ "t" ] ] }', qr/AGGREGATES\[0\]/ ],
    [ 'the same keys in two ways',
      '{ "TIMESERIES": { "a": { "match": "x", ' . $minute . ' }, '
      . '"b": { "match": "x", "type": "count", ' . $minute . ' } } }',
      qr/schema "b" in .*"intervals\.m" has the keys of schema "a"/ ],
);

for my $fault (@faults) {
    my ($name, $text, $like) = @$fault;

    configure($text);

    my ($code, $said) = $nginx->test;

    isnt($code, 0, "$name is refused");
    like($said, qr/\[emerg\] .*$like/, '.. saying where and why');
    unlike($said, qr/secret/, '.. and nothing else');
}

# every fault at once
configure(schema('"type": "x"', '"rolling": "y"'));
my ($code, $said) = $nginx->test;
my @said = $said =~ /\[emerg\]/g;
cmp_ok(scalar @said, '>=', 4, 'one test shows all faults of a file');

# directives
for my $case (
    [ 'karbon without a schema', '', 'karbon on;', '', '',
      qr/"karbon on" needs a "karbon_schema"/ ],
    [ 'torus_query without a schema', 'karbon_schema schema.json;', '', '',
      'torus_query on;', qr/"torus_query on" needs a "torus_schema"/ ],
    [ 'a file that is not there', 'karbon_schema none.json;', 'karbon on;',
      '', '', qr/open\(\) "[^"]*none\.json" failed .* in [^ ]*nginx\.conf:/ ],
    [ 'a glob without a file', 'karbon_schema none.d/*.json;', 'karbon on;',
      '', '', qr/no schema file matches "none\.d/ ],
    [ 'a directory', 'karbon_schema .;', 'karbon on;', '', '',
      qr/is not a regular file in / ],
    [ 'a window of nothing',
      'karbon_schema schema.json; karbon_redis_window 0;', 'karbon on;', '',
      '', qr/"karbon_redis_window" must be from 1 to 64, not 0 in / ],
    [ 'a mode twice', 'karbon_schema schema.json; karbon_overflow drop; '
      . 'karbon_overflow block;', 'karbon on;', '', '',
      qr/"karbon_overflow" directive is duplicate in [^ ]*nginx\.conf:/ ],
    [ 'a mode of a host without a port', 'karbon_schema schema.json; '
      . 'karbon_overflow drop redis://u:secret@h:0;', 'karbon on;', '', '',
      qr/the host of "karbon_overflow" must have a port from 1 to 65535 in / ],
    [ 'zones from nowhere', 'karbon_schema schema.json;', 'karbon on;',
      'torus_schema schema.json; torus_timezones s.d;', 'torus_query on;',
      qr{stat\(\) "/[^"]*/conf/s\.d" failed} ],
    [ 'zones from a file', 'karbon_schema schema.json;', 'karbon on;',
      'torus_schema schema.json; torus_timezones schema.json;',
      'torus_query on;', qr{"/[^"]*/conf/schema\.json" is not a directory} ],
    [ 'a path longer than a line', 'karbon_schema schema.json;',
      'karbon on; karbon_line_max 100; karbon_path_max 101;', '', '',
      qr/"karbon_path_max" must be .* "karbon_line_max", which is 100,/ ],
) {
    my ($name, $stream, $server, $http, $location, $like) = @$case;

    configure(schema('"match": "**"', $minute), $stream, $server, $http,
              $location);
    ($code, $said) = $nginx->test;

    isnt($code, 0, "$name is refused");
    like($said, $like, '.. saying why');
    unlike($said, qr/secret/, '.. and nothing else');
}

# whose host it is
configure(schema('"match": "**"', '"host": "nowhere.invalid"', $minute));
($code, $said) = $nginx->test;
isnt($code, 0, 'a host that nobody knows is refused');
like($said, qr/redis host "nowhere[^"]*" of schema "a" in "[^"]*schema\.json"/,
     '.. with the schema that names it');

# good ones, with no Redis anywhere
my $good = schema('"match": "**"', "\"host\": \"127.0.0.1:$none\"", $minute);

configure($good, 'karbon_schema schema.json;', 'karbon on;',
          'torus_schema schema.json;', 'torus_query on;');
($code, $said) = $nginx->test;
is($code, 0, 'a good schema needs no Redis for a test');
unlike($said, qr/\[(?:warn|error|crit|alert|emerg)\]/, '.. and is quiet');

$nginx->start;
ok(wait_for(sub { $nginx->workers }, 5), 'nor for a start');
ok($nginx->reload, 'nor for a reload');

# what is broken leaves the old configuration at work
configure('{', 'karbon_schema schema.json;', 'karbon on;', '', '');
my @workers = $nginx->workers;
$nginx->signal('HUP');
ok(wait_for(sub { $nginx->log_text =~ /\[emerg\] .*schema\.json/ }, 5),
   'a broken schema is refused on reload');
is_deeply([ $nginx->workers ], \@workers, '.. and the workers stay');
$nginx->stop;

# comments, and files of a directory in their order
mkdir "$dir/conf/s.d";
$nginx->file('s.d/1.json', "# the first\n" . schema('"match": "x"', $minute));
$nginx->file('s.d/2.json', '{ "SCHEMAS": [ { "name": "b", '
             . '"match": "http://*", // not in strings' . "\n"
             . '"intervals": [ { "name": "h", "step": "1h" } ] } ] }');
configure($good, 'karbon_schema s.d/*.json;', 'karbon on;', '', '');
is(($nginx->test)[0], 0, 'a glob, comments, lists with names');

# what is odd is told once, though both modules read it
configure(schema('"match": "^a"', $minute), 'karbon_schema schema.json;',
          'karbon on;', 'torus_schema schema.json;', 'torus_query on;');
($code, $said) = $nginx->test;
is($code, 0, 'a plain pattern that looks like a regular expression');
like($said, qr/\[warn\] .*"match" is a plain pattern/, '.. earns a warning');
unlike($said, qr/plain pattern.*plain pattern/s, '.. and only one');

# the two modules should read the same
configure($good, 'karbon_schema s.d/*.json;', 'karbon on;',
          'torus_schema schema.json;', 'torus_query on;');
($code, $said) = $nginx->test;
is($code, 0, 'different schemas for the two modules');
like($said, qr/\[warn\] .*read different schemas/, '.. earn a warning');

configure(schema('"match": "^a"', $minute), 'karbon_schema s.d/*.json;',
          'karbon on;', 'torus_schema schema.json;', 'torus_query on;');
($code, $said) = $nginx->test;
like($said, qr/\[warn\] .*"match" is a plain pattern/,
     '.. and what is odd in those of either is told');

done_testing();


# The text of a schema file with one schema, "a", of these keys.
sub schema {
    return '{ "TIMESERIES": { "a": { ' . join(', ', @_) . ' } } }';
}

sub configure {
    my ($text, $stream, $server, $http, $location) = @_;

    $stream //= 'karbon_schema schema.json;';
    $server //= 'karbon on;';
    $http //= '';
    $location //= '';

    $nginx->file('schema.json', $text);

    my $karbon = $nginx->karbon_port;
    my $port = $nginx->port;

    $server ||= 'return "";';

    $nginx->conf("stream { $stream server { listen 127.0.0.1:$karbon; "
                 . "$server } }\n" . $nginx->http_block(
                 "$http server { listen 127.0.0.1:$port; "
                 . "location / { $location } }"));
}
