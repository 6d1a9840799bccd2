# Every configuration of conf.examples/ is one that nginx takes and runs,
# with nothing in the log: as it is, but for ports, places and the Redis.

use strict;
use warnings;

use lib 't/lib';

use File::Basename qw( basename );
use Test::More;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( root temp_dir free_port slurp spew wait_for );

chdir root() or die root(), ": $!\n";

my $redis = Torus::Redis->start;
my $n = 0;

for my $file (sort glob 'conf.examples/*.conf') {
    example(basename($file), slurp($file));
}

for my $file (sort glob 'conf.examples/*.json') {
    my $name = basename($file);
    my @used = grep { slurp($_) =~ /\b\Q$name\E\b/ }
               glob 'conf.examples/*.conf';
    ok(@used || slurp('README.md') =~ /\Q$name\E/, "$name is used");
}

done_testing();


sub example {
    my ($name, $text) = @_;
    my $dir = temp_dir() . '/ex' . $n++;
    my $nginx = Torus::Nginx->new(dir => $dir);
    my (%ports, @http, @carbon);

    mkdir "$dir/$_" for qw( conf modules run cache );

    for my $module (Torus::Nginx::modules()) {
        symlink $module, "$dir/modules/" . basename($module);
    }
    $text =~ s/^load_module\s+modules\/ngx_stream_module.so;\n//m
        if ! -e "$dir/modules/ngx_stream_module.so";

    for my $schema (glob 'conf.examples/*.json') {
        my $json = slurp($schema);
        my $port = $redis->port;
        $json =~ s/(?:localhost|127\.0\.0\.1):6379/127.0.0.1:$port/g;
        spew("$dir/conf/" . basename($schema), $json);
    }

    # each port of the loopback or of all addresses becomes one of the
    # loopback that is free
    $text =~ s{^(\s*listen\s+)(?:([\w.*]+|\[[^\]]*\]):)?(\d+)\b}
              {$1 . '127.0.0.1:' . ($ports{$3} //= free_port())}gme;
    $text =~ s{(127\.0\.0\.1|localhost):(\d+)\b}
              {"$1:" . ($ports{$2} // $2)}ge;
    $text =~ s{unix:/(?:var/)?run/}{unix:$dir/run/}g;
    $text =~ s{/var/cache/nginx}{$dir/cache}g;
    $text =~ s{^(\s*(?:access_log|error_log)\s+)/var/log/nginx}{$1$dir/logs}gm;
    certificates($dir, \$text);
    spew("$dir/conf/users", "ops:{PLAIN}ops\n");

    my $temp = join ' ', map { "${_}_temp_path $dir/${_}_temp;" }
               qw( client_body proxy fastcgi scgi uwsgi );
    my $log = $text =~ /access_log/ ? '' : "access_log $dir/logs/access.log;";
    $text =~ s/^http \{/http { $log $temp/m;
    $text =~ s/^(?:user|pid)\s[^;]*;//mg;
    $text =~ s/^error_log\s[^;]*;//mg;
    $nginx->file('nginx.conf', $text);

    my $user = $> == 0 ? 'user root;' : '';
    my @globals = ('-g', "pid $dir/logs/nginx.pid; daemon on; $user"
                   . " error_log $dir/logs/error.log notice;");

    my ($code, $said) = $nginx->run(@globals, '-t');
    is($code, 0, "$name: nginx -t") or return diag($said);

    ($code, $said) = $nginx->run(@globals);
    is($code, 0, "$name: nginx starts") or return diag($said);
    ok(wait_for(sub { $nginx->{pid} = $nginx->pid_of_file }, 10),
       "$name: and stays");
    ok(wait_for(sub { $nginx->workers }, 10), "$name: with workers");

    probe($name, $nginx, $text);
    scrape($text) if $name eq 'nginx.conf';

    ok($nginx->stop, "$name: and leaves");

    my @loud = grep { /\[(?:warn|error|crit|alert|emerg)\]/ }
               split /\n/, $said . $nginx->log_text;
    is_deeply(\@loud, [], "$name: without a warning in the log");
}

# Its listeners listen, its locations answer.
sub probe {
    my ($name, $nginx, $text) = @_;
    my $plain = $text =~ s/#[^\n]*//gr;

    for my $where ($plain =~ /^\s*listen\s+([^;]+);/mg) {
        next if $where =~ /\budp\b/;
        my ($at) = $where =~ /(?:127\.0\.0\.1:|unix:)(\S+)/;
        my $fh = eval { Torus::Nginx::connect_to($at) };
        ok($fh, "$name: listens on $where") or next;

        syswrite $fh, "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"
            if $where =~ /\bproxy_protocol\b/;
        shutdown $fh, 1;
        sysread $fh, my $nothing, 1;
        close $fh;
    }

    my ($http) = $plain =~ /^http \{(.*)/ms;
    return if !defined $http;

    my ($port) = $http =~ /listen\s+127\.0\.0\.1:(\d+)\s*;/;
    return if !defined $port;

    while ($http =~ m{location\s+(/\S*)\s*\{([^{}]*torus_query\s+on[^{}]*)\}}g) {
        my ($location, $inside) = ($1, $2);
        my ($status) = Torus::Nginx::http($port, 'GET', "${location}list");
        is($status, 200, "$name: ${location}list answers");
    }
}

# Prometheus finds its metrics where the rules say that it should ask.
sub scrape {
    my ($text) = @_;
    my $rules = slurp('conf.examples/prometheus.rules.yaml');
    my ($path) = $rules =~ /^#\s+metrics_path:\s+(\S+)/m;
    my ($key, $value) = $rules =~ /^#\s+params: \{ (\w+): \[ (\w+) \] \}/m;
    my ($port) = $text =~ /^http \{.*?listen\s+127\.0\.0\.1:(\d+)\s*;/ms;
    my ($status, $body) = Torus::Nginx::http($port, 'GET',
                                             "$path?$key=$value");

    is($status, 200, 'prometheus.rules.yaml: nginx.conf answers at its path');
    like($body, qr/^# TYPE torus_/m, 'with metrics');
}

# A certificate that signs itself, where the example has one of its own.
sub certificates {
    my ($dir, $text) = @_;
    my ($cert) = $$text =~ /^\s*ssl_certificate\s+([^;]+);/m;

    return if !defined $cert;

    my $made = !system("openssl req -x509 -newkey rsa:2048 -nodes -days 2"
                       . " -subj /CN=localhost -keyout $dir/conf/key.pem"
                       . " -out $dir/conf/cert.pem >/dev/null 2>&1");
    die "openssl makes no certificate\n" if !$made;

    $$text =~ s/^(\s*ssl_certificate\s+)[^;]+;/$1$dir\/conf\/cert.pem;/mg;
    $$text =~ s/^(\s*ssl_certificate_key\s+)[^;]+;/$1$dir\/conf\/key.pem;/mg;
    $$text =~ s/^(\s*(?:ssl_client_certificate|ssl_trusted_certificate)\s+)
                [^;]+;/$1$dir\/conf\/cert.pem;/mgx;
}
