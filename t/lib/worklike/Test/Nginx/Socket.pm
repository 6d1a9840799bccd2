# A work-alike of Test::Nginx::Socket for the sections that the suites here
# use, with nothing but Perl's own modules.  It is found only where the real
# one is not installed: Torus.pm puts its directory last in @INC.
#
# A test file holds blocks, each with a configuration, requests, and what is
# expected; each block gets a fresh nginx.  What counts as one test, and what
# is trimmed or expanded where, is as in the real one, so that a plan holds
# on both.  A section that is not known here is refused, unless a
# preprocessor asks for it: it would be a test that tests nothing.

package Test::Nginx::Socket;

use strict;
use warnings;

use Test::More;

use Cwd qw( cwd );
use File::Path qw( make_path remove_tree );
use File::Spec;
use IO::Select;
use IO::Socket::INET;
use List::Util qw( shuffle );
use POSIX qw( WNOHANG );
use Scalar::Util qw( looks_like_number );
use Time::HiRes qw( sleep time );

our $VERSION = '0.01';

our $Worklike = 1;

our $ServerAddr = '127.0.0.1';
our $ServerName = 'localhost';
our $ServerPort = $ENV{TEST_NGINX_SERVER_PORT} || $ENV{TEST_NGINX_PORT} || 1984;
our $ServerPortForClient = $ENV{TEST_NGINX_CLIENT_PORT} || $ServerPort;
our $NginxBinary = $ENV{TEST_NGINX_BINARY} || 'nginx';
our $UseValgrind = $ENV{TEST_NGINX_USE_VALGRIND};
our $EventType = $ENV{TEST_NGINX_EVENT_TYPE};

our $ServRoot = $ENV{TEST_NGINX_SERVROOT} || File::Spec->rel2abs('t/servroot');
our $HtmlDir = "$ServRoot/html";
our $ConfDir = "$ServRoot/conf";
our $LogDir = "$ServRoot/logs";
our $ConfFile = "$ConfDir/nginx.conf";
our $PidFile = "$LogDir/nginx.pid";
our $ErrLogFile = "$LogDir/error.log";
our $AccLogFile = "$LogDir/access.log";

$ENV{TEST_NGINX_SERVER_ROOT} = $ServRoot;
$ENV{TEST_NGINX_SERVER_PORT} = $ServerPort;

my %opt = (
    repeat_each        => 1,
    workers            => 1,
    worker_connections => 64,
    log_level          => $ENV{TEST_NGINX_LOG_LEVEL} || 'debug',
    master             => $ENV{TEST_NGINX_MASTER_PROCESS} || 'off',
    timeout            => $ENV{TEST_NGINX_TIMEOUT} || 3,
    shuffle            => !$ENV{TEST_NGINX_NO_SHUFFLE},
    root_location      => 1,
    preamble           => '',
);

my $tick = $ENV{TEST_NGINX_SLEEP} || 0.015;
my $owner = $$;

my (@preprocessors, @body_checks, @cleanups, @block_cleanups, @env);
my ($blocks, $prev_config, $prev_block, %rand_ports, $log_pos);

my %known = map { $_ => 1 } qw(
    config http_config main_config post_main_config user_files init
    post_setup_server_root server_name server_addr_for_client
    request raw_request raw_request_middle_delay pipelined_requests
    more_headers timeout abort wait shutdown
    error_code error_code_like response_headers response_headers_like
    raw_response_headers_like raw_response_headers_unlike
    response_body response_body_like response_body_unlike ignore_response
    error_log no_error_log grep_error_log grep_error_log_out
    access_log no_access_log shutdown_error_log no_shutdown_error_log
    must_die log_level suppress_stderr skip_nginx skip_eval todo
    reload_fails no_check_leak ONLY SKIP LAST
);

my @own = qw(
    run_tests blocks repeat_each no_long_string no_shuffle no_root_location
    workers worker_connections master_on master_off master_process_enabled
    log_level timeout config_preamble env_to_nginx
    server_addr server_name server_port server_port_for_client server_root
    html_dir add_block_preprocessor add_cleanup_handler
    add_test_cleanup_handler add_response_body_check bail_out
);


# Brings Test::More's functions too, as Test::Base does.
sub import {
    my $class = shift;
    my $caller = caller;

    no strict 'refs';

    *{"${caller}::$_"} = \&{$_} for @own;

    for my $name (qw( ServerPort ServerPortForClient ServRoot ConfFile
                      PidFile ServerAddr ServerName ))
    {
        *{"${caller}::$name"} = \${$name};
    }

    strict->import;
    warnings->import;

    my @plan = grep { !/^-/ } @_;
    Test::More->export_to_level(1, $class,
        qw( ok is isnt like unlike is_deeply cmp_ok skip pass fail diag note
            plan BAIL_OUT ));
    Test::More::plan(@plan) if @plan;
}


