# The long form of t/008-carbon-garbage.t: a minute of random bytes.

use strict;
use warnings;

use FindBin;

$ENV{TORUS_SECONDS} ||= 60;

exec $^X, "$FindBin::Bin/../008-carbon-garbage.t";
