# What the suites need beyond Test::Nginx::Socket: a Redis of their own,
# Carbon lines, a clock that stands still, and some sections of a block.
# Works on the real Test::Nginx and on the work-alike beside this file.
#
#   use lib 't/lib';
#   use Torus clock => 1700000000;
#   use Test::Nginx::Socket;
#
# Without "clock" nginx and Redis see the real time.  The environment has
#
#   TEST_NGINX_REDIS_PORT, TEST_NGINX_REDIS_SOCK   the Redis
#   TEST_NGINX_KARBON_PORT, TEST_NGINX_KARBON_SOCK where nginx may listen
#   TEST_NGINX_SCHEMA     the file that "--- schema" writes
#   TEST_NGINX_TMP_DIR    a directory for the run
#
# which Test::Nginx expands in configurations and in user files.  Sections:
#
#   schema          a schema file.  If no "host" is in it each schema gets the
#                   Redis of the run.  With it, and without a section of your
#                   own, the defaults are
#                       main_config (behind yours)
#                           stream { server { listen tcp and unix;
#                                             karbon on; } }
#                       http_config   torus_schema FILE;
#                       config        location /torus/ { torus_query on; }
#   stream_config         more in stream {}
#   stream_server_config  more in its server {}
#   no_stream             no stream {} at all
#   redis           commands before nginx starts, one a line
#   keep_redis      what blocks before have written stays
#   carbon          bytes for the Carbon port, sent before the requests; an
#                   array is sent part by part.  Waits until they are stored
#   carbon_to       unix: over the unix socket
#   redis_wait      what to wait for after "carbon": the name of a key, a
#                   number of keys, or 0 for nothing
#   redis_state     what database 0 must hold after the request, one test for
#                   each request; see Torus::Redis::text().  With "@" in it
#                   the expiry of each key is compared too.  Waits for it
#   redis_state_like  a pattern for the same text
#   json            what the answer must hold, as JSON, key order free and
#                   numbers within 1e-9; one test for each request

package Torus;

use strict;
use warnings;

use JSON::PP;
use Test::More ();
use Torus::Clock;
use Torus::Nginx ();
use Torus::Redis;
use Torus::Util qw( root temp_dir free_port wait_for );

our ($Redis, $Clock, $Block);

my $ready;
my $json = JSON::PP->new->allow_nonref->canonical;


