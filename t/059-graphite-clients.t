# Requests of programs that are no Grafana, as their sources make them:
# cubism, tasseo, giraffe, descartes, tessera, Icinga Web's graphite module,
# seyren, graphite-beacon, cabot, moira, check_graphite, and the composer and
# the dashboards of graphite-web itself.
#
# The clock stands at 1700000000.

use strict;
use warnings;

use lib 't/lib';
use Torus clock => 1700000000;
use Test::Nginx::Socket 'no_plan';

our $schema = <<'END';
{ "TIMESERIES": { "g": { "type": "gauge", "match": "**",
    "intervals": { "ten": { "step": 10, "steps": 1440 } } } } }
END

our $points = join '', map {
    "web.a.cpu $_ " . (1699999700 + 10 * $_) . "\n"
    . ($_ == 7 ? '' : "web.b.cpu " . 2 * $_ . ' '
                      . (1699999700 + 10 * $_) . "\n") } 1 .. 29;

# every tenth second from the first, of web.a.cpu
sub points { join ',', map { "[$_.0," . (1699999700 + 10 * $_) . ']' } @_ }

sub series {
    return "{\"target\":\"$_[0]\",\"tags\":{\"name\":\"$_[1]\"},"
           . "\"datapoints\":[$_[2]]}";
}

no_long_string();
run_tests();

__DATA__

=== TEST 1: cubism: raw, summarized, without a name; its completer
--- schema eval: $::schema
--- carbon eval: $::points
--- request eval
[ "GET /torus/render?format=raw&target=alias(web.a.cpu%2C'')&from=1699999890&until=1699999949",
  "GET /torus/render?format=raw&target=alias(summarize(web.a.cpu%2C'1min'%2C'sum')%2C'')&from=1699999740&until=1699999919",
  "GET /torus/render?format=raw&target=alias(summarize(web.a.cpu%2C'30sec'%2C'max')%2C'')&from=1699999830&until=1699999919",
  "GET /torus/render?format=raw&target=alias(no.such%2C'')&from=1699999740&until=1699999919",
  "GET /torus/metrics/find?format=completer&query=web." ]
--- response_body eval
[ ",1699999900,1699999950,10|20.0,21.0,22.0,23.0,24.0\n",
  ",1699999740,1699999980,60|35.0,75.0,111.0,None\n",
  ",1699999830,1699999950,30|15.0,18.0,21.0,None\n", '',
  '{"metrics":[{"path":"web.a.","name":"a","is_leaf":"0"},'
  . '{"path":"web.b.","name":"b","is_leaf":"0"}]}' ]
--- no_error_log
[error]
[alert]



=== TEST 2: tasseo, giraffe, descartes and tessera draw
--- schema eval: $::schema
--- carbon eval: $::points
--- request eval
[ "GET /torus/render/?target=keepLastValue(web.b.cpu)&target=web.a.cpu&from=-1minutes&format=json",
  "GET /torus/render?from=-1minutes&&target=alias(web.a.cpu,'cpu')&target=&maxDataPoints=3&format=json&jsonp=jQuery110205_1699999999999&_=1700000000000",
  "GET /torus/events/get_data?from=-5minutes&tags=deploy&jsonp=jQuery110205_1699999999999",
  "GET /torus/render?target=web.a.cpu&from=-1min&format=json&_=1700000000000",
  "GET /torus/metrics/index.json",
  "GET /torus/render?format=json&from=1699999940&tz=America%2FNew_York&until=1699999960&target=web.a.cpu" ]
--- response_headers eval
[ 'Content-Type: application/json', ('Content-Type: text/javascript') x 2,
  ('Content-Type: application/json') x 3 ]