# The settings of a test file.

sub repeat_each {
    $opt{repeat_each} = shift if @_;
    return $opt{repeat_each};
}

sub workers {
    $opt{workers} = shift if @_;
    return $opt{workers};
}

sub worker_connections {
    $opt{worker_connections} = shift if @_;
    return $opt{worker_connections};
}

sub log_level {
    $opt{log_level} = shift if @_;
    return $opt{log_level};
}

sub timeout {
    $opt{timeout} = shift if @_;
    return $opt{timeout};
}

sub master_process_enabled {
    $opt{master} = shift() ? 'on' : 'off' if @_;
    return $opt{master};
}

sub server_addr {
    $ServerAddr = shift if @_;
    return $ServerAddr;
}

sub server_name {
    $ServerName = shift if @_;
    return $ServerName;
}

sub server_port {
    $ServerPort = shift if @_;
    return $ServerPort;
}

sub server_port_for_client {
    $ServerPortForClient = shift if @_;
    return $ServerPortForClient;
}

sub server_root () { return $ServRoot; }
sub html_dir () { return $HtmlDir; }

sub master_on { $opt{master} = 'on'; }
sub master_off { $opt{master} = 'off'; }
sub no_shuffle { $opt{shuffle} = 0; }
sub no_root_location { $opt{root_location} = 0; }
sub no_long_string { }
sub config_preamble { $opt{preamble} = shift; }
sub env_to_nginx { push @env, @_; }

sub add_block_preprocessor (&) { unshift @preprocessors, shift; }
sub add_response_body_check { push @body_checks, shift; }
sub add_cleanup_handler { unshift @cleanups, shift; }
sub add_test_cleanup_handler { unshift @block_cleanups, shift; }

sub bail_out {
    stop_nginx();
    BAIL_OUT(join '', @_);
}

# Sections that somebody's preprocessor reads.
sub know_sections { $known{$_} = 1 for @_; }


# Blocks.

sub blocks {
    $blocks ||= read_blocks();
    return @$blocks;
}

sub read_blocks {
    my $fh = do { no warnings 'once'; \*main::DATA };
    my $text = do { local $/; <$fh> };
    my @blocks;

    for my $hunk ($text =~ /^(===.*?(?=^===|\z))/msg) {
        my $block = Test::Nginx::Socket::Block->new($hunk);

        return [ $block ] if defined $block->ONLY;
        next if defined $block->SKIP;

        push @blocks, $block;
        last if defined $block->LAST;
    }

    return \@blocks;
}

sub check_sections {
    my ($block) = @_;

    for my $section (grep { $_ ne 'name' } $block->sections) {
        next if $known{$section};
        bail_out($block->name, " - section \"$section\" is not known to "
                 . "the work-alike of Test::Nginx");
    }
}

# $TEST_NGINX_* from the environment, $TEST_NGINX_RAND_PORT_N made up.
sub expand {
    my ($text, $name) = @_;

    return $text if !defined $text || ref $text;

    $text =~ s{\$(TEST_NGINX_[_A-Z0-9]+)}{
        my $var = $1;

        if ($var =~ /^TEST_NGINX_RAND_PORT_\d+$/) {
            $rand_ports{$var} //= free_port();
        }

        $rand_ports{$var} // $ENV{$var}
            // bail_out("$name - no environment $var defined");
    }eg;

    return $text;
}

sub free_port {
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
        or bail_out("no free port: $!");
    return $s->sockport;
}


# nginx.

sub write_root {
    my ($block) = @_;

    if (-d $ServRoot) {
        remove_tree($ConfDir, $HtmlDir, $LogDir, "$ServRoot/cache",
                    glob("$ServRoot/*_temp"), glob("$ServRoot/*_cache"));
        rmdir $ServRoot
            or bail_out("can't remove $ServRoot (not empty?): $!");
    }

    make_path($ServRoot, $ConfDir, $HtmlDir, $LogDir);
    write_file("$HtmlDir/index.html",
               '<html><head><title>It works!</title></head>'
               . '<body>It works!</body></html>');

    if ($block->post_setup_server_root) {
        eval $block->post_setup_server_root;
        bail_out($block->name, " - post_setup_server_root: $@") if $@;
    }
}

sub write_file {
    my ($path, @text) = @_;

    open my $out, '>', $path or bail_out("can't write $path: $!");
    binmode $out;
    print $out @text;
    close $out or bail_out("can't write $path: $!");
}

