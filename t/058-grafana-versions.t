# One dashboard and its editor, as Grafana's versions ask for them: their
# data sources' own sources were run against this server and what they sent
# was written down.  Until 11.5 a panel's targets come as they are, later they
# are wrapped; alerts, and in the newest panels, editor and "Save & test" too,
# come from Grafana's backend, which is another program in another language:
# other encoding, other order, one target at a time.
#
# The clock stands at 1700000000.

use strict;
use warnings;

use lib 't/lib';
use Torus clock => 1700000000;
use Test::Nginx::Socket 'no_plan';

our $schema = <<'END';
{ "TIMESERIES": { "g": { "type": "gauge", "match": "**",
    "intervals": { "minute": { "step": 60, "steps": 1440 } } } } }
END

our $points = join '', map {
    "web.a.hits " . (3 * $_) . ' ' . (1699999800 + 60 * $_) . "\n"
    . "web.b.hits $_ " . (1699999800 + 60 * $_) . "\n" } 1 .. 3;

our $form = 'Content-Type: application/x-www-form-urlencoded';

# JavaScript's encodeURIComponent() and Go's url.QueryEscape()
sub js { $_[0] =~ s/([^A-Za-z0-9_.!~*'()-])/sprintf '%%%02X', ord $1/ger }
sub go { $_[0] =~ s/([^A-Za-z0-9_.~ -])/sprintf '%%%02X', ord $1/ger
              =~ tr/ /+/r }

sub wrapped { "aliasSub($_[0], \"(^.*\$)\", \"\\1 $_[1]\")" }

# A panel of the browser's; what is empty is not sent.
sub panel {
    my ($o, @targets) = @_;

    return "POST /torus/render\n"
         . join '&', (map { 'target=' . js($_) } @targets),
                     (map { "$_=$o->{$_}" } grep { $o->{$_} }
                          qw(from until format cacheTimeout maxDataPoints));
}

our %range = (from => 1699999861, until => 1699999981, format => 'json',
              maxDataPoints => 900);

# What the backend asks for, its arguments in the order of their names.
sub backend {
    my ($target, $max) = @_;

    return "POST /torus/render\nformat=json&from=1699999860"
         . "&maxDataPoints=$max&target=" . go($target) . '&until=1699999980';
}

sub answer {
    my ($name, $tags, @values) = @_;
    my $t = 1699999860;

    return "{\"target\":\"$name\",\"tags\":{$tags},\"datapoints\":["
         . join(',', map { "[$_," . ($t += 60) . ']' } @values) . ']}';
}

sub name { "\"name\":\"$_[0]\"" }

no_long_string();
run_tests();

__DATA__

=== TEST 1: 8 and 9: targets as they are, "#A" put in, hidden ones left out
--- schema eval: $::schema
--- carbon eval: $::points
--- more_headers eval: $::form
--- request eval
main::panel({ %::range }, 'web.*.hits',
    'divideSeries(sumSeries(web.*.hits),sumSeries(web.*.hits))',
    "summarize(web.a.hits, '5min', 'sum', false)")
--- json eval
my $sum = 'sumSeries(web.*.hits)';
'[' . join(',',
    main::answer('web.a.hits', main::name('web.a.hits'), 6, 9),
    main::answer('web.b.hits', main::name('web.b.hits'), 2, 3),
    main::answer("divideSeries($sum,$sum)",
                 main::name("divideSeries($sum,$sum)"), 1, 1),
    '{"target":"summarize(web.a.hits, \"5min\", \"sum\")","tags":{'
    . main::name('web.a.hits') . ',"summarize":"5min",'
    . '"summarizeFunction":"sum"},"datapoints":[[15,1699999800]]}') . ']'
--- no_error_log
[error]
[alert]



=== TEST 2: 11.6 and later: each wrapped, blanks in its letter made "_"
--- schema eval: $::schema
--- carbon eval: $::points
--- more_headers eval: $::form
--- request eval
main::panel({ %::range, cacheTimeout => 60 },
    main::wrapped('web.*.hits', 'A'),
    main::wrapped('asPercent(web.a.hits, sumSeries(web.*.hits))', 'My_query'),
    main::wrapped(q{alias(web.b.hits, 'a "b" c')}, 'C'))
--- json eval
'[' . join(',',
    main::answer('web.a.hits A', main::name('web.a.hits'), 6, 9),
    main::answer('web.b.hits A', main::name('web.b.hits'), 2, 3),
    main::answer('asPercent(web.a.hits,sumSeries(web.*.hits)) My_query',
                 main::name('asPercent(web.a.hits,sumSeries(web.*.hits))'),
                 75, 75),
    main::answer('a \"b\" c C', main::name('web.b.hits'), 2, 3)) . ']'
--- no_error_log
[error]
[alert]



=== TEST 3: 11.6 and later: a query just added is sent although it is empty, and
the panel's other queries are answered all the same
--- schema eval: $::schema
--- carbon eval: $::points
--- more_headers eval: $::form
--- request eval
[ main::panel({ %::range }, main::wrapped('web.a.hits', 'A'),
              main::wrapped('', 'B'), main::wrapped('undefined', 'C')),
  main::panel({ %::range }, main::wrapped('', 'A')),
  main::panel({ %::range }, main::wrapped(' ', 'A')),
  main::panel({ %::range }, main::wrapped('#B', 'A')),
  main::panel({ %::range }, main::wrapped('sumSeries(, web.a.hits)', 'A')) ]
--- json eval
[ '[' . main::answer('web.a.hits A', main::name('web.a.hits'), 6, 9) . ']',
  '[]', '[]', '[]',
  '[' . main::answer('sumSeries(web.a.hits) A',
                     '"aggregatedBy":"sum",' . main::name('web.a.hits'), 6, 9)
      . ']' ]
--- no_error_log
[error]
[alert]



=== TEST 4: "Save & test": without a range, or with words, or by the backend
--- schema eval: $::schema
--- no_stream
--- more_headers eval: $::form
--- request eval
[ main::panel({ from => '-1h', until => 'now', format => 'json',
                maxDataPoints => 300 }, 'constantLine(100)'),
  main::panel({ format => 'json', maxDataPoints => 300 },
              main::wrapped('constantLine(100)', 'A')),
  main::backend('constantLine(100)', 100),
  "GET /torus/metrics/find?query=*" ]
--- json eval
[ '[{"target":"100.0","tags":{"name":"100.0"},"datapoints":
    [[100,1699996400],[100,1699998200],[100,1700000000]]}]',
  '[{"target":"100.0 A","tags":{"name":"100.0"},"datapoints":
    [[100,1699913600],[100,1699956800],[100,1700000000]]}]',
  '[{"target":"100.0","tags":{"name":"100.0"},"datapoints":
    [[100,1699999860],[100,1699999920],[100,1699999980]]}]',
  '[]' ]