sub import {
    my ($class, %o) = @_;

    return if $ready++;

    chdir root() or die root(), ": $!\n";

    my $tmp = temp_dir();

    $ENV{TEST_NGINX_BINARY} ||= Torus::Nginx::binary();
    $ENV{TEST_NGINX_LOAD_MODULES} //= join ' ', Torus::Nginx::modules();
    $ENV{TEST_NGINX_SERVROOT} ||= "$tmp/servroot";
    $ENV{TEST_NGINX_PORT} ||= free_port();
    $ENV{TEST_NGINX_TMP_DIR} = $tmp;
    $ENV{TEST_NGINX_KARBON_PORT} = free_port();
    $ENV{TEST_NGINX_KARBON_SOCK} = "$tmp/karbon.sock";
    $ENV{TEST_NGINX_SCHEMA} = "$ENV{TEST_NGINX_SERVROOT}/html/schema.json";

    if (defined $o{clock}) {
        $Clock = Torus::Clock->new;
        $Clock->freeze($o{clock}) if $o{clock};
        $ENV{TORUS_CLOCK} = $Clock->file;
        $ENV{TEST_NGINX_LD_PRELOAD} = join ' ', grep { defined && length }
            $ENV{TEST_NGINX_LD_PRELOAD}, $Clock->preload;
    }

    $Redis = Torus::Redis->start(clock => $Clock,
                                 args => $o{redis} // []);
    $ENV{TEST_NGINX_REDIS_PORT} = $Redis->port;
    $ENV{TEST_NGINX_REDIS_SOCK} = $Redis->sock;

    # the real one, if there is one
    unshift @INC, grep { -d } "$ENV{TEST_NGINX_LIB}/lib", $ENV{TEST_NGINX_LIB}
        if $ENV{TEST_NGINX_LIB};
    push @INC, root() . '/t/lib/worklike';

    require Test::Nginx::Socket;

    Test::Nginx::Socket::know_sections(qw( schema stream_config
        stream_server_config no_stream redis keep_redis carbon carbon_to
        redis_wait redis_state redis_state_like json ))
        if defined &Test::Nginx::Socket::know_sections;

    # by their names: prototypes differ
    &Test::Nginx::Socket::add_block_preprocessor(\&prepare);
    &Test::Nginx::Socket::add_response_body_check(\&check);
}

# Commands to the Redis of the run.
sub redis { return $Redis->cmd(@_); }

# Bytes to the Carbon port of the running nginx.
sub carbon {
    my ($bytes, $where) = @_;
    $where //= $ENV{TEST_NGINX_KARBON_PORT};
    return Torus::Nginx::carbon($where, $bytes);
}


# A block before its nginx starts.
sub prepare {
    my ($block) = @_;

    $Block = $block;
    $Redis->cmd('FLUSHALL') if !defined $block->keep_redis;

    if (defined $block->redis) {
        for my $line (grep { /\S/ } split /\n/, $block->redis) {
            $Redis->cmd(map { s/^"(.*)"$/$1/sr } $line =~ /"[^"]*"|\S+/g);
        }
    }

    prepare_schema($block) if defined $block->schema;

    if (!defined $block->request && !defined $block->raw_request
        && !defined $block->pipelined_requests)
    {
        $block->set_value(request => "GET /index.html\n");
    }

    if (defined $block->carbon) {
        my $init = $block->init // '';
        $block->set_value(init => "Torus::feed();\n$init");
    }
}

sub prepare_schema {
    my ($block) = @_;
    my $schema = $block->schema;
    my $files = $block->user_files;

    # what is refused is shown as it was written
    $schema = with_host($schema) if !defined $block->must_die;

    if (ref $files) {
        $files = [ @$files, [ 'schema.json', $schema ] ];
    } else {
        $files = ($files // '') . ">>> schema.json\n$schema";
    }

    $block->set_value(user_files => $files);

    my $http = $block->http_config // '';
    $block->set_value(http_config =>
                      "torus_schema \$TEST_NGINX_SCHEMA;\n$http")
        if $http !~ /\btorus_schema\b/;

    $block->set_value(config => 'location /torus/ { torus_query on; }')
        if !defined $block->config;

    return if defined $block->no_stream;

    my $main = $block->main_config // '';
    return if $main =~ /\bstream\s*\{/;

    my $stream = $block->stream_config // '';
    my $server = $block->stream_server_config // '';

    unlink $ENV{TEST_NGINX_KARBON_SOCK};

    $block->set_value(main_config => <<END);
$main
stream {
    karbon_schema \$TEST_NGINX_SCHEMA;
$stream
    server {
        listen 127.0.0.1:\$TEST_NGINX_KARBON_PORT;
        listen unix:\$TEST_NGINX_KARBON_SOCK;
        karbon on;
$server
    }
}
END
}

# Behind every "type", unless some schema has a host of its own.
sub with_host {
    my ($text) = @_;
    my $host = "127.0.0.1:$ENV{TEST_NGINX_REDIS_PORT}/0";

    $text =~ s/("type"\s*:\s*"\w+")/$1, "host": "$host"/g
        if $text !~ /"host"/;

    return $text;
}

# From the block's "init", when nginx is up.
sub feed {
    my $block = $Block;
    my $to = ($block->carbon_to // 'tcp') =~ /unix/
        ? $ENV{TEST_NGINX_KARBON_SOCK} : $ENV{TEST_NGINX_KARBON_PORT};
    my $wait = $block->redis_wait;
    my $before = $Redis->changes;

    Torus::Nginx::carbon($to, $block->carbon);

    if (!defined $wait) {
        $Redis->quiet($before, 1);
        return;
    }

    $wait =~ s/^\s+|\s+$//g;

    wait_for(sub {
        return $Redis->cmd(EXISTS => $wait) if $wait !~ /^\d+$/;
        return keys %{$Redis->dump} >= $wait;
    }, 5);
}

# After each request.
sub check {
    my ($block, $body, $i) = @_;
    my $name = $block->name;

    check_json($block, $body, $i) if defined $block->json;

    if (defined $block->redis_state) {
        my $want = $block->redis_state;
        $want = $want->[$i] if ref $want eq 'ARRAY';
        $want .= "\n" if length $want && $want !~ /\n\z/;
        my $expiry = $want =~ /\@/;
        my $got;

        wait_for(sub { ($got = $Redis->text(0, $expiry)) eq $want }, 3);
        Test::More::is($got, $want, "$name - redis_state");
    }

    if (defined $block->redis_state_like) {
        my $want = $block->redis_state_like;
        my $got;

        wait_for(sub { ($got = $Redis->text(0, 1)) =~ /$want/s }, 3);
        Test::More::like($got, qr/$want/s, "$name - redis_state_like");
    }
}

sub check_json {
    my ($block, $body, $i) = @_;
    my $name = $block->name;
    my $want = $block->json;

    $want = $want->[$i] if ref $want eq 'ARRAY';
    $want = ref $want ? $want : $json->decode($want);

    my $got = eval { $json->decode($body) };

    if ($@) {
        Test::More::fail("$name - json: not JSON: $body");
        return;
    }

    my $where = differ($got, $want, '');

    Test::More::ok(!defined $where, "$name - json")
        or Test::More::diag("differs $where\ngot:  $body\nwant: ",
                            $json->encode($want));
}

# Where two JSON values differ, or undef; numbers within a tolerance.
sub differ {
    my ($got, $want, $path, $eps) = @_;
    my $show = sub { defined $_[0] ? $json->encode($_[0]) : 'null' };

    $eps //= 1e-9;

    if (ref $want eq 'HASH' && ref $got eq 'HASH') {
        for my $key (sort keys %{{ %$got, %$want }}) {
            return "at $path.$key: unexpected" if !exists $want->{$key};
            return "at $path.$key: missing" if !exists $got->{$key};
            my $d = differ($got->{$key}, $want->{$key}, "$path.$key", $eps);
            return $d if defined $d;
        }
        return undef;
    }

    if (ref $want eq 'ARRAY' && ref $got eq 'ARRAY') {
        return "at $path: " . @$got . ' elements, not ' . @$want
            if @$got != @$want;
        for my $i (0 .. $#$want) {
            my $d = differ($got->[$i], $want->[$i], "$path\[$i]", $eps);
            return $d if defined $d;
        }
        return undef;
    }

    if (!defined $got || !defined $want || ref $got || ref $want) {
        return undef if !defined $got && !defined $want;
        return undef if ref $got && ref $want && "$got" eq "$want";
        return "at $path: " . $show->($got) . ', not ' . $show->($want);
    }

    my $number = qr/\A-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?\z/;

    if ($json->encode($got) =~ $number && $json->encode($want) =~ $number) {
        my $size = abs($want) > 1 ? abs $want : 1;
        return undef if $got == $want || abs($got - $want) <= $eps * $size;
        return "at $path: $got, not $want";
    }

    return undef if $json->encode($got) eq $json->encode($want);
    return "at $path: " . $show->($got) . ', not ' . $show->($want);
}

1;
