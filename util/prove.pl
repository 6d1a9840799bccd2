#!/usr/bin/perl

# Runs TAP tests of all kinds and sums them up.
#
#   prove.pl [-j N] [--log DIR] FILE..
#
# A .t file is run by perl, anything else as it is.  Up to N of the others
# run at once; .t files share ports, a Redis and an nginx, so they run one
# after another, and last, but for those of faults, which have their own and
# wait most of the time.  Ends with prove's summary and a line
# "N passed, N failed", in which a test file that ends badly counts as one
# failed test at least.

use strict;
use warnings;

use Getopt::Long;
use TAP::Harness;
use TAP::Parser::Aggregator;
use FindBin;

my ($jobs, $verbose) = (1, 0);

GetOptions('j=i' => \$jobs, 'v' => \$verbose) or exit 2;
@ARGV or die "no tests to run\n";

my @programs = grep { !/\.t$/ } @ARGV;
my @faults = grep { m{(?:^|/)faults/.*\.t$} } @ARGV;
my @suites = grep { /\.t$/ && !m{(?:^|/)faults/} } @ARGV;

my @lib = ("$FindBin::Bin/../t/lib");

my $aggregate = TAP::Parser::Aggregator->new;
my $first;

$aggregate->start;

for my $part ([ \@programs, $jobs ], [ \@suites, 1 ], [ \@faults, 3 ]) {
    my ($tests, $n) = @$part;
    next if !@$tests;

    my $harness = TAP::Harness->new({
        jobs      => $n,
        lib       => \@lib,
        verbosity => $verbose ? 1 : 0,
        color     => -t STDOUT ? 1 : 0,
        timer     => 1,
        merge     => 0,
        failures  => 1,
        exec      => sub {
            my (undef, $file) = @_;
            return $file =~ /\.t$/ ? undef : [ $file ];
        },
    });

    $harness->aggregate_tests($aggregate, @$tests);
    $first //= $harness;
}

$aggregate->stop;
$first->summary($aggregate);

my $passed = $aggregate->passed;
my $failed = $aggregate->failed;

# files that died, or ran another number of tests than planned
for my $parser ($aggregate->parsers) {
    next if $parser->failed || !$parser->has_problems;
    $failed++;
}

print "$passed passed, $failed failed\n";

exit($failed || !$aggregate->all_passed ? 1 : 0);