--- no_error_log
[error]
[alert]



=== TEST 5: the backend: an alert's targets in one form, wrapped without blanks;
in the newest one at a time, as they are
--- schema eval: $::schema
--- carbon eval: $::points
--- more_headers eval: $::form
--- request eval
[ "POST /torus/render\nformat=json&from=1699999860&maxDataPoints=500&target="
  . main::go('aliasSub(web.a.hits,"(^.*$)","\1 A")') . '&target='
  . main::go('aliasSub(movingAverage(web.b.hits, \'2min\'),"(^.*$)","\1 My_B")')
  . '&until=1699999980',
  main::backend('alias(web.a.hits, "a b + c")', 1043),
  "POST /torus/render?meta=true\nformat=json&from=1699999860&maxDataPoints=10"
  . '&target=web.b.hits&until=1699999980' ]
--- json eval
[ '[' . main::answer('web.a.hits A', main::name('web.a.hits'), 6, 9) . ','
      . main::answer('movingAverage(web.b.hits,\"2min\") My_B',
                     main::name('web.b.hits') . ',"movingAverage":"2min"',
                     1.5, 2.5) . ']',
  '[' . main::answer('a b + c', main::name('web.a.hits'), 6, 9) . ']',
  '[' . main::answer('web.b.hits', main::name('web.b.hits'), 2, 3) . ']' ]
