# Bad lines: each reason by its name, the neighbours stored, and no more in
# the log than an info for each and one sample a second at warn.

use strict;
use warnings;

use lib 't/lib';

use Test::More;
use Torus::Karbon;
use Torus::Util qw( free_port wait_for );

my @bad = (
    [ 'bad_line', "onlyapath", 'onlyapath' ],
    [ 'bad_length', 'c.' . 'x' x 4095 . ' 1 1700000000', 'c.xxx' ],
    [ 'bad_length', 'c.a ' . '1' x 16384, 'c.a 111' ],
    [ 'bad_path', "c.a\x01b 1 1700000000", 'c.a\\x01b 1 1700000000' ],
    [ 'bad_path', "c.\xff\xfe 1 1700000000", 'c.\\xff\\xfe 1 1700000000' ],
    [ 'bad_path', "... 1 1700000000", '... 1 1700000000' ],
    [ 'bad_path', "c.a;b 1 1700000000", 'c.a;b 1 1700000000' ],
    [ 'bad_value', "c.a abc 1700000000", 'c.a abc 1700000000' ],
    [ 'bad_value', "c.a 0x10 1700000000", 'c.a 0x10 1700000000' ],
    [ 'bad_value', "c.a 1 17e8", 'c.a 1 17e8' ],
    [ 'bad_timestamp', "c.a 1 -2", 'c.a 1 -2' ],
    [ 'bad_timestamp', "c.a 1 999999999999", 'c.a 1 999999999999' ],
    [ 'bad_infinity', "c.a inf 1700000000", 'c.a inf 1700000000' ],
    [ 'bad_infinity', "g.a -inf 1700000000", 'g.a -inf 1700000000' ],
    [ 'bad_infinity', "g.a 1e400 1700000000", 'g.a 1e400 1700000000' ],
);


my $udp = free_port();
my $k = Torus::Karbon->new(
    stream  => 'karbon_future 1h;',
    servers => "server { listen 127.0.0.1:$udp udp; karbon on; }");
my $n = 0;

for my $case (@bad, [ 'dropped_future', 'c.a 1 1700003601',
                      'c.a 1 1700003601' ])
{
    my ($reason, $line, $shown) = @$case;

    $n++;
    $k->send("c.before 1 1700000000\n$line\nc.after 1 1700000000\n");
    $k->is_stored("c.after:minute:28333333 string $n\n"
                  . "c.before:minute:28333333 string $n\n",
                  "$reason costs only itself");
    $k->is_logged("\\[(info|warn)\\].*bad carbon line \\($reason\\): "
                  . "\"(?i)\Q$shown\E", '+', 'and is named in the log');
}

# the clock stands still: all of that was one second
$k->is_logged('\[warn\].*bad carbon line', 1, 'one sample at warn');
$k->is_logged('\[info\].*bad carbon line', $n - 1, 'the others at info');
is((grep { /^200 3 1$/ } $k->sessions), $n, 'each counted in its session');

my $line = qr/bad carbon line \(\w+\): "[ -~]{1,256}"(?:, one of| while)/;
my @wrong = grep { /bad carbon line/ && !/$line/ } split /\n/, $k->log_text;
is("@wrong", '', 'excerpts of 256 printable bytes at most');

# the same each second, with how many there were
$k->clock->freeze(1700000001);
$k->send("nothing\n" x 1000);
$k->is_logged('\[warn\].*bad carbon line', 2, 'a sample of the next second');
$k->clock->freeze(1700000002);
$k->send("nothing\n");
$k->is_logged('\[warn\].*bad carbon line .*one of 1000\b', 1,
              'with how many there were in between');

# nan is no error; a name that no schema takes is told once
$k->flush;
$k->send("g.a nan 1700000000\ng.a NaN 1700000000\n"
         . "other.x 1\nother.y 1\ng.b 1 1700000000\n");
$k->is_stored("g.b:gmin:28333333 string 1\n", 'nan is not stored');
$k->is_logged('bad carbon line.*nan', 0, 'and not a bad line');
$k->is_logged('\[warn\].*no schema matches "other.x"', 1,
              'a stray name, once');
$k->is_logged('no schema matches "other.y"', 0, 'the next one is not');

# in a datagram as well
$k->flush;
$k->udp($udp, "c.a 1 1700000000\nbad\nc.a 1 1700000000\n");
$k->is_stored("c.a:minute:28333333 string 2\n", 'bad lines in a datagram');
$k->is_logged('bad carbon line \(bad_line\): "bad".*udp client', '+',
              'are told likewise');

# a worker that does not log info writes nothing but the samples
$k->is_quiet('bad carbon line|no schema matches', 'nothing else');
$k->stop_ok;

done_testing();
