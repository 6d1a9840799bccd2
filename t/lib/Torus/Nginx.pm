# An nginx of our own for the tests that Test::Nginx cannot hold: more than
# one server, faults, many reloads.  Its files are under one directory.
#
#   my $nginx = Torus::Nginx->new(clock => $clock);
#   $nginx->file('schema.json', $text);
#   $nginx->conf($text);
#   $nginx->start;
#   my ($status, $body, $headers) = $nginx->get('/torus/series?stat=a');
#   Torus::Nginx::carbon($port, "a 1 1700000000\n");

package Torus::Nginx;

use strict;
use warnings;

use Exporter qw( import );
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Torus::Util qw( root temp_dir free_port wait_for slurp spew gone );

our @EXPORT_OK = qw( modules binary carbon connect_to http );

my $count = 0;
my %running;
my $owner = $$;


sub binary {
    return $ENV{TEST_NGINX_BINARY} if $ENV{TEST_NGINX_BINARY};

    for my $dir (split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin') {
        return "$dir/nginx" if -x "$dir/nginx";
    }

    die "no nginx found: set TEST_NGINX_BINARY\n";
}

# What load_module needs, in order: nginx's own stream module where that is
# dynamic, and ours.
sub modules {
    return split ' ', $ENV{TEST_NGINX_LOAD_MODULES}
        if defined $ENV{TEST_NGINX_LOAD_MODULES};

    my $version = `${\ binary()} -V 2>&1`;
    my ($dir) = $version =~ /--modules-path=(\S+)/;
    my @modules;

    push @modules, "$dir/ngx_stream_module.so"
        if $version =~ /--with-stream=dynamic/
           && -e "$dir/ngx_stream_module.so";

    my $build = $ENV{TORUS_BUILD} || root() . '/build';

    return @modules, "$build/ngx_torus_module.so",
           "$build/ngx_karbon_stream_module.so";
}

sub new {
    my ($class, %o) = @_;
    my $n = $count++;
    my $self = bless {
        dir     => $o{dir} // temp_dir() . "/nginx$n",
        clock   => $o{clock},
        modules => $o{modules} // [ modules() ],
        level   => $o{level} // 'info',
        env     => $o{env} // {},
        wrap    => $o{wrap} // [],
        port    => $o{port} // free_port(),
        karbon  => $o{karbon} // free_port(),
    }, $class;

    mkdir $_ for $self->{dir}, map { "$self->{dir}/$_" } qw( conf logs html );

    return $self;
}

sub dir { return $_[0]{dir}; }
sub port { return $_[0]{port}; }
sub karbon_port { return $_[0]{karbon}; }

# A file beside the configuration.
sub file {
    my ($self, $name, $text) = @_;
    spew("$self->{dir}/conf/$name", $text);
    return "$self->{dir}/conf/$name";
}

# The whole configuration but for what every nginx of ours needs.
sub conf {
    my ($self, $text) = @_;
    my $load = join '', map { "load_module $_;\n" } @{$self->{modules}};
    my $user = $> == 0 && $text !~ /^user /m ? "user root;\n" : '';
    my $dir = $self->{dir};

    $text = "events { worker_connections 256; }\n$text"
        if $text !~ /^events\b/m;
    $text =~ s/^(events\s*\{)/$1 use $ENV{TEST_NGINX_EVENT_TYPE};/m
        if length($ENV{TEST_NGINX_EVENT_TYPE} // '')
           && $text !~ /^events[^}]*\buse\s/m;

    $self->file('nginx.conf', <<END);
${load}${user}daemon on;
pid $dir/logs/nginx.pid;
error_log $dir/logs/error.log $self->{level};
env ASAN_OPTIONS;
env UBSAN_OPTIONS;
env LSAN_OPTIONS;
$text
END
}

# The usual http block around some servers' locations.
sub http_block {
    my ($self, $inside) = @_;
    my $dir = $self->{dir};
    my $temp = join ' ', map { "${_}_temp_path $dir/${_}_temp;" }
               qw( client_body proxy fastcgi scgi uwsgi );

    return <<END;
http {
    access_log $dir/logs/access.log;
    $temp
$inside
}
END
}

sub command {
    my ($self, @more) = @_;
    my $dir = $self->{dir};

    return (@{$self->{wrap}}, binary(), '-e', "$dir/logs/error.log",
            '-p', "$dir/", '-c', "$dir/conf/nginx.conf", @more);
}

# The clock, and before it the libraries of a sanitizer.
sub environment {
    my ($self) = @_;
    my $env = $self->{clock} ? $self->{clock}->env : {};
    my $preload = join ' ', grep { defined && length }
                  $ENV{TORUS_NGINX_PRELOAD}, $env->{LD_PRELOAD};

    return { %$env, length $preload ? (LD_PRELOAD => $preload) : () };
}

# Runs it, returns its exit code and all it said.
sub run {
    my ($self, @more) = @_;
    my $env = $self->environment;
    my $out = "$self->{dir}/logs/out";
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw( INT TERM HUP );
        %ENV = (%ENV, %$env, %{$self->{env}});
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', $out or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT;
        my @cmd = $self->command(@more);
        { no warnings; exec { $cmd[0] } @cmd; }
        POSIX::_exit(127);
    }

    waitpid $pid, 0;

    return ($? >> 8 || $? & 127, slurp($out));
}

# nginx -t
sub test {
    my ($self) = @_;
    return $self->run('-t');
}

sub start {
    my ($self) = @_;
    my $refusal = $self->try_start;

    die "nginx does not start:\n$refusal", $self->log_text
        if defined $refusal;

    return $self;
}