--- no_error_log
[error]
[alert]



=== TEST 6: variables: of the browser a form that nothing was escaped in, of the
backend one with its range, "undefined" when there is none
--- schema eval: $::schema
--- carbon eval: $::points
--- more_headers eval: $::form
--- request eval
[ "POST /torus/metrics/find?from=1699996400&until=1700000000\nquery=web.{a,b}.*",
  "POST /torus/metrics/find\nquery=*eb*",
  "POST /torus/metrics/find?from=1699996400&until=1700000000\nquery=web.%2A",
  "POST /torus/metrics/find?from=undefined&until=undefined\nquery=web.%2A",
  "GET /torus/metrics/expand?query=web.*.hits&from=1699996400&until=1700000000",
  "GET /torus/metrics/expand?from=undefined&query=web.%2A.hits&until=undefined",
  "POST /torus/metrics/find?from=-6h&until=now\nquery=web.a",
  "POST /torus/metrics/find?from=never&until=now\nquery=web.a",
  "POST /torus/metrics/find\nquery=" ]
--- error_code eval
[ 200, 200, 200, 200, 200, 200, 200, 400, 400 ]
--- response_body_like eval
my $ab = qr/^\[\{"text":"a","id":"web\.a",.*\{"text":"b","id":"web\.b",.*\]$/;
[ qr/^\[\{"text":"hits","id":"web\.\{a,b\}\.hits","allowChildren":0,.*\}\]$/,
  qr/^\[\{"text":"web",.*"expandable":1,.*\}\]$/, $ab, $ab,
  (qr/^\{"results":\["web\.a\.hits","web\.b\.hits"\]\}$/) x 2,
  qr/^\[\{"text":"a"/, qr/^argument "from" must be a time/,
  qr/^argument "query" is missing$/ ]
--- no_error_log
[error]
[alert]



=== TEST 7: tags and events: of the backend with what is empty, too
--- schema eval: $::schema
--- no_stream
--- request eval
[ "GET /torus/tags/autoComplete/tags?limit=10000&from=1699996400&until=1700000000",
  "GET /torus/tags/autoComplete/tags?from=undefined&limit=0&tagPrefix=&until=undefined",
  "GET /torus/tags/autoComplete/values?expr=app%3Dx&expr=dc%3D~.*&tag=server&limit=10000",
  "GET /torus/tags/autoComplete/values?expr=a%3Db&from=undefined&limit=0&tag=a&until=undefined&valuePrefix=",
  "GET /torus/tags", "GET /torus/tags/server",
  "GET /torus/events/get_data?from=-1h&until=now&tags=deploy%20prod",
  "GET /torus/events/get_data?from=1699996400&tags=a+b&until=1700000000",
  "GET /torus/events/get_data?from=-1mon&until=" ]
--- json eval
[ ('[]') x 5, '{"tag":"server","values":[]}', ('[]') x 3 ]
--- no_error_log
[error]
[alert]



=== TEST 8: what a user reads when a query fails: all of the body, which is no
HTML, no JSON, and one line
--- schema eval: $::schema
--- no_stream
--- config
location /torus/ { torus_query on; torus_max_targets 2; torus_max_depth 2; }
--- more_headers eval: $::form
--- request eval
[ main::panel({ %::range }, main::wrapped('nosuch(a)', 'A')),
  main::panel({ %::range }, main::wrapped('sumSeries(a', 'A')),
  main::panel({ %::range }, main::wrapped("movingAverage(a, 'x')", 'A')),
  main::panel({ %::range }, main::wrapped('divideSeries(a)', 'A')),
  main::panel({ %::range }, main::wrapped('scale(a, )', 'A')),
  main::panel({ %::range }, 'a', 'b', 'c'),
  main::panel({ %::range }, main::wrapped('scale(scale(a,1),1)', 'A')),
  main::panel({ %::range, from => 1699999981 }, 'a') ]
--- error_code eval
[ 400, 400, 400, 400, 400, 413, 413, 400 ]
--- response_headers eval
[ ("Content-Type: text/plain") x 8 ]
--- response_body eval
[ "unknown function \"nosuch\"\n",
  "expected \",\" or \")\" at the end of the target\n",
  "argument \"windowSize\" of movingAverage() has to be a number of points or a duration such as \"5min\", not \"x\"\n",
  "divideSeries() lacks its argument \"divisorSeries\"\n",
  "expected a path or a function at character 19 of the target, not \"), \\x22(^.*\$)\\x22, \\x22\\x5C1 ...\"\n",
  "more than 2 targets\n",
  "functions are nested at most 2 deep\n",
  "the time range from \"from\" to \"until\" is empty\n" ]
--- no_error_log
[alert]



=== TEST 9: a page of another site, with a password: the browser asks first
--- schema eval: $::schema
--- carbon eval: $::points
--- user_files
>>> users
u:{PLAIN}p
--- config
auth_basic "x";
auth_basic_user_file ../html/users;

location /torus/ {
    torus_query on;

    add_header Access-Control-Allow-Origin https://grafana.example.com always;
    add_header Access-Control-Allow-Headers Authorization always;
    add_header Access-Control-Allow-Credentials true always;

    if ($request_method = OPTIONS) { return 204; }
}
--- request eval
[ "OPTIONS /torus/render", "OPTIONS /torus/metrics/find?from=1&until=2",
  (main::panel({ %::range }, 'web.a.hits')) x 2,
  main::panel({ %::range }, 'nosuch(a)') ]
--- more_headers eval
my $asks = "Origin: https://grafana.example.com\n"
           . "Access-Control-Request-Method: POST\n"
           . "Access-Control-Request-Headers: authorization";
my $knows = "$::form\nAuthorization: Basic dTpw";
[ $asks, $asks, $knows, $::form, $knows ]
--- error_code eval
[ 204, 204, 200, 401, 400 ]
--- response_headers eval
[ ("Access-Control-Allow-Origin: https://grafana.example.com\n"
   . "Access-Control-Allow-Headers: Authorization\n"
   . "Access-Control-Allow-Credentials: true") x 5 ]
--- response_body_like eval
[ qr/^$/, qr/^$/, qr/^\[\{"target":"web\.a\.hits",/,
  qr/^authorization is required$/, qr/^unknown function "nosuch"$/ ]
--- no_error_log
[alert]



=== TEST 10: the editor's functions, just added: an optional argument that is
blank is none, one that is required is asked for
--- schema eval: $::schema
--- carbon eval: $::points
--- more_headers eval: $::form
--- request eval
[ map { main::panel({ %::range }, main::wrapped($_, 'A')) }
      "smartSummarize(web.a.hits, '5min', 'sum', '')",
      "movingWindow(web.a.hits, '2min', '')", "pct(web.a.hits, '')",
      "cactiStyle(web.a.hits, '', '')", "timeStack(web.a.hits, '', 0, 1)",
      "filterSeries(web.a.hits, '', '')", "aliasByNode(web.a.hits, '')",
      "consolidateBy(web.a.hits, '')", "alias(web.a.hits, '')" ]
--- error_code eval
[ (200) x 5, 400, 200, 400, 200 ]
--- response_body_like eval
[ qr/^\[\{"target":"smartSummarize\(web\.a\.hits, \\"5min\\", \\"sum\\"\) A"/,
  qr/^\[\{"target":"movingAverage\(web\.a\.hits,\\"2min\\"\) A"/,
  qr/^\[\{"target":"asPercent\(web\.a\.hits,/, qr/^\[\{"target":"web\.a\.hits/,
  qr/^\[\{"target":"timeShift\(web\.a\.hits, -1d, 0\) A"/,
  qr/^argument "func" of filterSeries\(\) has to be/, qr/^\[\{"target":" A"/,
  qr/^argument "consolidationFunc" of consolidateBy\(\)/, qr/^\[\{"target":" A"/ ]
--- no_error_log
[alert]