# ">>> name [date]" opens a file, relative names are under html/.
sub write_user_files {
    my ($block) = @_;
    my $files = $block->user_files;

    return if !defined $files;

    if (!ref $files) {
        my @parts = split /^>>> (\S+)(?:[ \t]+\S+)?[ \t]*\n/m, $files;
        shift @parts;
        $files = [];
        push @$files, [ splice @parts, 0, 2 ] while @parts;
    }

    for my $file (@$files) {
        my ($name, $body) = @$file;
        my $path = $name =~ m{^/} ? $name : "$HtmlDir/$name";

        make_path($1) if $path =~ m{(.*)/};
        write_file($path, expand($body // '', $block->name));
    }
}

sub write_config {
    my ($block, $config) = @_;
    my $name = $block->name;

    my $main = $block->main_config // '';
    my $http = expand($block->http_config // '', $name);
    my $post = expand($block->post_main_config // '', $name);

    if ($ENV{TEST_NGINX_LOAD_MODULES}) {
        $main = join '', (map { "load_module $_;\n" }
            grep { length } split /\s+/, $ENV{TEST_NGINX_LOAD_MODULES}), $main;
    }

    $main = expand($main, $name);

    my $level = $block->log_level || $opt{log_level};
    my $env = join '', map { "env $_;\n" } @env;
    my $user = $> == 0 ? 'user root;' : '';
    my $server_name = $block->server_name // $ServerName;
    my $use = $EventType ? "use $EventType;" : '';

    my $temp = join ' ', map {
        $http =~ /\b${_}_temp_path\b/ ? ()
            : "${_}_temp_path $ServRoot/${_}_temp;"
    } qw( client_body proxy fastcgi scgi uwsgi );

    my $root = $opt{root_location} ? <<END : '';
        location / {
            root $HtmlDir;
            index index.html index.htm;
        }
END

    write_file($ConfFile, <<END);
worker_processes  $opt{workers};
daemon on;
master_process $opt{master};
error_log $ErrLogFile $level;
pid $PidFile;
env LD_PRELOAD;
env LD_LIBRARY_PATH;
env ASAN_OPTIONS;
env UBSAN_OPTIONS;
env LSAN_OPTIONS;
$env$user
$main

http {
    access_log $AccLogFile; $temp

    default_type text/plain;
    keepalive_timeout 68000ms;

$http
    server {
        listen          $ServerPort;
        server_name     '$server_name';
        client_max_body_size 30M;

$opt{preamble}
$config

$root
    }
}

$post

events {
    $use
    accept_mutex off;
    worker_connections $opt{worker_connections};
}
END
}

sub nginx_command {
    my ($block) = @_;

    my $cmd = "$NginxBinary -e $ErrLogFile -p $ServRoot/ -c $ConfFile "
              . "> /dev/null";
    my $preload = join ' ', grep { defined && length }
                  $ENV{TEST_NGINX_LD_PRELOAD}, $ENV{LD_PRELOAD};

    # what it says when it must die is in the log, and is looked for there
    $cmd .= ' 2> /dev/null'
        if defined $block->suppress_stderr || defined $block->must_die;

    if ($UseValgrind && !defined $block->must_die) {
        my $args = $UseValgrind =~ /^\d+$/
            ? '--leak-check=full --show-possibly-lost=no' : $UseValgrind;
        $args .= ' --suppressions=valgrind.suppress' if -f 'valgrind.suppress';
        $cmd = "valgrind -q --num-callers=40 $args $cmd";
    }

    $cmd = "LD_PRELOAD=\"$preload\" $cmd" if $preload;

    return $cmd;
}

# The real one starts nginx anew for each block too.
sub start_nginx {
    my ($block) = @_;
    my $name = $block->name;
    my $config = expand($block->config, $name) // $prev_config;

    bail_out("$name - no \"config\" section, and none before it")
        if !defined $config;

    stop_nginx();
    check_shutdown_log($prev_block);

    $prev_config = $config;
    $prev_block = $block;
    $log_pos = 0;

    write_root($block);
    write_user_files($block);
    write_config($block, $config);

    my $cmd = nginx_command($block);

    if (defined $block->must_die) {
        must_die($block, $cmd);
        return 0;
    }

    # a port of the nginx before may be held for a moment
    my $until = time + 10;

    while (system($cmd) != 0) {
        my $said = error_log();
        bail_out("$name - cannot start nginx using \"$cmd\":\n$said")
            if time > $until || $said !~ /Address already in use/;
        sleep 0.2;
    }

    $log_pos = 0;

    wait_for(sub { -s $PidFile }, 10);

    return 1;
}

sub must_die {
    my ($block, $cmd) = @_;
    my $name = $block->name;

    for my $i (0 .. $opt{repeat_each} - 1) {
        my $status = system $cmd;

        if ($status & 127) {
            fail("$name - nginx was killed by a signal");

        } elsif (looks_like_number($block->must_die)) {
            is($status >> 8, $block->must_die,
               "$name - die with the expected exit code");

        } else {
            isnt($status, 0, "$name - die as expected");
        }

        check_error_log($block, $i);
        stop_nginx() if $status == 0;
    }
}

sub nginx_pid {
    open my $in, '<', $PidFile or return undef;
    my $pid = <$in>;
    return undef if !defined $pid || $pid !~ /^(\d+)/;
    return $1;
}

sub stop_nginx {
    my $pid = nginx_pid();

    return if !defined $pid;

    my $quit = $ENV{TEST_NGINX_FAST_SHUTDOWN} ? 'TERM' : 'QUIT';

    if (!kill($quit, $pid)) {
        unlink $PidFile;
        return;
    }

    my $gone = sub { waitpid($pid, WNOHANG); !kill(0, $pid) };

    if (wait_for($gone, $opt{timeout} + ($UseValgrind ? 20 : 5))) {
        check_sanitizer();
        return;
    }

    diag("nginx $pid does not leave on $quit");
    kill 'TERM', $pid;
    return if wait_for($gone, 2);

    diag("nginx $pid is killed");
    kill 'KILL', $pid;
    wait_for($gone, 2);
    unlink $PidFile;
}

# What a sanitizer or valgrind reports goes to standard error, which is
# nginx's log.
sub check_sanitizer {
    open my $in, '<', $ErrLogFile or return;
    my @lines = <$in>;

    for my $i (0 .. $#lines) {
        next if $lines[$i] !~ /runtime\ error:
                               | ERROR:\ \w+Sanitizer
                               | ^==\d+==\ (?:Invalid|Conditional|Use\ of
                                              |Syscall\ param)/x;

        my $last = $i + 25 > $#lines ? $#lines : $i + 25;
        Test::More->builder->no_ending(1);
        fail("$0 - a sanitizer has something to say");
        diag(@lines[$i .. $last]);
        return;
    }
}

sub wait_for {
    my ($what, $seconds) = @_;
    my $until = time + $seconds;
    my $pause = 0.002;

    while (1) {
        return 1 if $what->();
        return 0 if time > $until;
        sleep $pause;
        $pause = 0.05 if ($pause *= 1.5) > 0.05;
    }
}


# Requests.

sub requests_of {
    my ($block) = @_;
    my $name = $block->name;

    if (defined $block->raw_request) {
        my $raw = $block->raw_request;
        return [ [ ref $raw ? @$raw : $raw ] ];
    }

    my $headers = $block->more_headers // '';

    if ($block->pipelined_requests) {
        my $list = $block->pipelined_requests;
        my $all = '';

        ref $list eq 'ARRAY'
            or bail_out("$name - pipelined_requests must be an array");

        for my $i (0 .. $#$list) {
            $all .= build_request($block, expand($list->[$i], $name),
                                  nth_headers($headers, $i),
                                  $i == $#$list ? 'close' : 'keep-alive');
        }

        return [ [ $all ] ];
    }

    my $request = $block->request;
    bail_out("$name - no request") if !defined $request;

    my @list = ref $request eq 'ARRAY' ? @$request : $request;
    my $i = 0;

    return [ map {
        [ build_request($block, $_, nth_headers($headers, $i++), 'close') ]
    } @list ];
}

sub nth_headers {
    my ($headers, $i) = @_;
    return ref $headers eq 'ARRAY' ? $headers->[$i] // '' : $headers;
}

# "METHOD [/uri [HTTP/1.x]]", a newline, the body.
sub build_request {
    my ($block, $text, $more, $connection) = @_;
    my $name = $block->name;

    bail_out("$name - a request in packets is not known to the work-alike")
        if ref $text;

    # blank lines and comments before it
    1 while $text =~ s/\A\s*\#[^\n]+\s+|\A\s+//;

    my ($line, $body) = split /\n/, $text, 2;
    my ($method, $uri, $version) = split ' ', $line // '';

    bail_out("$name - request line is empty") if !defined $method;

    $uri //= '/';
    $version //= 'HTTP/1.1';
    $body //= '';

    my $chunked = 0;
    my $headers = '';

    for my $header (grep { !/^\s*\#/ } split /\n+/, $more) {
        my ($key, $value) = split /:\s*/, $header, 2;
        $value //= '';
        $value =~ s/\r\z//;
        $chunked = 1 if lc $key eq 'transfer-encoding' && $value eq 'chunked';
        $headers .= "$key: $value\r\n";
    }

    my $head = "$method $uri $version\r\n";
    $head .= "Host: $ServerName\r\n" if $headers !~ /^Host:/mi;
    $head .= "Connection: $connection\r\n" if $headers !~ /^Connection/mi;
    $head .= $headers;

    if (!$chunked && $body ne '' && $headers !~ /^Content-Length:/m) {
        $body =~ s/^\s+|\s+$//g;
        $head .= 'Content-Length: ' . length($body) . "\r\n";
    }

    return "$head\r\n$body";
}

# Sends the parts, with a pause between them, and reads to the end.
sub send_request {
    my ($block, $parts, $timeout) = @_;
    my $name = $block->name;
    my $sock;

    my $connected = wait_for(sub {
        $sock = IO::Socket::INET->new(
            PeerAddr => $block->server_addr_for_client // $ServerAddr,
            PeerPort => $ServerPortForClient,
            Timeout  => $timeout,
        );
    }, 10);

    if (!$connected) {
        fail("$name - can't connect to port $ServerPortForClient: $!");
        return '';
    }

    local $SIG{PIPE} = 'IGNORE';

    my $delay = $block->raw_request_middle_delay;
    my $answer = '';
    my $select = IO::Select->new($sock);
    my @parts = @$parts;
    my $first = 1;

    while (@parts) {
        sleep $delay if $delay && !$first;
        $first = 0;
        $sock->blocking(0);
        my $part = shift @parts;

        while (length $part) {
            my $n = syswrite $sock, $part;

            if (defined $n) {
                substr $part, 0, $n, '';

            } elsif ($!{EAGAIN}) {
                # the other side may have to be read before it reads on
                my ($r) = IO::Select->select($select, $select, undef, $timeout);
                last if $r && @$r
                        && !defined sysread($sock, $answer, 65536,
                                            length $answer)
                        && !$!{EAGAIN};

            } else {
                last;
            }
        }
    }

    if (defined $block->shutdown) {
        shutdown $sock, $block->shutdown =~ /^$/ ? 1 : $block->shutdown;
    }

    while (1) {
        if (!$select->can_read($timeout)) {
            if (!defined $block->abort) {
                Test::More->builder->no_ending(1);
                fail("ERROR: client socket timed out - $name");
            }
            last;
        }

        my $n = sysread $sock, $answer, 65536, length $answer;

        next if !defined $n && $!{EAGAIN};
        last if !$n;
    }

    close $sock;

    return $answer;
}


# Answers.

sub parse_answer {
    my ($name, $raw, $head) = @_;
    my %res = (code => '', headers => [], raw => '', body => '', left => '');

    return \%res if $raw !~ /\A(.*?\r\n)\r\n(.*)\z/s;

    ($res{raw}, my $body) = ($1, $2);
    $res{code} = $1 if $res{raw} =~ m{\AHTTP/\S+ (\d+)};

    for my $line (split /\r\n/, $res{raw}) {
        push @{$res{headers}}, [ lc $1, $2 ]
            if $line =~ /^([^:\s]+):\s*(.*?)\s*$/;
    }

    my $length = header(\%res, 'Content-Length');

    if ($res{code} eq '304' || $res{code} eq '101') {
        $res{body} = '';
        $res{left} = $body;

    } elsif ((header(\%res, 'Transfer-Encoding') // '') eq 'chunked') {
        unchunk($name, \%res, $body);

    } elsif (defined $length && length $body > $length) {
        $res{body} = substr $body, 0, $length;
        $res{left} = substr $body, $length;

    } else {
        diag("WARNING: $name - response body truncated: $length expected, "
             . 'but got ' . length $body)
            if defined $length && length $body < $length && !$head;
        $res{body} = $body;
    }

    return \%res;
}

sub unchunk {
    my ($name, $res, $raw) = @_;

    while ($raw =~ s/\A[ \t]*([0-9A-Fa-f]+)[ \t]*\r\n//) {
        my $size = hex $1;

        if ($size == 0) {
            last if $raw !~ s/\A\r\n//;
            $res->{left} = $raw;
            return;
        }

        last if length $raw < $size + 2;
        $res->{body} .= substr $raw, 0, $size, '';
        last if $raw !~ s/\A\r\n//;
    }

    Test::More->builder->no_ending(1);
    fail("$name - invalid or unfinished chunked body received");
}

sub header {
    my ($res, $key) = @_;
    my @values = map { $_->[1] } grep { $_->[0] eq lc $key }
                 @{$res->{headers}};

    return @values ? join(', ', @values) : undef;
}

# One value for each request, or one for the only request.
sub nth {
    my ($block, $value, $i, $many) = @_;

    return ref $value eq 'ARRAY' ? $value->[$i] : $value if !$many;

    bail_out($block->name, ' - many requests, so what is expected must be '
             . 'an array') if ref $value ne 'ARRAY';
    return $value->[$i];
}

sub expand_expected {
    my ($text, $name) = @_;

    return $text if !defined $text || ref $text;

    $text =~ s/\$ServerPort\b/$ServerPort/g;
    $text =~ s/\$ServerPortForClient\b/$ServerPortForClient/g;

    return expand($text, $name);
}

sub check_answer {
    my ($block, $res, $i, $many, $repeated) = @_;
    my $name = $block->name;

    if (defined $block->error_code_like) {
        my $pattern = nth($block, $block->error_code_like, $i, $many);
        like($res->{code}, qr/$pattern/sm, "$name - status code ok");

    } else {
        my $code = defined $block->error_code
            ? nth($block, $block->error_code, $i, $many) : 200;
        is($res->{code}, $code, "$name - status code ok");
    }

    if (defined $block->raw_response_headers_like) {
        my $p = nth($block, $block->raw_response_headers_like, $i, $many);
        like($res->{raw}, qr/$p/s, "$name - raw resp headers like");
    }

    if (defined $block->raw_response_headers_unlike) {
        my $p = nth($block, $block->raw_response_headers_unlike, $i, $many);
        unlike($res->{raw}, qr/$p/s, "$name - raw resp headers unlike");
    }

    check_headers($block, $res, $i, $many);
    check_body($block, $res, $i, $many, $repeated);

    $_->($block, $res->{body}, $i, $repeated, 0) for @body_checks;
}

# "Name: value", or "!Name" for a header that must not be there.
sub check_headers {
    my ($block, $res, $i, $many) = @_;
    my $name = $block->name;
    my $like = !defined $block->response_headers;
    my $text = $like ? $block->response_headers_like
                     : $block->response_headers;

    return if !defined $text;

    for my $line (split /\n/, nth($block, $text, $i, $many)) {
        $line =~ s/^\s+|\s+$//g;

        if ($line =~ s/^!\s*//) {
            unlike($res->{raw}, qr/^\s*\Q$line\E\s*:/ms,
                   "$name - header $line not present in the raw headers");
            next;
        }

        my ($key, $value) = split /\s*:\s*/, $line, 2;
        next if !defined $value;

        $value =~ s/\$ServerPort(?:ForClient)?\b/$ServerPort/g;
        my $got = header($res, $key) // '';

        if ($like) {
            like($got, qr/^$value$/, "$name - header $key like ok");
        } else {
            is($got, $value, "$name - header $key ok");
        }
    }
}

sub check_body {
    my ($block, $res, $i, $many, $repeated) = @_;
    my $name = $block->name;
    my $body = $res->{body};

    if (defined $block->response_body) {
        my $want = expand_expected(nth($block, $block->response_body, $i,
                                       $many), $name);
        my $what = "$name - response_body - response is expected "
                   . "(repeated req $repeated, req $i)";

        if (ref $want) {
            like($body, $want, $what);
        } else {
            is($body, $want, $what);
        }

    } elsif (defined $block->response_body_like) {
        my $p = nth($block, $block->response_body_like, $i, $many);
        like($body, qr/$p/s, "$name - response_body_like - response is "
             . 'expected');

    } elsif (defined $block->response_body_unlike) {
        my $p = nth($block, $block->response_body_unlike, $i, $many);
        unlike($body, qr/$p/s, "$name - response_body_unlike - response is "
               . 'expected');
    }
}


# Logs.

# What came since the last time; lines written while the connection was
# being closed need a moment.
sub error_log {
    sleep $tick * 3;

    open my $in, '<', $ErrLogFile or return '';
    seek $in, $log_pos || 0, 0;
    my @lines = <$in>;
    $log_pos = tell $in;

    return wantarray ? @lines : join '', @lines;
}

sub access_log_lines {
    sleep $tick * 3;

    open my $in, '<', $AccLogFile or return ();
    return <$in>;
}

sub patterns {
    my ($value) = @_;

    return @$value if ref $value eq 'ARRAY';
    return ($value) if ref $value;

    chomp $value;
    return split /\n+/, $value;
}

sub matches {
    my ($line, $pattern) = @_;
    return ref $pattern ? $line =~ $pattern : index($line, $pattern) >= 0;
}

# One test for each pattern that must be there, and for each that must not.
sub check_lines {
    my ($block, $lines, $file, $yes, $no, $tail) = @_;
    my $name = $block->name;

    for my $p (defined $yes ? patterns($yes) : ()) {
        next if !defined $p;
        ok(scalar(grep { matches($_, $p) } @$lines),
           "$name - pattern \"$p\" matches a line in $file$tail");
    }

    for my $p (defined $no ? patterns($no) : ()) {
        next if !defined $p;
        my ($line) = grep { matches($_, $p) } @$lines;
        ok(!defined $line,
           "$name - pattern \"$p\" does not match a line in $file$tail")
            or diag("but it does: $line");
    }
}

sub check_error_log {
    my ($block, $repeated) = @_;
    my $name = $block->name;
    my @lines = error_log();

    if (defined $block->grep_error_log) {
        my $pattern = $block->grep_error_log;
        my $want = $block->grep_error_log_out;

        $pattern = $pattern->[$repeated] if ref $pattern eq 'ARRAY';
        $want = expand($want, $name);
        $want = $want->[$repeated] if ref $want eq 'ARRAY';
        $pattern = qr/\Q$pattern\E/ if !ref $pattern;

        my $got = join '', map { /$pattern/ ? "$&\n" : () } @lines;

        if (ref $want) {
            like($got, $want, "$name - grep_error_log_out (req $repeated)");
        } else {
            is($got, $want, "$name - grep_error_log_out (req $repeated)");
        }
    }

    check_lines($block, \@lines, 'error.log', $block->error_log,
                $block->no_error_log, " (req $repeated)");

    my $all = join '', map { ref $_ eq 'ARRAY' ? @$_ : $_ // '' }
              $block->error_log, $block->no_error_log;

    for my $line (@lines) {
        if (!defined $block->must_die
            && $line =~ /\[(alert|crit|emerg)\]/ && $all !~ /\[\Q$1\E/)
        {
            diag("WARNING: $name - $line");
        }

        if ($line =~ /\bAssertion .*?failed\b/) {
            Test::More->builder->no_ending(1);
            fail("$name - $line");
        }
    }
}

sub check_access_log {
    my ($block, $repeated) = @_;

    return if !defined $block->access_log && !defined $block->no_access_log;

    check_lines($block, [ access_log_lines() ], 'access.log',
                $block->access_log, $block->no_access_log,
                " (req $repeated)");
}

# After the nginx of that block has gone.
sub check_shutdown_log {
    my ($block) = @_;

    return if !defined $block
              || (!defined $block->shutdown_error_log
                  && !defined $block->no_shutdown_error_log);

    check_lines($block, [ error_log() ], 'error.log',
                $block->shutdown_error_log, $block->no_shutdown_error_log,
                '');
}


# The run.

sub run_once {
    my ($block, $repeated) = @_;
    my $name = $block->name;
    my $requests = requests_of($block);
    my $timeout = seconds($block->timeout) // $opt{timeout};
    my $piped = $block->pipelined_requests
        ? scalar @{$block->pipelined_requests} : 0;
    my $total = $piped || scalar @$requests;
    my $many = $piped || $total > 1;
    my $i = 0;

    for my $request (@$requests) {
        my $raw = send_request($block, $request, $timeout);
        my $head = join('', @$request) =~ /\A\s*HEAD\s/;

        for (1 .. $piped || 1) {
            if (!defined $block->ignore_response) {
                my $res = parse_answer($name, $raw, $head);
                check_answer($block, $res, $i, $many, $repeated);
                $raw = $res->{left};
            }

            sleep $block->wait if $block->wait;
            check_error_log($block, $repeated);

            check_access_log($block, $repeated)
                if !defined $block->ignore_response;
            $i++;
        }

        diag("WARNING: $name - unexpected extra bytes after the response")
            if !defined $block->ignore_response && length $raw;
    }
}

sub seconds {
    my ($time) = @_;

    return undef if !defined $time;
    return $1 / 1000 if $time =~ /^\s*([\d.]+)ms\s*$/;
    return $1 if $time =~ /^\s*([\d.]+)s?\s*$/;
    bail_out("bad time \"$time\"");
}

# "N: reason" or "N: <op> a.b.c [: reason]": N tests left out.
sub skipped {
    my ($block) = @_;
    my $name = $block->name;

    if (defined $block->skip_eval) {
        $block->skip_eval =~ /^\s*(\d+)\s*:\s*(.*)/s
            or bail_out("$name - bad skip_eval");
        my ($n, $code) = ($1, $2);
        my $skip = eval $code;
        bail_out("$name - skip_eval: $@") if $@;
        return ($n, 'skip_eval') if $skip;
    }

    if (defined $block->skip_nginx) {
        $block->skip_nginx
            =~ /^\s*(\d+)\s*:\s*([<>]=?)\s*(\d+)\.(\d+)\.(\d+)\s*(?::\s*(.*))?/
            or bail_out("$name - bad skip_nginx");
        my ($n, $op, $why) = ($1, $2, $6);
        my $want = ($3 * 1000 + $4) * 1000 + $5;
        my ($a, $b, $c) = `$NginxBinary -V 2>&1` =~ m{/(\d+)\.(\d+)\.(\d+)};
        my $have = ($a * 1000 + $b) * 1000 + $c;

        return ($n, $why || "nginx version $op $3.$4.$5")
            if eval "$have $op $want";
    }

    return;
}

sub run_block {
    my ($block) = @_;

    if (my ($n, $why) = skipped($block)) {
        SKIP: { skip($block->name . " - $why", $n * $opt{repeat_each}); }
        return;
    }

    %rand_ports = ();
    return if !start_nginx($block);

    if ($block->init) {
        eval $block->init;
        bail_out($block->name, " - init failed: $@") if $@;
    }

    $log_pos = 0;

    for my $i (0 .. $opt{repeat_each} - 1) {
        write_user_files($block) if $i;
        run_once($block, $i);
    }
}

sub run_tests {
    my @list = blocks();

    for my $block ($opt{shuffle} ? shuffle(@list) : @list) {
        $_->($block) for @preprocessors;
        check_sections($block);
        $block->set_value(name => "$0 " . $block->name);
        run_block($block);
        $_->($block) for @block_cleanups;
    }

    run_cleanups();
}

sub run_cleanups {
    my @handlers = @cleanups;

    @cleanups = ();
    $_->() for @handlers;
}

END {
    if ($$ == $owner) {
        local $?;
        run_cleanups();

        if (!$ENV{TEST_NGINX_NO_CLEAN}) {
            stop_nginx();
            check_shutdown_log($prev_block);
        }
    }
}


# A block: its sections are its methods, as in Test::Base.

package Test::Nginx::Socket::Block;

our $AUTOLOAD;

sub new {
    my ($class, $hunk) = @_;

    $hunk =~ s/\A===[ \t]*(.*)\s+//;
    my $self = bless { name => $1, sections => {} }, $class;
    my @parts = split /^--- +\(?(\w+)\)? *(.*)?\n/m, $hunk;

    shift @parts;

    while (@parts) {
        my ($section, $filters, $value) = splice @parts, 0, 3;
        $filters //= '';
        $value //= '';

        if ($filters =~ /:(?:\s|\z)/) {
            ($filters, $value) = split /\s*:(?:\s+|\z)/, $filters, 2;
            $value //= '';
            $value =~ s/^\s*(.*?)\s*$/$1/;
        }

        $self->{sections}{$section} = filter($section, $filters, $value);
    }

    return $self;
}

# norm and trim unless taken away, then those named.
sub filter {
    my ($section, $filters, $value) = @_;
    my @filters = qw( norm trim );
    my @values = ($value);

    for my $filter (split ' ', $filters) {
        if ($filter =~ s/^-//) {
            @filters = grep { $_ ne $filter } @filters;
        } else {
            push @filters, $filter;
        }
    }

    for my $filter (@filters) {
        if ($filter eq 'norm') {
            s/\r\n?/\n/g for @values;

        } elsif ($filter eq 'trim') {
            for (@values) {
                s/\A([ \t]*\n)+//;
                s/(?<=\n)\s*\z//;
            }

        } elsif ($filter eq 'chomp') {
            chomp @values;

        } elsif ($filter eq 'chop') {
            chop @values;

        } elsif ($filter eq 'lines') {
            @values = map { /^(.*\n?)/gm } @values;
            pop @values if @values && $values[-1] eq '';

        } elsif ($filter eq 'array') {
            @values = ([ @values ]);

        } elsif ($filter eq 'eval') {
            @values = eval $values[0];
            @values = ($@) if $@;

        } else {
            die "filter \"$filter\" of section \"$section\" is not known to "
                . "the work-alike of Test::Nginx\n";
        }
    }

    return $values[0];
}

sub name { return $_[0]{name}; }

sub sections { return keys %{$_[0]{sections}}; }

sub set_value {
    my ($self, $section, $value) = @_;

    if ($section eq 'name') {
        $self->{name} = $value;
    } else {
        $self->{sections}{$section} = $value;
    }
}

sub AUTOLOAD {
    my ($self) = @_;
    my $section = $AUTOLOAD =~ s/.*:://r;

    return if $section eq 'DESTROY';
    return $self->{sections}{$section};
}

1;
