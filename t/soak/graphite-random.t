# The long form of t/interop/graphite-random.t: five minutes of requests, of
# a seed that it prints.

use strict;
use warnings;

use FindBin;

$ENV{TORUS_SECONDS} ||= 300;

exec $^X, "$FindBin::Bin/../interop/graphite-random.t";
