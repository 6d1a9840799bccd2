#!/usr/bin/perl

# The lists of files in ./config against the tree: says what differs, or
# with --write puts the tree's files there.

use strict;
use warnings;

use FindBin;

my @lists = (
    [ TORUS_DEPS        => 'h', 'lib/core', 'lib/nginx' ],
    [ TORUS_SRCS        => 'c', 'lib/core', 'lib/nginx' ],
    [ TORUS_HTTP_DEPS   => 'h', 'ngx_torus_module' ],
    [ TORUS_HTTP_SRCS   => 'c', 'ngx_torus_module' ],
    [ TORUS_STREAM_DEPS => 'h', 'ngx_karbon_stream_module' ],
    [ TORUS_STREAM_SRCS => 'c', 'ngx_karbon_stream_module' ],
);

my $write = @ARGV && $ARGV[0] eq '--write';

chdir "$FindBin::Bin/.." or die "chdir: $!\n";

open my $in, '<', 'config' or die "config: $!\n";
my $text = do { local $/; <$in> };
close $in;

my $new = $text;
my $faults = 0;

for my $list (@lists) {
    my ($name, $ext, @dirs) = @$list;

    my @files = map { sort glob "$_/*.$ext" } @dirs;

    $new =~ m/^\Q$name\E="([^"]*)"$/m or die "config: no list $name\n";
    my %listed = map { $_ => 1 } $1 =~ m{\$ngx_addon_dir/(\S+)}g;

    for my $file (@files) {
        next if delete $listed{$file};
        print "config: $name lacks $file\n";
        $faults++;
    }

    for my $file (sort keys %listed) {
        print "config: $name has $file, which is not in the tree\n";
        $faults++;
    }

    my $value = join " \\\n    ", map { "\$ngx_addon_dir/$_" } @files;
    $value = "\\\n    $value" if @files;
    $new =~ s/^\Q$name\E="[^"]*"$/$name="$value"/m;
}

if ($write) {
    if ($new ne $text) {
        open my $out, '>', 'config' or die "config: $!\n";
        print $out $new;
        close $out or die "config: $!\n";
    }

    exit 0;
}

exit($faults ? 1 : 0);
