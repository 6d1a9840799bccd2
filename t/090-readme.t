# README.md is true: what it shows is run, what it leaves out is found.
#
#   - Blocks behind "<!-- test: ... -->" are configurations, schemas, and
#     commands with their output, which run against an nginx and a Redis
#     whose clock stands at 1700000000.
#   - Each directive and each key of a schema file shows an example, which
#     nginx takes, and something wrong, with the message it is refused with.
#   - Directives, keys, commands, arguments, functions, counters and variables
#     are read from the sources: one that the page lacks, or has and the
#     sources lack, fails.
#   - The figures of its table are those of bench/README.md.
#
# "perl t/090-readme.t --write" puts the real output into the page instead.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP;
use Test::More;
use Torus::Clock;
use Torus::Nginx;
use Torus::Redis;
use Torus::Util qw( root temp_dir slurp spew wait_for );

chdir root() or die root(), ": $!\n";

my $write = @ARGV && $ARGV[0] eq '--write';
my $page = slurp('README.md');
my $columns = 118;

my $clock = Torus::Clock->new;
$clock->freeze(1700000000);
my $redis = Torus::Redis->start(clock => $clock);
my $nginx = Torus::Nginx->new(clock => $clock);
my $bin = temp_dir() . '/bin';

servers();
form();
complete();
figures();
blocks();
keys_and_directives();

$nginx->stop;
quiet_log();

spew('README.md', $page) if $write;

done_testing();


# The pair of the synopsis, on ports of our own.
sub servers {
    mkdir $bin;
    spew("$bin/redis-cli", "#!/bin/sh\nexec "
         . which('redis-cli') . ' -p ' . $redis->port . ' --no-raw "$@"' . "\n");
    chmod 0755, "$bin/redis-cli";

    mkdir $nginx->dir . '/modules';
    for my $file (Torus::Nginx::modules()) {
        my ($name) = $file =~ m{([^/]+)\z};
        symlink $file, $nginx->dir . "/modules/$name";
    }

    $nginx->file('schema.json', at_home(slurp('conf.examples/schema.json')));

    # what the example does not allow and the page shows
    my $conf = at_home(slurp('conf.examples/nginx.conf'));
    $conf =~ s/(torus_insert  on;)/$1 torus_delete on; torus_explain on;/
        or die "nginx.conf has no torus_insert\n";
    $nginx->file('nginx.conf', $conf);

    my ($code, $said) = run();
    die "nginx does not start:\n$said", $nginx->log_text if $code != 0;

    wait_for(sub { $nginx->{pid} = $nginx->pid_of_file }, 10)
        or die "nginx wrote no pid\n";
}

sub which {
    my ($name) = @_;
    my ($path) = grep { -x } map { "$_/$name" } split /:/, $ENV{PATH};
    return $path // die "no $name\n";
}

# nginx with what a machine of one's own would have elsewhere.
sub run {
    my (@args) = @_;
    my $dir = $nginx->dir;
    my $user = $> == 0 ? 'user root;' : '';

    return $nginx->run('-g', "pid $dir/logs/nginx.pid; daemon on; $user"
                       . " error_log $dir/logs/error.log notice;", @args);
}