--- response_body eval
my $last = main::points(25 .. 29) . ',[null,1700000000]';
[ '[' . main::series('keepLastValue(web.b.cpu)', 'web.b.cpu',
                     main::points(25 .. 29) =~ s/\[(\d+)/'[' . 2 * $1/ger
                     . ',[58.0,1700000000]')
  . ',' . main::series('web.a.cpu', 'web.a.cpu', $last) . ']',
  'jQuery110205_1699999999999(['
  . main::series('cpu', 'web.a.cpu', '[25.5,1699999960],[27.5,1699999980]'
                                     . ',[29.0,1700000000]') . "])\n",
  "jQuery110205_1699999999999([])\n",
  '[' . main::series('web.a.cpu', 'web.a.cpu', $last) . ']',
  '["web.a.cpu","web.b.cpu"]',
  '[' . main::series('web.a.cpu', 'web.a.cpu', main::points(25, 26)) . ']' ]
--- no_error_log
[error]
[alert]



=== TEST 3: seyren, graphite-beacon, cabot, moira and check_graphite watch
--- schema eval: $::schema
--- carbon eval: $::points
--- request eval
[ "GET /torus/render/?from=-11minutes&until=-1minutes&uniq=1700000000000&format=json&target=removeBelowValue%28web.a.cpu%2C23%29",
  "GET /torus/render/?target=web.%2A.cpu&from=-1minute&until=-0second&format=raw",
  "GET /torus/render?target=web.a.cpu&format=json&from=-1minute",
  "GET /torus/render?format=json&from=1699999960&target=maxSeries%28web.%2A.cpu%29&until=1699999990",
  "GET /torus/render?target=web.a.cpu&target=web.b.cpu&from=-20seconds&until=-10seconds&format=json",
  "GET /torus/render?target=web.a.cpu&from=-20s&until=-10s&rawData=true",
  "GET /torus/render?target=web.a.cpu&from=-20s&until=-10s&rawData",
  "GET /torus/render?rawData=&target=web.a.cpu&from=-20s&until=-10s&format=json" ]
--- response_body_like eval
[ qr/^\[\{"target":"removeBelowValue\(web\.a\.cpu, 23\)".*\[null,1699999920\],\[23\.0,1699999930\],\[24\.0,1699999940\]\]\}\]$/,
  qr/^web\.a\.cpu,1699999950,1700000010,10\|25\.0,26\.0,27\.0,28\.0,29\.0,None\nweb\.b\.cpu,.*,None\n$/,
  qr/"datapoints":\[\[25\.0,1699999950\],.*\[29\.0,1699999990\],\[null,1700000000\]\]/,
  qr/"datapoints":\[\[54\.0,1699999970\],\[56\.0,1699999980\],\[58\.0,1699999990\]\]/,
  qr/^\[\{"target":"web\.a\.cpu",.*\[\[29\.0,1699999990\]\]\},\{"target":"web\.b\.cpu",.*\[\[58\.0,1699999990\]\]\}\]$/,
  (qr/^web\.a\.cpu,1699999990,1700000000,10\|29\.0$/) x 2,
  qr/^\[\{"target":"web\.a\.cpu",/ ]
--- no_error_log
[error]
[alert]



=== TEST 4: Icinga Web, and graphite-web's composer and dashboards, look for names
--- schema eval: $::schema
--- carbon
icinga2.db-1.host.hostalive.ping4.perfdata.rta.value 1
icinga2.db-1.host.hostalive.ping4.perfdata.pl.value 1
web.a.cpu 1
web.b.mem 1
--- request eval
[ "GET /torus/metrics/expand?query=icinga2.db-1.host.hostalive.%2A.perfdata.%2A.value",
  "GET /torus/metrics/expand/?groupByExpr=1&leavesOnly=1&query=web.*.cpu&query=web.b.*",
  "GET /torus/metrics/find/?query=web.*&format=treejson&path=web&node=web",
  "GET /torus/metrics/find/?query=web.a,b.&format=completer&automatic_variants=1",
  "GET /torus/metrics/find/?query=web.a,b.&format=completer&automatic_variants=0",
  "GET /torus/metrics/find/?query=web,x.{a,b}.cpu,m&format=completer&automatic_variants=1",
  "GET /torus/metrics/find/?query=,.,.,&format=completer&automatic_variants=1",
  "GET /torus/metrics/find/?query=web.&format=completer&automatic_variants=x",
  "GET /torus/metrics/find/?query=web.*&format=completer&wildcards=1" ]
--- error_code eval
[ (200) x 7, 400, 200 ]
--- response_body eval
my $metrics = sub { '{"metrics":[' . join(',', map {
    my ($name) = /(\w+)\.?$/;
    "{\"path\":\"$_\",\"name\":\"$name\",\"is_leaf\":\"" . (/\.$/ ? 0 : 1) . '"}'
    } @_) . ']}' };
[ '{"results":["icinga2.db-1.host.hostalive.ping4.perfdata.pl.value","icinga2.db-1.host.hostalive.ping4.perfdata.rta.value"]}',
  '{"results":{"web.*.cpu":["web.a.cpu"],"web.b.*":["web.b.mem"]}}',
  '[{"text":"a","id":"web.a","allowChildren":1,"expandable":1,"leaf":0},{"text":"b","id":"web.b","allowChildren":1,"expandable":1,"leaf":0}]',
  $metrics->('web.a.cpu', 'web.b.mem'), $metrics->(),
  $metrics->('web.a.cpu', 'web.b.mem'), $metrics->('icinga2.', 'web.'),
  "argument \"automatic_variants\" must be a number, not \"x\"\n",
  $metrics->('web.a.', 'web.b.') =~ s/\]\}$/,{"name":"*"}]}/r ]
--- no_error_log
[alert]
