# Debian's relays as senders, each listening for lines on a port of its own.

package Torus::Relays;

use strict;
use warnings;

use Torus::Util qw( temp_dir free_port spawn spew );


sub installed {
    return program('carbon-c-relay') && program('carbon-relay');
}

sub program {
    my ($name) = @_;
    my ($path) = grep { -x } map { "$_/$name" } split /:/, $ENV{PATH};

    return $path;
}

# From lines to lines: the port that it listens on, and its process.
sub carbon_c_relay {
    my ($to) = @_;
    my $port = free_port();
    my $conf = temp_dir() . "/c-relay.$port.conf";

    spew($conf, "cluster torus forward 127.0.0.1:$to ;\n"
                . "match * send to torus stop ;\n");

    return ($port, spawn("$conf.log", {}, program('carbon-c-relay'),
                         '-f', $conf, '-p', $port));
}

# From lines to pickle.
sub carbon_relay {
    my ($to) = @_;
    my ($lines, $frames) = (free_port(), free_port());
    my $dir = temp_dir() . "/relay.$lines";

    mkdir $_ for $dir, map { "$dir/$_" } qw( conf log run storage );

    spew("$dir/conf/storage-schemas.conf",
         "[all]\npattern = .*\nretentions = 60s:1d\n");
    spew("$dir/conf/relay-rules.conf",
         "[all]\ndefault = true\ndestinations = 127.0.0.1:$to\n");
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
DESTINATIONS = 127.0.0.1:$to
DESTINATION_PROTOCOL = pickle
MAX_DATAPOINTS_PER_MESSAGE = 500
MAX_QUEUE_SIZE = 20000
END

    return ($lines, spawn("$dir/out", { GRAPHITE_ROOT => $dir },
                          program('carbon-relay'),
                          "--config=$dir/conf/carbon.conf", '--debug',
                          'start'));
}

1;
