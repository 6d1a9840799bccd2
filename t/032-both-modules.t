# The two modules hold the same core twice, and nginx loads modules with
# their symbols global: each has to run its own copy.  Both load orders, each
# alone, and what they let others see.

use strict;
use warnings;

use lib 't/lib';

use File::Basename qw( basename );
use Test::More;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( root wait_for );

chdir root() or die root(), ": $!\n";

my @modules = Torus::Nginx::modules();
my ($torus) = grep { /ngx_torus_module/ } @modules;
my ($karbon) = grep { /ngx_karbon_stream_module/ } @modules;
my @others = grep { $_ ne $torus && $_ ne $karbon } @modules;

my $redis = Torus::Redis->start;
my $host = '127.0.0.1:' . $redis->port;

my $schema = '{ "TIMESERIES": { "a": { "type": "count", "match": "**", '
             . "\"host\": \"$host\", "
             . '"intervals": { "m": { "step": "1h", "steps": 10 } } } } }';

for my $so ($torus, $karbon) {
    my @seen = map { (split)[-1] }
               grep { / [A-TV-Z] / } `nm -D --defined-only $so`;

    # sanitizers add some of their own
    @seen = grep { !/^(?:__?[a-z]?[au]san|__sanitizer|__odr|_init|_fini)/ }
            @seen;

    is_deeply([ sort @seen ],
              [ qw( ngx_module_names ngx_module_order ngx_modules ) ],
              basename($so) . ' exports what nginx looks for, no more');
}

both('stream first', $karbon, $torus);
both('http first', $torus, $karbon);
alone('torus alone', 0, $torus);
alone('karbon alone', 1, $karbon);

done_testing();


sub both {
    my ($name, @load) = @_;
    my $nginx = nginx(@load);

    $nginx->conf(stream($nginx) . http($nginx));
    $nginx->start;
    $redis->cmd('FLUSHALL');

    Torus::Nginx::carbon($nginx->karbon_port, "x.y 2\n" x 3);

    my $body;
    ok(wait_for(sub {
        (undef, $body) = $nginx->get('/torus/series?stat=sum(x.y)&steps=1');
        return $body =~ /\[\[6,/;
    }, 5), "$name: stored and answered") or diag($body);

    leave($nginx, $name);
}

sub alone {
    my ($name, $is_stream, $load) = @_;
    my $nginx = nginx($load);

    $nginx->conf($is_stream ? stream($nginx) : http($nginx));
    $nginx->start;
    $redis->cmd('FLUSHALL');

    if ($is_stream) {
        Torus::Nginx::carbon($nginx->karbon_port, "x.y 2\n");
        ok(wait_for(sub { my $k = $redis->cmd('KEYS', 'x.y:m:*'); @$k }, 5),
           "$name: stored");

    } else {
        my ($status, $body) = $nginx->get('/torus/series?stat=x.y&steps=1');
        is($status, 200, "$name: answered") or diag($body);
    }

    leave($nginx, $name);
}

sub nginx {
    my $nginx = Torus::Nginx->new(modules => [ @others, @_ ]);
    $nginx->file('schema.json', $schema);
    return $nginx;
}

sub stream {
    my ($nginx) = @_;
    my $port = $nginx->karbon_port;

    return "stream { karbon_schema schema.json; "
           . "server { listen 127.0.0.1:$port; karbon on; } }\n";
}

sub http {
    my ($nginx) = @_;
    my $port = $nginx->port;

    return $nginx->http_block("torus_schema schema.json; "
                              . "server { listen 127.0.0.1:$port; "
                              . "location /torus/ { torus_query on; } }");
}

sub leave {
    my ($nginx, $name) = @_;

    $nginx->stop;
    unlike($nginx->log_text, qr/\[(?:error|crit|alert|emerg)\]/,
           "$name: a quiet log");
}