# Ports and places of the page become ours, and back.
sub at_home {
    my ($text) = @_;
    my ($karbon, $http, $port) = ($nginx->karbon_port, $nginx->port,
                                  $redis->port);
    my $dir = $nginx->dir;
    my $temp = join ' ', map { "${_}_temp_path $dir/${_}_temp;" }
               qw( client_body proxy fastcgi scgi uwsgi );

    $text =~ s/127\.0\.0\.1([: ])2003\b/127.0.0.1$1$karbon/g;
    $text =~ s/127\.0\.0\.1:8080\b/127.0.0.1:$http/g;
    $text =~ s/\blocalhost:6379\b/127.0.0.1:$port/g;
    $text =~ s/^http \{/http { access_log $dir\/logs\/access.log; $temp/m;

    # Debian has stream as a module of its own
    $text =~ s/^load_module\s+modules\/ngx_stream_module.so;\n//m
        if ! -e "$dir/modules/ngx_stream_module.so";

    return $text;
}

sub as_shown {
    my ($text) = @_;
    my ($karbon, $http, $port) = ($nginx->karbon_port, $nginx->port,
                                  $redis->port);
    my $dir = $nginx->dir;

    $text =~ s{\Q$dir/conf\E}{/etc/nginx}g;
    $text =~ s/\b127\.0\.0\.1:$port\b/localhost:6379/g;
    $text =~ s/\b$karbon\b/2003/g;
    $text =~ s/\b$http\b/8080/g;
    $text =~ s/\r//g;

    return $text;
}

sub quiet_log {
    my @loud = grep { /\[(?:warn|error|crit|alert|emerg)\]/ }
               split /\n/, $nginx->log_text;
    @loud = grep { !/no schema matches|bad carbon line/ } @loud;
    is_deeply(\@loud, [], 'nothing in the log but what the page is about');
}


# Lines, links, the table of contents.
sub form {
    my $n = 0;
    my @long = map { /^(?:\|)/ ? () : $_->[0] }
               grep { length $_->[1] > 120 && $_->[1] !~ /^\|/ }
               map { [ ++$n, $_ ] } split /\n/, $page;
    is_deeply(\@long, [], 'no line but of tables is longer than 120 columns')
        if !$write;

    my %anchor;
    (my $text = $page) =~ s/^```.*?^```$//msg;
    for my $heading ($text =~ /^#+ (.*)$/mg) {
        my $name = lc $heading;
        $name =~ s/[^a-z0-9_ -]//g;
        $name =~ s/ /-/g;
        ok(!$anchor{$name}++, "one heading \"$heading\"");
    }

    my @lost = grep { !$anchor{$_} } $text =~ /\]\(#([^)]+)\)/g;
    is_deeply(\@lost, [], 'links lead to headings');

    my @files = grep { !-e } grep { !m{^(?:https?:|#)} }
                $text =~ /\]\(([^)]+)\)/g;
    is_deeply(\@files, [], 'links lead to files');

    for my $heading ($text =~ /^## (.*)$/mg) {
        next if $heading eq 'Contents';
        ok(index($text, "[$heading](#") >= 0, "\"$heading\" is in the contents");
    }
}


# What the sources have, and the page must.
sub complete {
    my $torus = slurp('ngx_torus_module/ngx_torus_module.c');
    my $karbon = slurp('ngx_karbon_stream_module/ngx_karbon_stream_module.c');

    same('directives',
         [ map { commands($_) } $torus, $karbon ],
         [ section('Directives') =~ /^### (.+)$/mg ]);

    contexts($_) for $torus, $karbon;

    my ($index) = section('Directives') =~ /^(\| \| \|\n.*?)\n\n/ms;
    same('directives in their index', [ map { commands($_) } $torus, $karbon ],
         [ ($index // '') =~ /\[(\w+)\]/g ]);

    my $json = slurp('lib/core/torus_schema_json.c')
               . slurp('lib/core/torus_schema_interval.c');
    my @keys;
    while ($json =~ /torus_schema_key_t\s+(\w+)\[\] = \{(.*?)^\};/msg) {
        my ($table, $rows) = ($1, $2);
        push @keys, grep { $rows !~ /"$_",\s+torus_schema_unsupported/ }
                    $rows =~ /\{ "(\w+)",/g;
    }
    cmp_ok(scalar @keys, '>', 15, 'the tables of keys were read');
    same('keys of a schema file', \@keys,
         [ section('The schema file') =~ /^#### (.+)$/mg ]);

    my $nested = slurp('lib/core/torus_schema_expr.c');
    while ($nested =~ /torus_schema_key_t\s+(\w+)\[\] = \{(.*?)^\};/msg) {
        has_rows("key of $1", section('The schema file'),
                 $2 =~ /\{ "(\w+)",/g);
    }

    my $request = slurp('lib/core/torus_request.c');
    my $handler = slurp('ngx_torus_module/ngx_http_torus_handler.c');
    my ($table) = $request =~ /torus_commands\[\] = \{(.*?)^\};/ms;
    my $graphite = section('Graphite and Grafana');
    my $api = section('HTTP API') . $graphite;

    # what is below /tags is there with it, and /events with its data
    same('endpoints', [ $table =~ /torus_string\("([^"]+)"\)/g,
                        $handler =~ /torus_str_is\(name, "([^"]+)"\)/g ],
         [ $api =~ m{^### /(\S+)$}mg,
           $graphite =~ m{`(?:POST )?/(tags/\w[^`<]*|events)`}g ]);

    my %args;
    for my $file (glob('lib/core/*.c'), glob('ngx_torus_module/*.c')) {
        my $text = slurp($file);
        $args{$_}++ for
            $text =~ /torus_args_get\([^;"]*"(\w+)"/g,
            $text =~ /torus_query_(?:flag|time)\([^;"]*"(\w+)"/g,
            $text =~ /torus_(?:metrics|render)_\w+\([^;"]*"(\w+)"/g,
            $text =~ /torus_str_is\(args\[i\]\.name,\s*"(\w+)"/g;
    }
    cmp_ok(scalar keys %args, '>', 10, 'the arguments were read');
    has_rows('argument', $api, keys %args);

    my ($functions) = slurp('lib/core/torus_function.c')
                      =~ /torus_functions\[\] = \{(.*?)^\};/ms;
    has_rows('function', section('HTTP API'),
             $functions =~ /torus_string\("(\w+)"\)/g);

    # as Grafana is told
    my ($status, $body) = $nginx->get('/functions?grouped=1');
    my $groups = JSON::PP->new->decode($body);
    my ($listed) = $graphite =~ /^\| group \| functions.*?\n(.*?)\n\n/ms;
    my %rows = ($listed // '') =~ /^\| ([A-Z][^|]*?) \| (.*?) \|$/mg;
    same('groups of functions of /render', [ keys %$groups ], [ keys %rows ]);
    same("functions of /render, $_", [ keys %{$groups->{$_}} ],
         [ ($rows{$_} // '') =~ /`(\w+)`/g ]) for sort keys %$groups;

    ($status, $body) = $nginx->get('/status');
    is($status, 200, 'the status page answers');
    has_rows('counter', section('Operating'),
             leaves('', JSON::PP->new->decode($body)));

    said();

    has_rows('variable', section('Operating'),
             map { "\$$_" } map { /ngx_string\("(\w+)"\),\s*NULL,\s*ngx_\w+_variable/g }
             $torus, $karbon);
}

# "points.received", and "hosts.*.ready" for any host, "turns.*.total" ..
sub leaves {
    my ($path, $value) = @_;

    return $path if ref $value ne 'HASH';

    my %names = map { $path =~ /\A(?:hosts|schemas|turns)\z/ ? ('*' => $_)
                      : ($_ => $_) } keys %$value;

    return map { leaves(length $path ? "$path.$_" : $_,
                        $value->{$names{$_}}) } sort keys %names;
}

# The lines of the log are worded like that in the sources.
sub said {
    my $sources = join '', map { slurp($_) } glob('lib/*/*.c'),
                  glob('ngx_*/*.c');
    my ($table) = section('Operating') =~ /^\| line \| level .*?\n(.*?)\n\n/ms;
    my $n = 0;

    $sources =~ s/"\s*\n\s*"//g;
    $sources =~ s/\\"/"/g;

    for my $line ($table =~ /^\| `([^`]+)` \|/mg) {
        for my $part (split /\.\.\.|\b[NM]\b|\breason\b|\bline\b/, $line) {
            next if length $part < 5;
            $n++;
            ok(index($sources, $part) >= 0, "the sources say: $part");
        }
    }

    cmp_ok($n, '>', 10, 'the table of log lines was read');
}

# Where each directive may stand, as its flags have it.
sub contexts {
    my ($text) = @_;
    my %names = (HTTP_MAIN => '`http`', HTTP_SRV => '`server`',
                 HTTP_LOC => '`location`', HTTP_LIF => '`if in location`',
                 STREAM_MAIN => '`stream`', STREAM_SRV => '`server`');
    my $page = section('Directives');

    while ($text =~ /^    \{ ngx_string\("(\w+)"\),\s*(NGX_[\w|\s]+),/mg) {
        my ($name, $flags) = ($1, $2);
        my $want = join ', ', map { $names{$_} // () }
                   $flags =~ /NGX_(\w+)_CONF\b/g;
        my ($shown) = $page =~ /^### $name\n.*?^\*\*context:\*\* (.*?)<br>$/ms;

        is($shown, $want, "$name: where it may stand") if length $want;
    }
}

sub commands {
    my ($text) = @_;
    my ($table) = $text =~ /^static ngx_command_t\s+\w+\[\] = \{(.*?)^\};/ms;
    return $table =~ /\{ ngx_string\("(\w+)"\)/g;
}

sub section {
    my ($name) = @_;
    my ($text) = $page =~ /^## \Q$name\E\n(.*?)(?=^## |\z)/ms;
    ok(defined $text, "a section \"$name\"");
    return $text // '';
}

sub same {
    my ($what, $have, $shown) = @_;
    my %have = map { $_ => 1 } @$have;
    my %shown = map { $_ => 1 } @$shown;

    is_deeply([ sort grep { !$shown{$_} } keys %have ], [],
              "no $what that the page lacks");
    is_deeply([ sort grep { !$have{$_} } keys %shown ], [],
              "no $what that only the page has");
}

sub has_rows {
    my ($what, $text, @names) = @_;
    my @lost = grep { my $name = $_;
                      $text !~ /^\|[^|\n]*`\Q$name\E[`=(]/m } @names;
    is_deeply([ sort @lost ], [], "each $what has its row in a table");
}


# The table of bench/README.md has more columns, and its rates in k or M.
sub figures {
    my $shown = table($page, '| | torus | original | ratio |');
    my $bench = table(slurp('bench/README.md'), '| | torus | original | min');

    cmp_ok(scalar keys %$shown, '>', 5, 'figures were read');

    for my $row (sort keys %$shown) {
        my ($torus, @rest) = @{$shown->{$row}};
        my @want = @{$bench->{$row} // []}[0, 1, 3, 4, 7, 8];
        my $rate = shift @want // 'none';
        my $round = $rate =~ /M/ ? sprintf('%.1f M', $torus / 1000)
                    : "$torus k";

        $want[0] =~ s/ k$// if defined $want[0];
        is_deeply([ $round, @rest ], [ $rate, @want ], "figures of $row");
    }
}

sub table {
    my ($text, $head) = @_;
    my ($rows) = $text =~ /^\Q$head\E[^\n]*\n[^\n]*\n((?:\|[^\n]*\n)+)/m;

    return { map { s/^\| | \|$//g; my ($name, @cells) = split / \| /;
                   $name => \@cells } split /\n/, $rows // '' };
}


# The marked blocks, in the order of the page.
sub blocks {
    my %kinds;
    my $number = 0;

    $page =~ s{(<!--\ test:\ (.*?)\ -->\n```\w*\n)(.*?)(^```$)}
              {$1 . block(++$number, split(/ /, $2, 2), $3, \%kinds) . $4}gemsx;

    for my $kind (qw( file console acl schema http server stream )) {
        ok($kinds{$kind}, "blocks of kind \"$kind\"");
    }
}

sub block {
    my ($number, $kind, $what, $text) = (@_ == 5 ? @_[0 .. 3]
                                         : ($_[0], $_[1], '', $_[2]));
    $_[-1]{$kind}++;

    return console($number, $what, $text) if $kind eq 'console';
    return acl($number, $text) if $kind eq 'acl';

    if ($kind eq 'file') {
        my $file = slurp("conf.examples/$what");
        is($text, $file, "$what is the file itself") if !$write;
        return $write ? $file : $text;
    }

    my %parts = $kind eq 'schema' ? (schema => $text) : ($kind => $text);
    my ($code, $said) = try(%parts);

    is($code, 0, "block $number, $kind: nginx takes it") or diag($said);
    unlike($said, qr/\[warn\]/, "block $number, $kind: without a warning");

    return $text;
}

# Commands and what they say.
sub console {
    my ($number, $what, $text) = @_;
    my $result = '';
    my @commands = split /^(?=\$ )/m, $text;

    $redis->cmd('FLUSHALL') if $what eq 'fresh';

    for my $i (0 .. $#commands) {
        my ($command, $output) = $commands[$i]
            =~ /\A\$ ((?:[^\n]*\\\n)*[^\n]*)\n(.*)\z/s;
        my $got = as_shown(shell($command));

        # Graphite's answers end as its own do, without one
        $got =~ s/(?<!\n)\z/\n/ if length $got;

        if ($write) {
            $output = join '', map { fold($_) } split /(?<=\n)/, $got;
        } else {
            is(unfold($output), unfold($got),
               "block $number, command " . ($i + 1) . ": $command");
        }

        $result .= "\$ $command\n$output";
    }

    return $result;
}

# What an ACL must allow is enough: to write and read every type, and to
# leave.
sub acl {
    my ($number, $text) = @_;
    my $result = console($number, '', $text);
    my $other = Torus::Nginx->new(clock => $clock);
    my ($karbon, $http) = ($other->karbon_port, $other->port);
    my $schema = slurp('conf.examples/schema.json');

    $redis->cmd(qw( ACL LOG RESET ));

    $schema =~ s/"localhost:6379/'"redis:\/\/torus:secret@127.0.0.1:'
                                 . $redis->port/ge;
    $other->file('schema.json', $schema);
    $other->conf(<<END . $other->http_block(<<END2));
stream {
    karbon_schema schema.json;
    server { listen 127.0.0.1:$karbon; karbon on; }
}
END
    torus_schema schema.json;
    server {
        listen 127.0.0.1:$http;
        location / { torus_query on; torus_delete on; }
    }
END2
    $other->start;

    my @stats = map { "acl.$_" } qw( count latency level value visitors );
    my $before = $redis->changes;

    Torus::Nginx::carbon($karbon, join '', map { "$_ 1.5\n$_ 2\n" } @stats);
    $redis->quiet($before, 3);

    my ($status, $body) = $other->get('/series?format=json&steps=1&'
                                      . join '&', map { "stat=$_" } @stats);
    is($status, 200, "block $number: queries are allowed");
    unlike($body, qr/"datapoints":\{"\d+":(?:\[\]|\{\}|0|null)\}/,
           "block $number: every type was written") or diag($body);

    # a break, and what a writer asks behind it
    $redis->cmd(qw( CLIENT KILL USER torus ));
    $before = $redis->changes;
    Torus::Nginx::carbon($karbon, join '', map { "$_ 1.5\n$_ 3\n" } @stats);
    $redis->quiet($before, 5);
    ($status, $body) = $other->get('/series?stat=acl.count&steps=1');
    like($body, qr/\[8,/, "block $number: all of it") or diag($body);

    is(($other->get('/list?match=acl.*'))[0], 200,
       "block $number: listings are allowed");
    is(($other->get('/render?target=acl.*&from=-5min'))[0], 200,
       "block $number: globs are allowed");
    like(($other->get('/metrics/expand?query=acl.level'))[1], qr/acl.level/,
         "block $number: and names in the index");

    my @form = (headers => { 'Content-Type' =>
                             'application/x-www-form-urlencoded' });
    is(($other->post('/reindex', 'fresh=1', @form))[0], 200,
       "block $number: making it again");
    is(($other->post('/delete', 'match=acl.*', @form))[0], 200,
       "block $number: deleting");
    like(($other->get('/metrics/index.json'))[1], qr/\A(?!.*"acl\.)/,
         "block $number: which the index knows");
    ok($other->stop, "block $number: and it leaves");
    is_deeply($redis->cmd(qw( ACL LOG )), [],
              "block $number: Redis has refused nothing");

    my @loud = grep { /\[(?:warn|error|crit|alert|emerg)\]/ }
               grep { !/ is down: closed by redis/ }
               split /\n/, $other->log_text;
    is_deeply(\@loud, [], "block $number: nothing in the log");

    return $result;
}

sub shell {
    my ($command) = @_;
    my $stores = $command =~ /\bnc\b/;
    my $before = $redis->changes;
    my $ours = at_home($command);

    local $ENV{PATH} = "$bin:$ENV{PATH}";
    open my $out, '-|', 'bash', '-c', "exec 2>&1; $ours" or die "bash: $!\n";
    my $got = do { local $/; <$out> } // '';
    close $out;

    $redis->quiet($before, 3) if $stores;

    return $got;
}

# Long lines of an answer go on two blanks to the right.
sub fold {
    my ($line) = @_;
    my $folded = '';

    while (length $line > $columns) {
        my $first = substr $line, 0, $columns;
        my ($head) = $first =~ /\A(.{60,},)(?=["\[{])/s;
        ($head) = $first =~ /\A(.{40,}[,(])(?! )/s if !defined $head;
        last if !defined $head;
        my $cut = length $head;
        $folded .= substr($line, 0, $cut) . "\n";
        $line = '  ' . substr $line, $cut;
    }

    return $folded . $line;
}

sub unfold {
    my ($text) = @_;
    $text =~ s/\n +//g;
    $text =~ s/\n*\z/\n/;
    return $text;
}


# **example:** and **wrong:** of each directive and key.
sub keys_and_directives {
    my $section = '';
    my $name = '';
    my @lines = split /(?<=\n)(?=\#)/, $page;

    for my $part (@lines) {
        $section = $1 if $part =~ /\A## (.*)$/m;
        next if $section !~ /^(?:Directives|The schema file)$/;

        my ($depth, $name) = $part =~ /\A(#+) (.*)$/m;
        next if $depth ne ($section eq 'Directives' ? '###' : '####');

        $part = entry($section, $name, $part);
    }

    $page = join '', @lines;
}

sub entry {
    my ($section, $name, $part) = @_;
    my ($context) = $part =~ /^\*\*context:\*\* (.*?)(?:<br>)?$/m;

    for my $field (qw( syntax default context wrong )) {
        like($part, qr/^\*\*$field:\*\* /m, "$name: $field");
    }

    like($part, qr/^\*\*example:\*\* /m, "$name: example")
        if $section ne 'Directives';

    # a stream server that does nothing is refused by nginx
    if ($section eq 'Directives' && $name ne 'karbon'
        && $part =~ /^\*\*default:\*\* `([^`]*;)`/m)
    {
        my ($code, $said) = try(parts($section, $name, $context, $1));
        is($code, 0, "$name: the default can be written") or diag($said);
    }

    while ($part =~ /^\*\*example:\*\* `([^`]*)`/mg) {
        my ($code, $said) = try(parts($section, $name, $context, $1));
        is($code, 0, "$name: the example is good") or diag($said);
    }

    $part =~ s{^(\*\*wrong:\*\*\ `([^`]*)`:\ ?`?)([^`]*)(`?)}
              {wrong($section, $name, $context, $1, $2, $3)}gemx;

    return $part;
}

sub wrong {
    my ($section, $name, $context, $head, $text, $shown) = @_;
    my ($code, $said) = try(parts($section, $name, $context, $text));

    isnt($code, 0, "$name: what is wrong is refused") if $text !~ /\?$/;

    my ($message) = $said =~ /\[(?:emerg|warn)\] (?:\d+#\d+: )?(.*)/;
    $message = as_shown($message // '');
    $message =~ s{\Q${\ temp_dir()}\E\S*/conf}{/etc/nginx}g;

    if (!$write) {
        (my $want = $shown) =~ s/\s*\n\s*/ /g;
        is($want, $message, "$name: and says why");
        return "$head$shown`";
    }

    $head =~ s/: ?`?\z/:/;
    return fill("$head `$message`");
}

# Filled lines: a code span may go over several.
sub fill {
    my ($text) = @_;
    my @lines = '';

    for my $word (split / /, $text) {
        push @lines, '' if length("$lines[-1] $word") > 112;
        $lines[-1] .= length $lines[-1] ? " $word" : $word;
    }

    return join "\n", @lines;
}

# Where a piece belongs.
sub parts {
    my ($section, $name, $context, $text) = @_;

    return (json => $context, text => $text, name => $name)
        if $section ne 'Directives';

    my ($first) = $context =~ /`(\w+)`/;
    my $place = $name =~ /^karbon/
        ? { stream => 'stream', server => 'stream_server' }->{$first}
        : { http => 'http', server => 'server',
            location => 'location' }->{$first};

    return ($place => $text, without => $name);
}

# nginx -t with a piece at its place: exit code and all it said.
sub try {
    my (%p) = @_;
    my $other = Torus::Nginx->new(dir => temp_dir() . '/try');
    my $schema = $p{schema} // (defined $p{json} ? around(%p)
        : '{ "TIMESERIES": { "all": { "match": "**", "intervals":'
          . ' { "minute": { "step": 60, "keep": "1d" } } } } }');
    my %base = (karbon => 'karbon on;', torus_query => 'torus_query on;',
                karbon_schema => 'karbon_schema schema.json;',
                torus_schema => 'torus_schema schema.json;');

    delete $base{$p{without}} if defined $p{without};
    delete $base{torus_query} if ($p{location} // '') =~ /torus_status/;
    $base{$_} //= '' for qw( karbon torus_query karbon_schema torus_schema );
    $p{$_} //= '' for qw( stream stream_server http server location );
    $p{$_} = at_home($p{$_}) for qw( stream stream_server http server );

    unlink glob $other->dir . '/logs/*';
    $other->file('schema.json', at_home($schema));
    $other->conf(<<END . $other->http_block(<<END2));
stream {
    $base{karbon_schema}
    $p{stream}
    server {
        listen 127.0.0.1:1; $base{karbon}
        $p{stream_server}
    }
}
END
    $base{torus_schema}
    $p{http}
    server {
        listen 127.0.0.1:1;
        $p{server}
        location /try/ {
            $base{torus_query}
            $p{location}
        }
    }
END2

    my ($code, $said) = $other->test;

    $said =~ s/(nginx\.conf:)\d+/${1}1/g;

    return ($code, $said . ($code ? '' : $other->log_text));
}

# A schema file around members of one of its objects.
sub around {
    my (%p) = @_;
    my ($text, $where) = ($p{text}, $p{json});

    my $schema = sub {
        my ($inside) = @_;
        $inside = join ', ', grep { length } $inside,
            ($inside =~ /"match"\s*:/ || $p{name} eq 'match' ? ()
             : '"match": "**"'),
            ($inside =~ /"intervals"\s*:/ ? ()
             : '"intervals": { "minute": { "step": 60, "keep": "1d" } }');
        return "\"TIMESERIES\": { \"all\": { $inside } }";
    };

    if ($where =~ /file/) {
        return "{ $text }" if $text =~ /"(?:TIMESERIES|SCHEMAS)"/
                              && $p{name} =~ /TIMESERIES|SCHEMAS/;
        return '{ ' . $schema->('') . ", $text }";
    }

    if ($where =~ /interval/) {
        my $step = $text =~ /"step"\s*:/ || $p{name} eq 'step' ? ''
            : '"step": 3600, ';
        return '{ ' . $schema->("\"intervals\": { \"hour\": { $step$text } }")
             . ' }';
    }

    return '{ ' . $schema->($text) . ' }';
}
