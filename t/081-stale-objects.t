# unit.mk and bench.mk compile again what has become stale, and only that: by
# a header, by other options or another compiler, however OUT is spelled.

use strict;
use warnings;

use lib 't/lib';

use Test::More;
use Torus::Util qw( root temp_dir spew slurp );

# a tree that is compiled in no time
my $tree = temp_dir() . '/tree';
my $main = "int\nmain(void)\n{\n    return 0;\n}\n";

system('mkdir', '-p', map { "$tree/$_" } qw( bench lib/core t/unit util )) == 0
    or die;
system('cp', glob(root() . '/util/*.mk'), "$tree/util") == 0 or die;
system('cp', root() . '/bench/bench.mk', "$tree/bench") == 0 or die;
spew("$tree/lib/core/torus_a.h", "#define TORUS_A 1\n");
spew("$tree/lib/core/torus_$_.c", "#include \"torus_a.h\"\n\n"
                                  . "int torus_$_ = TORUS_A;\n") for qw( a b );
spew("$tree/bench/bench_core.c", $main);
spew("$tree/t/unit/test_a.c", $main);

for (['bench/bench.mk', 'core'], ['util/unit.mk', 'unit']) {
    my ($mk, $goal) = @$_;
    my $make = sub { compiled($mk, @_, $goal) };

    is($make->('OUT=build'), 'a b main', "$mk: all of it");
    is($make->('OUT=build'), '', "$mk: nothing is stale");
    is($make->("OUT=$tree/build"), '', "$mk: nor by another name of OUT");
    is($make->('OUT=./build//'), '', "$mk: nor by a third");

    touch("$tree/lib/core/torus_b.c");
    is($make->("OUT=$tree/build"), 'b main', "$mk: a source");

    touch("$tree/lib/core/torus_a.h");
    is($make->("OUT=$tree/build"), 'a b main', "$mk: a header");

    is($make->('OUT=build', 'CC=cc -pipe'), 'a b main', "$mk: a compiler");
    is($make->('OUT=build', 'CC=cc -pipe'), '', "$mk: the same one");
    is($make->('OUT=build'), 'a b main', "$mk: and back");

    my $flags = 'CFLAGS=-std=c11 -O0 -MMD -MP -Ilib/core';
    is($make->('OUT=build', $flags), 'a b main', "$mk: options");

    spew("$tree/$mk", slurp("$tree/$mk") . "# another rule\n");
    is($make->('OUT=build', $flags), 'a b main', "$mk: the rules");
    is($make->('OUT=build', $flags), '', "$mk: nothing more");

    system('rm', '-rf', "$tree/build");
}

done_testing();


# What that call of make compiled, in order of names.
sub compiled {
    my ($mk, @args) = @_;
    delete local @ENV{qw( MAKEFLAGS MFLAGS CC CFLAGS )};

    open my $out, '-|', 'make', '-C', $tree, '-f', $mk, @args or die;
    my @lines = grep { / -o / } <$out>;
    close $out or die "make: $?\n";

    my %names = map { (m{/torus_(\w)\.c$} ? $1 : 'main') => 1 } @lines;
    return join ' ', sort keys %names;
}

sub touch {
    my ($file) = @_;
    utime undef, undef, $file or die "$file: $!\n";
}
