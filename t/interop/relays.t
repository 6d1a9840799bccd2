# Debian's relays as senders: carbon-c-relay with lines, carbon-relay (package
# graphite-carbon) with pickle.  Each gets points of names of their own, and
# each of them arrives once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw( sleep );
use Torus::Karbon;
use Torus::Util qw( temp_dir free_port wait_for spawn stop slurp spew );

my ($c_relay) = grep { -x } map { "$_/carbon-c-relay" } split /:/, $ENV{PATH};
my ($relay) = grep { -x } map { "$_/carbon-relay" } split /:/, $ENV{PATH};

plan skip_all => 'carbon-c-relay and graphite-carbon are not installed'
    if !$c_relay || !$relay;

my $points = 5000;
my $now = int time;
my $pickle = free_port();
my $k = Torus::Karbon->new(clock => 0, servers => <<END);
    server { listen 127.0.0.1:$pickle; karbon on; karbon_protocol pickle; }
END

arrive('carbon-c-relay', start_c_relay());
arrive('carbon-relay', start_relay());

$k->is_quiet('no schema matches');
$k->stop_ok;

done_testing();


# Its port and process.
sub start_c_relay {
    my $port = free_port();
    my $conf = temp_dir() . '/c-relay.conf';

    spew($conf, 'cluster torus forward 127.0.0.1:' . $k->port . " ;\n"
                . "match * send to torus stop ;\n");

    return ($port, spawn(temp_dir() . '/c-relay.log', {}, $c_relay,
                         '-f', $conf, '-p', $port));
}

sub start_relay {
    my ($lines, $frames) = (free_port(), free_port());
    my $dir = temp_dir() . '/relay';

    mkdir $_ for $dir, map { "$dir/$_" } qw( conf log run storage );

    spew("$dir/conf/storage-schemas.conf",
         "[all]\npattern = .*\nretentions = 60s:1d\n");
    spew("$dir/conf/relay-rules.conf",
         "[all]\ndefault = true\ndestinations = 127.0.0.1:$pickle\n");
    spew("$dir/conf/carbon.conf", <<END);
[relay]
USER =
LOG_DIR = $dir/log
PID_DIR = $dir/run
CONF_DIR = $dir/conf
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = $lines
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = $frames
RELAY_METHOD = rules
DESTINATIONS = 127.0.0.1:$pickle
DESTINATION_PROTOCOL = pickle
MAX_DATAPOINTS_PER_MESSAGE = 500
MAX_QUEUE_SIZE = 20000
END

    return ($lines, spawn("$dir/out", { GRAPHITE_ROOT => $dir }, $relay,
                          "--config=$dir/conf/carbon.conf", '--debug',
                          'start'));
}

sub arrive {
    my ($name, $port, $pid) = @_;
    my ($fh, $keys, $values);

    wait_for(sub { $fh = IO::Socket::INET->new(PeerPort => $port,
                                               PeerAddr => '127.0.0.1') }, 20)
        or die "$name does not listen\n";

    $k->flush;
    print $fh map { "c.n$_ 1 $now\n" } 1 .. $points;
    close $fh;

    wait_for(sub { $keys = $k->redis->cmd(KEYS => 'c.n*'); @$keys >= $points },
             30);

    # behind the last one, what would come twice
    sleep 0.5;
    $values = @$keys ? $k->redis->cmd(MGET => @$keys) : [];
    is(scalar(grep { $_ eq '1' } @$values), $points,
       "$points points of $name, each once");

    stop($pid);
}
