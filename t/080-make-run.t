# "make run": the tour shows what it says it shows, Ctrl-C stops both servers
# and loses nothing, the data is there the next time, a busy port is a clear
# error.

use strict;
use warnings;

use lib 't/lib';

use IO::Socket::INET;
use Test::More;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( root temp_dir free_port wait_for spawn stop slurp gone );

plan skip_all => 'the tour is of the plain build' if $ENV{TORUS_ASAN};

# a tree of its own, so that ./run of this one is left alone
my $tree = temp_dir() . '/tree';
mkdir $tree;
symlink root() . "/$_", "$tree/$_"
    for qw( conf.examples build lib config ngx_torus_module
            ngx_karbon_stream_module );
mkdir "$tree/util";
system('cp', glob(root() . '/util/*'), "$tree/util") == 0 or die;

my ($karbon, $http) = (free_port(), free_port());
my %env = (KARBON_PORT => $karbon, TORUS_PORT => $http,
           TORUS_RUN_BUILT => 1, TORUS_RUN_ONCE => undef);

tour();
again();
busy();

done_testing();


sub begin {
    my ($log) = @_;
    unlink $log;
    return spawn($log, \%env, "$tree/util/run.sh");
}

sub tour {
    my $log = temp_dir() . '/run1.log';
    my $pid = begin($log);

    ok(wait_for(sub { slurp($log) =~ /^Ctrl-C stops both/m || gone($pid) },
                60), 'the tour is over') or diag(slurp($log));

    my $text = slurp($log);

    like($text, qr/^\$ printf .*\n?.*\| nc -N 127\.0\.0\.1 $karbon$/m,
         'points in by nc');
    like($text, qr/"stat":"shop\.all\.orders\.count".*"datapoints":\[\[7,\d+\]\]/,
         '/series out, with the rollup');
    like($text, qr/\{"12":4,"13":1,"14":1,"15":3,"90":1,"240":1\}/,
         'two servers in one distribution');
    like($text, qr/\[\[5,\d+\],\[0,\d+\],\[null,\d+\]\]/,
         'an idle and a missing bucket');
    like($text, qr/^web1\.latency:minute:\d+$/m, 'the keys in Redis');
    like($text, qr/^To try next:$/m, 'what to try next');
    unlike($text, qr/\[(?:emerg|alert|crit|error)\]|\x1b/,
           'no error, and no colours where there is no terminal');

    my $redis = Torus::Redis->connect(sock => $text =~ /-s (\S+redis\.sock)/
                                              ? $1 : 'none');

    # what is sent in the last moment is not lost
    my $now = time;
    Torus::Nginx::carbon($karbon, join '', map {
        "last.s$_.count 1 $now\n" } 1 .. 2000);

    kill 'INT', $pid;
    ok(wait_for(sub { gone($pid) }, 40), 'Ctrl-C ends it')
        or diag(slurp($log));
    like(slurp($log), qr/the data is in/, 'it says where the data is');
    ok(!-e "$tree/run/logs/nginx.pid", 'nginx has gone');
    ok(!eval { $redis->disconnect; $redis->cmd('PING') }, 'so has Redis');
}

sub again {
    my $log = temp_dir() . '/run2.log';
    my $pid = begin($log);

    ok(wait_for(sub { slurp($log) =~ /^Ctrl-C stops both/m || gone($pid) },
                60), 'it starts again') or diag(slurp($log));

    my ($status, $body) = Torus::Nginx::http($http, 'GET', '/list');
    my $n = () = $body =~ /"last\.s\d+\.count"/g;

    is($n, 2000, 'all that was sent before Ctrl-C is still there');

    kill 'TERM', $pid;
    ok(wait_for(sub { gone($pid) }, 40), 'TERM ends it too');
}

sub busy {
    my $other = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5,
                                      LocalPort => $http, ReuseAddr => 1)
        or die "listen: $!\n";
    my $log = temp_dir() . '/run3.log';
    my $pid = begin($log);

    ok(wait_for(sub { gone($pid) }, 20), 'a busy port ends it');
    like(slurp($log), qr/port $http is in use .*TORUS_PORT=PORT make run/,
         'and says which, and what to do');
}
