# Read by the scripts beside it: where things are, and words for trouble.

set -eu

ROOT=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
BUILD=$ROOT/build

NGINX_BIN=${NGINX_BIN:-$(command -v nginx || echo /usr/sbin/nginx)}
NGINX_DEV=/usr/share/nginx/src


say() {
    printf '%s\n' "$*"
}

die() {
    printf '%s: %s\n' "$(basename -- "$0")" "$*" >&2
    exit 1
}

# Where the nginx in use keeps its own modules.
modules_path() {
    "$NGINX_BIN" -V 2>&1 \
        | sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p'
}

# stream is a module of its own in Debian's nginx, part of it elsewhere
stream_module() {
    f=$(modules_path)/ngx_stream_module.so
    if [ -f "$f" ]; then
        echo "$f"
    fi
}

# Is something listening on this port of the loopback?
port_busy() {
    perl -MIO::Socket::INET -e '
        exit !IO::Socket::INET->new(PeerAddr => "127.0.0.1",
                                    PeerPort => $ARGV[0], Timeout => 1)' "$1"
}

free_port() {
    perl -MIO::Socket::INET -e '
        my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)
            or die "no free port: $!\n";
        print $s->sockport, "\n"'
}

# wait_for SECONDS COMMAND..: until the command succeeds.
wait_for() {
    tries=$(($1 * 20))
    shift

    while [ $tries -gt 0 ]; do
        if "$@" >/dev/null 2>&1; then
            return 0
        fi
        sleep 0.05
        tries=$((tries - 1))
    done

    return 1
}

# Until that process is gone; no zombie of ours counts.
gone() {
    ! kill -0 "$1" 2>/dev/null
}
