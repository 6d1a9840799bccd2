# What a gap looks like in each format and with each "fill", CSV, "pretty",
# percentiles from merged data, and /list with its arguments: through nginx.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Torus::Clock;
use Torus::Nginx;
use Torus::Redis;

my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my $t = 1699999980;
my $clock = Torus::Clock->new;

$clock->freeze($t + 20);

my $redis = Torus::Redis->start(clock => $clock);
my $nginx = Torus::Nginx->new(clock => $clock);
my $port = $nginx->port;
my $host = '127.0.0.1:' . $redis->port . '/0';

$nginx->file('schema.json', <<END);
{ "TIMESERIES": {
    "c": { "type": "count", "match": "c.**", "host": "$host",
        "intervals": { "minute": { "step": 60, "steps": 4 } } },
    "h": { "type": "histogram", "match": "h.**", "host": "$host",
        "prefix": "h", "intervals": { "minute": { "step": 60, "steps": 4 } } }
} }
END
$nginx->conf($nginx->http_block(<<END));
    torus_schema schema.json;
    server {
        listen 127.0.0.1:$port;
        location / { torus_query on; torus_insert on; torus_max_names 3; }
    }
END
$nginx->start;

my ($a, $b) = ($t - 180, $t);

is(($nginx->post('/insert', "c.a 2 $a\nc.a 8 $b\n"
   . join('', map { "h.x $_ $a\nh.y ${\ ($_ + 90)} $a\n" } 1 .. 10),
   headers => { 'Content-Type' => 'text/plain' }))[0], 200, 'data');

sub values_of {
    my ($args) = @_;
    my ($status, $body) = $nginx->get("/series?$args");
    return $status if $status != 200;
    return [ map { $_->[0] } @{$json->decode($body)->[0]{datapoints}} ];
}

for ([ '' => [ 2, undef, undef, 8 ] ], [ 'null' => [ 2, undef, undef, 8 ] ],
     [ 'none' => [ 2, 8 ] ], [ 'previous' => [ 2, 2, 2, 8 ] ],
     [ 'linear' => [ 2, 4, 6, 8 ] ], [ '0' => [ 2, 0, 0, 8 ] ],
     [ '-1.5' => [ 2, -1.5, -1.5, 8 ] ], [ 'maybe' => 400 ],
     [ '1e400' => 400 ])
{
    my ($fill, $want) = @$_;
    is_deeply(values_of("stat=c.a&fill=$fill"), $want, "fill=$fill");
}

my ($status, $body, $head) = $nginx->get('/series?stat=c.a&format=csv');
is($head->{'content-type'}, 'text/csv', 'csv has a type of its own');
my @rows = map { [ split /,/ ] } split /\r?\n/, $body;
is_deeply(shift @rows, [ qw( stat timestamp value ) ], 'a header');
is_deeply(\@rows, [ [ 'c.a', $a, 2 ], [ 'c.a', $a + 60 ],
                    [ 'c.a', $a + 120 ], [ 'c.a', $b, 8 ] ],
          'a line for each bucket, nothing where there is nothing');
($status, $body) = $nginx->get('/series?stat=c.a&format=csv&fill=none');
is(scalar(split /\r?\n/, $body), 3, 'or no line at all');
is(($nginx->get('/series?stat=c.a&format=csv&jsonp=f'))[0], 400,
   'a script of CSV makes no sense');

my ($plain) = ($nginx->get('/series?stat=c.a'))[1];
my ($pretty) = ($nginx->get('/series?stat=c.a&pretty=1'))[1];
cmp_ok(scalar(split /\n/, $pretty), '>', 5, 'pretty has lines');
is_deeply($json->decode($pretty), $json->decode($plain), 'and the same data');

# 1 .. 10 and 91 .. 100: a mean of two medians would be 50.5 as well, one of
# two 90th percentiles would not be over 90
is_deeply(values_of("stat=median(h.x,h.y)&start=$a&steps=1"), [ 50.5 ],
          'the median of joined stats is that of all values');
cmp_ok(values_of("stat=p90(h.x,h.y)&start=$a&steps=1")->[0], '>', 90,
       'percentiles are not averaged');
is_deeply(values_of("stat=distinct(h.x,h.y)&start=$a&steps=1"), [ 20 ],
          'distinct values');

sub list {
    my ($args) = @_;
    my ($status, $body) = $nginx->get("/list$args");
    return $status == 200 ? $json->decode($body) : $status;
}

is_deeply(list(''), [ qw( c.a h.x h.y ) ], 'all names, sorted');
is_deeply(list('?schema=h'), [ qw( h.x h.y ) ], 'of a schema');
is_deeply(list('?match=*.[ax]'), [ qw( c.a h.x ) ], 'that match');
is(list('?match=~x'), 400, 'by a plain pattern only');
is(list('?schema=no'), 404, 'an unknown schema');
is(($nginx->post('/insert?stat=c.b&value=1', ''))[0], 200, 'one more');
is(list(''), 413, 'more names than allowed');
is_deeply(list('?schema=h'), [ qw( h.x h.y ) ], 'which is of what is asked');

ok($nginx->stop, 'nginx leaves');

done_testing();