# Undef when it runs, else what it said.
sub try_start {
    my ($self) = @_;
    my ($code, $out) = $self->run;

    return $out if $code != 0;

    wait_for(sub { $self->{pid} = $self->pid_of_file }, 10)
        or die "nginx wrote no pid\n", $self->log_text;

    $running{$self->{pid}} = $self;

    # the master listens, and writes its pid, before it has workers
    wait_for(sub { $self->workers }, 10)
        if slurp("$self->{dir}/conf/nginx.conf") !~ /^master_process\s+off/m;

    return undef;
}

sub pid_of_file {
    my ($self) = @_;
    return slurp("$self->{dir}/logs/nginx.pid") =~ /^(\d+)/ ? $1 : undef;
}

sub pid { return $_[0]{pid}; }

sub workers {
    my ($self) = @_;
    return grep { $_ } map { m{/(\d+)/stat$} && $1 }
           grep { slurp($_) =~ /\)\s+\S\s+(\d+)/ && $1 == $self->{pid} }
           glob '/proc/[0-9]*/stat';
}

sub signal {
    my ($self, $signal) = @_;
    kill $signal, $self->{pid};
}

# Until the old workers have gone, and new ones are there.
sub reload {
    my ($self, $seconds) = @_;
    my %old = map { $_ => 1 } $self->workers;

    $self->signal('HUP');

    return wait_for(sub {
        my @now = $self->workers;
        return @now && !grep { $old{$_} } @now;
    }, $seconds // 15);
}

# True when it left in time.
sub stop {
    my ($self, $signal, $seconds) = @_;
    my $pid = $self->{pid} or return 1;

    delete $running{$pid};
    delete $self->{pid};

    my $ok = Torus::Util::stop($pid, $signal // 'QUIT', $seconds // 15);
    my $log = $self->log_text;

    # a sanitizer's report goes to standard error, which is nginx's log
    if ($log =~ /^(.*(?:runtime error:|ERROR: \w+Sanitizer)(?:.*\n){1,25})/m) {
        print STDERR $1;
        return 0;
    }

    return $ok;
}

sub log_text {
    my ($self) = @_;
    return slurp("$self->{dir}/logs/error.log");
}

sub get {
    my ($self, $uri, %o) = @_;
    return http($self->{port}, 'GET', $uri, %o);
}

sub post {
    my ($self, $uri, $body, %o) = @_;
    return http($self->{port}, 'POST', $uri, body => $body, %o);
}

# Status, body, headers (names in lower case).
sub http {
    my ($port, $method, $uri, %o) = @_;
    my $fh = connect_to($port);
    my $body = $o{body} // '';
    my $headers = join '', map { "$_: $o{headers}{$_}\r\n" }
                  sort keys %{$o{headers} // {}};

    $headers .= 'Content-Length: ' . length($body) . "\r\n"
        if $method eq 'POST' || length $body;

    my $answer = talk($fh, "$method $uri HTTP/1.0\r\nHost: localhost\r\n"
                      . "$headers\r\n$body", $o{timeout} // 30);

    return (0, '', {}) if $answer !~ m{\AHTTP/\S+ (\d+).*?\r\n(.*?)\r\n\r\n}s;

    my ($status, $head, $rest) = ($1, $2, substr $answer, $+[0]);
    my %got = map { /^([^:]+):\s*(.*)$/ ? (lc $1 => $2) : () }
              split /\r\n/, $head;

    return ($status, $rest, \%got);
}

# A port of the loopback, or the path of a unix socket.
sub connect_to {
    my ($where) = @_;
    my $fh;

    wait_for(sub {
        $fh = $where =~ m{^/}
            ? IO::Socket::UNIX->new(Peer => $where)
            : IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                    PeerPort => $where);
    }, 5) or die "connect to $where: $!\n";

    binmode $fh;
    return $fh;
}

# Writes, closes that direction, reads to the end.
sub talk {
    my ($fh, $bytes, $seconds) = @_;
    my $answer = '';

    local $SIG{PIPE} = 'IGNORE';

    my $select = IO::Select->new($fh);
    $fh->blocking(0);

    while (length $bytes) {
        my $n = syswrite $fh, $bytes;

        if (defined $n) {
            substr $bytes, 0, $n, '';
        } elsif ($!{EAGAIN}) {
            $select->can_write($seconds) or return $answer;
        } else {
            last;
        }
    }

    while ($select->can_read($seconds)) {
        my $n = sysread $fh, $answer, 65536, length $answer;
        next if !defined $n && $!{EAGAIN};
        last if !$n;
    }

    close $fh;

    return $answer;
}

# Sends bytes as a Carbon client does, closes, and waits until nginx has
# read to the end and closed too.  With a list the parts go out one by one.
sub carbon {
    my ($where, $bytes, $pause) = @_;
    my $fh = connect_to($where);
    my @parts = ref $bytes ? @$bytes : $bytes;

    $fh->setsockopt(Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), 1)
        if $where !~ m{^/};

    local $SIG{PIPE} = 'IGNORE';

    for my $i (0 .. $#parts) {
        select undef, undef, undef, $pause // 0.01 if $i;
        my $part = $parts[$i];

        while (length $part) {
            my $n = syswrite $fh, $part;
            last if !defined $n;
            substr $part, 0, $n, '';
        }
    }

    shutdown $fh, 1;

    my $closed = 0;
    my $select = IO::Select->new($fh);

    while ($select->can_read(10)) {
        my $n = sysread $fh, my $answer, 65536;
        $closed = 1, last if !$n;
    }

    close $fh;
    return $closed;
}

END {
    if ($$ == $owner) {
        local $?;
        $_->stop('TERM', 5) for values %running;
    }
}

1;
