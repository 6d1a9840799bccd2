# Every prefix of a valid stream, and every single-byte corruption of it, of
# lines and of frames.  Whole lines before and behind the place are stored,
# each once; what is there of the last line is stored when it is a line; all
# that is not is counted.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use IO::Socket::INET;
use Test::More;
use Torus::Faults;
use Torus::Nginx;
use Torus::Util qw( free_port wait_for );

my $pickle = free_port();
my $w = Torus::Faults->new(types => 'l', workers => 1, server => <<END);
    }
    server { listen 127.0.0.1:$pickle; karbon on; karbon_protocol pickle;
END
my $karbon = $w->nginx->karbon_port;
my @values = Torus::Faults::long() ? (1, 2, 4, 8, 16, 32, 64, 128, 255)
                                   : (1, 0x80);
my $ts = $w->{now};
my $n = 0;
my %want;            # name => values, of what must be there
my %may;             # names that may be there, since they were damaged

# Values are different in all streams, since a damaged name may be that of
# another one.

# lines: prefixes

for my $len (0 .. length stream('p00000')) {
    my $id = sprintf 'p%05d', $n++;
    my $bytes = substr stream($id), 0, $len;

    post($karbon, $bytes);

    my @lines = split /\n/, $bytes, -1;

    for my $line (@lines) {
        my ($name, $value) = $line =~ /^(\S+) (\d+) \d{10}$/ or next;
        push @{$want{$name}}, $value;
    }

    # the last one may lack digits of its time, or all of it

    $may{$1} = 1 if @lines && $lines[-1] =~ /^(\S+) \d+(?: \d*)?$/
                    && !$want{$1};
}

judge('each prefix of lines');

# lines: a byte is another one

for my $at (0 .. length(stream('p00000')) - 1) {
    for my $x (@values) {
        my $id = sprintf 'c%05d', $n++;
        my $bytes = stream($id);
        my $line = (substr($bytes, 0, $at) =~ tr/\n//);

        substr($bytes, $at, 1) ^= chr $x;
        post($karbon, $bytes);

        for my $i (0 .. 3) {
            my $newline = substr(stream($id), $at, 1) eq "\n";
            my $hit = $i == $line || $newline && $i == $line + 1;
            my $name = "f.$id." . ('a' .. 'd')[$i];

            if ($hit) { $may{$name} = 1 }
            else { $want{$name} = [ value($id, $i) ] }
        }
    }
}

judge('each corruption of lines');

# frames: prefixes, then corruptions

for my $len (0 .. length frames('p00000')) {
    my $id = sprintf 'q%05d', $n++;
    my $bytes = substr frames($id), 0, $len;
    my $first = length(frames($id)) / 2;

    post($pickle, $bytes);

    for my $i (0 .. ($len == 2 * $first ? 3 : $len >= $first ? 1 : -1)) {
        $want{"f.$id." . ('a' .. 'd')[$i]} = [ value($id, $i) ];
    }
}

judge('each prefix of frames');

for my $at (0 .. length(frames('p00000')) - 1) {
    for my $x (@values) {
        my $id = sprintf 'd%05d', $n++;
        my $bytes = frames($id);
        my $half = length($bytes) / 2;

        substr($bytes, $at, 1) ^= chr $x;
        post($pickle, $bytes);

        for my $i (0 .. 3) {
            my $name = "f.$id." . ('a' .. 'd')[$i];

            # behind a bad frame nothing is believed

            if ($at >= $half && $i < 2) { $want{$name} = [ value($id, $i) ] }
            else { $may{$name} = 1 }
        }
    }
}

judge('each corruption of frames');
$w->clean('corruption');
ok($w->stop, 'it leaves');

done_testing();


sub stream {
    my ($id) = @_;
    my $i = 0;
    return join '', map { "f.$id.$_ " . value($id, $i++) . " $ts\n" }
                    'a' .. 'd';
}

sub value {
    my ($id, $i) = @_;
    return 100000 + 4 * substr($id, 1) + $i;
}

# Two frames of two points, in protocol 2.
sub frames {
    my ($id) = @_;
    my $i = 0;
    my @points = map { 'U' . pack('C/a', "f.$id.$_") . 'J' . pack('V', $ts)
                       . 'J' . pack('V', value($id, $i++)) . "\x86\x86" }
                 'a' .. 'd';

    return join '', map { pack 'N/a', "\x80\x02](" . $_ . 'e.' }
           "$points[0]$points[1]", "$points[2]$points[3]";
}

sub post {
    my ($port, $bytes) = @_;
    my $fh = Torus::Nginx::connect_to($port);

    syswrite $fh, $bytes if length $bytes;
    shutdown $fh, 1;
    1 while sysread $fh, my $buf, 4096;
    close $fh;
}

sub judge {
    my ($what) = @_;
    my %bad;

    wait_for(sub {
        my $o = $w->status->{operations};
        return $o->{made} == $o->{applied};
    }, 10);

    my $dump = $w->redis->dump;
    my %have = map { /^l:(f\.\w+\.[a-d]):day:\d+\z/
                     ? ($1 => "@{$dump->{$_}[1]}") : () } keys %$dump;

    for my $name (keys %want) {
        my $got = $have{$name} // '';
        my ($value) = @{$want{$name}};
        my $times = () = $got =~ /(?<!\d)$value(?!\d)/g;

        $bad{$name} = $got
            if $what =~ /prefix/ ? $got ne $value : $times != 1;
    }

    for my $name (grep { $what =~ /prefix/ } keys %have) {
        $bad{$name} = $have{$name} if !$want{$name} && !$may{$name};
    }

    is(join(' ', map { "$_=$bad{$_}" } sort keys %bad), '',
       "$what: " . keys(%want) . ' names are as they should be');
    $w->identities($what);

    %want = %may = ();
    $w->redis->cmd('FLUSHALL');
}
