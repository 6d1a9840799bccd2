# The pickle protocol: frames as writers make them, over reads and with a
# slow Redis; bad elements, bad frames, too long ones.

use strict;
use warnings;

use lib 't/lib';

use IO::Select;
use POSIX ();
use Test::More;
use Time::HiRes qw( sleep );
use Torus::Karbon;
use Torus::Util qw( free_port wait_for );

# [ ('c.a', (1700000000, 1)), ('c.b', (1700000060.9, 2.5)),
#   ('u.x', ('1700000000', 'text')) ] in protocols 0, 1, 2, 4
my %frames = (
    0 => "(lp0\n(Vc.a\np1\n(I1700000000\nI1\ntp2\ntp3\na(Vc.b\np4\n"
         . "(F1700000060.9\nF2.5\ntp5\ntp6\na(Vu.x\np7\n(V1700000000\np8\n"
         . "Vtext\np9\ntp10\ntp11\na.",
    1 => "]q\x00((X\x03\x00\x00\x00c.aq\x01(J\x00\xf1SeK\x01tq\x02tq\x03("
         . "X\x03\x00\x00\x00c.bq\x04(GA\xd9T\xfcO9\x99\x9aG\@\x04\x00\x00"
         . "\x00\x00\x00\x00tq\x05tq\x06(X\x03\x00\x00\x00u.xq\x07(X\n\x00"
         . "\x00\x001700000000q\x08X\x04\x00\x00\x00textq\ttq\ntq\x0be.",
    2 => "\x80\x02]q\x00(X\x03\x00\x00\x00c.aq\x01J\x00\xf1SeK\x01\x86q\x02"
         . "\x86q\x03X\x03\x00\x00\x00c.bq\x04GA\xd9T\xfcO9\x99\x9aG\@\x04"
         . "\x00\x00\x00\x00\x00\x00\x86q\x05\x86q\x06X\x03\x00\x00\x00u.x"
         . "q\x07X\n\x00\x00\x001700000000q\x08X\x04\x00\x00\x00textq\t\x86"
         . "q\n\x86q\x0be.",
    4 => "\x80\x04\x95P\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x03c.a\x94"
         . "J\x00\xf1SeK\x01\x86\x94\x86\x94\x8c\x03c.b\x94GA\xd9T\xfcO9\x99"
         . "\x9aG\@\x04\x00\x00\x00\x00\x00\x00\x86\x94\x86\x94\x8c\x03u.x"
         . "\x94\x8c\n1700000000\x94\x8c\x04text\x94\x86\x94\x86\x94e.",
);

sub frame { return pack('N/a', $_[0]); }

# In statsd's way.
sub points {
    return '(l' . join('', map { "(S'$_->[0]'\n(L$_->[1]L\nS'$_->[2]'\ntta" }
                           @_) . '.';
}


my $udp = free_port();
my $k = Torus::Karbon->new(
    server  => 'karbon_protocol pickle; karbon_frame_max 100k;',
    servers => "server { listen 127.0.0.1:$udp udp; karbon on;
                         karbon_protocol pickle; }");

my $want = "c.a:minute:28333333 string 1\nc.b:minute:28333334 string 2.5\n"
           . "u.x:umin:28333333 set text\n";

for my $protocol (sort keys %frames) {
    $k->flush;
    $k->send(frame($frames{$protocol}));
    $k->is_stored($want, "protocol $protocol");

    $k->flush;
    $k->send([ split //, frame($frames{$protocol}) ], undef, 0.0005);
    $k->is_stored($want, 'byte by byte');
}

$k->flush;
$k->send(frame(points([ 'c.a', 1700000000, 1 ])) x 1000);
$k->is_stored("c.a:minute:28333333 string 1000\n", 'a thousand frames');

# a bad element costs itself
$k->flush;
$k->send(frame(points([ 'c.a', 1700000000, 1 ], [ 'c.a', 1700000000, 'x' ],
                      [ 'c d', 1700000000, 1 ], [ 'c.a', -5, 1 ],
                      [ 'c.a', 1700000000, 1 ])));
$k->is_stored("c.a:minute:28333333 string 2\n", 'bad elements');
$k->is_logged('bad carbon line \(bad_value\): "c.a x 1700000000"', 1,
              'a bad value in the log');
$k->is_logged('bad carbon line \(bad_path\): "c d 1"', 1, 'a bad path');
$k->is_logged('bad carbon line \(bad_timestamp\): "c.a 1"', 1,
              'a bad timestamp');
is(($k->sessions)[-1], '200 5 3', 'and counted');

# a bad frame ends the connection, and nothing of it is stored
$k->flush;
my %bad = (
    'it has an opcode that is refused' =>
        frame("(c__builtin__\neval\n(S'1'\ntRl."),
    'it is too long' => pack('N', 100 * 1024 + 1) . 'x',
    'it is not a list' => frame('N.'),
    'it is empty' => frame(''),
    'it ends in the middle' => frame('(l(S'),
);

for my $reason (sort keys %bad) {
    my $fh = $k->connect;

    syswrite $fh, frame(points([ 'c.good', 1700000000, 1 ])) . $bad{$reason};
    ok(IO::Select->new($fh)->can_read(5), "closed: $reason");
    $k->is_logged("bad carbon frame \\(bad_frame\\): \"$reason\"", 1,
                  'and told');
}

$k->is_sum('c.good', 5, 'the frames before them are stored');
is((grep { $_ eq '400 2 1' } $k->sessions), 5, 'and 400 is the status');

$k->send(frame($frames{2}) . substr frame($frames{4}), 0, 30);
$k->is_logged('bad carbon frame \(bad_frame\): "the end cuts it"', 1,
              'a frame that is cut by the end');
$k->is_sum('c.a', 1, 'the frame before it is stored');

$k->flush;
$k->udp($udp, frame($frames{2}));
$k->is_stored($want, 'a frame in a datagram');
$k->is_quiet('bad carbon');
$k->stop_ok;

slow();

done_testing();


# Redis stops in the middle of frames: they go on at the element where they
# stopped, none twice and none left out.
sub slow {
    my $slow = Torus::Karbon->new(server => 'karbon_protocol pickle;',
                                  stream => 'karbon_redis_queue 64k;');
    my $fh = $slow->connect;

    syswrite $fh, frame(points([ 'c.first', 1700000000, 1 ]));
    $slow->is_sum('c.first', 1, 'connected');
    $slow->redis->pause;

    my $bytes = '';
    for my $i (1 .. 20) {
        $bytes .= frame(points(map { [ "c.n$i.$_", 1700000000, 1 ] }
                               1 .. 500));
    }

    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        while (length $bytes) {
            my $n = syswrite $fh, $bytes or last;
            substr $bytes, 0, $n, '';
        }
        shutdown $fh, 1;
        POSIX::_exit(0);
    }
    close $fh;

    sleep 0.5;
    is(scalar $slow->sessions, 0, 'the client waits');
    $slow->redis->resume;
    waitpid $pid, 0;

    my %want = map { $_ => 1 } 'c.first',
               map { my $i = $_; map { "c.n$i.$_" } 1 .. 500 } 1 .. 20;
    wait_for(sub { $slow->redis->cmd('DBSIZE') >= 10002 }, 10);
    my $dump = $slow->redis->dump;
    my @wrong = grep { my ($stat) = /^(.*):minute:/;
                       !delete $want{$stat} || $dump->{$_}[1] ne '1' }
                keys %$dump;

    is("@wrong", '', 'no point is stored twice');
    is(scalar keys %want, 0, 'and none is lost, of 10001');
    $slow->stop_ok;
}
