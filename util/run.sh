#!/bin/bash

# "make run": both modules at work, in a minute.  A private Redis and the
# distribution's nginx with conf.examples/, everything they write under ./run,
# a short tour, then they stay until Ctrl-C.  Data stays for the next time.
#
#   KARBON_PORT=2003 TORUS_PORT=8080     where nginx listens, on the loopback
#   TORUS_RUN_ONCE=1                     leave after the tour

. "$(dirname -- "$0")/common.sh"

karbon=${KARBON_PORT:-2003}
torus=${TORUS_PORT:-8080}
run=$ROOT/run
sockdir=
nginx_up=
redis_up=


cli() {
    redis-cli -s "$sockdir/redis.sock" "$@"
}

nginx_run() {
    "$NGINX_BIN" -p "$run/" -e "$run/logs/error.log" \
        -c "$run/conf/nginx.conf" -g "$globals" "$@"
}

# Stops nginx first, which stores what it holds, then Redis, which writes its
# file.  A second Ctrl-C does not cut it short.
finish() {
    code=$?
    trap '' INT TERM HUP
    trap - EXIT

    if [ -n "$nginx_up" ]; then
        pid=$(cat "$run/logs/nginx.pid" 2>/dev/null || true)
        if [ -n "$pid" ]; then
            say "stopping nginx"
            kill -QUIT "$pid" 2>/dev/null || true
            wait_for 15 stopped "$pid" || kill -TERM "$pid" 2>/dev/null || true
        fi
    fi

    if [ -n "$redis_up" ]; then
        say "stopping Redis"
        pid=$(cat "$run/redis.pid" 2>/dev/null || true)
        cli SHUTDOWN >/dev/null 2>&1 || true
        [ -z "$pid" ] || wait_for 30 stopped "$pid" || true
        say "the data is in $run/redis: \"make run\" finds it again"
    fi

    [ -z "$sockdir" ] || rm -rf "$sockdir"
    exit $code
}

# Gone, or dead and only waiting for its parent.
stopped() {
    ! kill -0 "$1" 2>/dev/null \
        || grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

alive() {
    pid=$(cat "$1" 2>/dev/null || true)
    [ -n "$pid" ] && ! stopped "$pid"
}

check_ports() {
    for pair in "KARBON_PORT $karbon" "TORUS_PORT $torus"; do
        # shellcheck disable=SC2086
        set -- $pair
        case $2 in
            ''|*[!0-9]*) die "$1=$2 is not a port" ;;
        esac
        if port_busy "$2"; then
            die "port $2 is in use by another program:" \
                "choose another one with $1=PORT make run"
        fi
    done

    if [ "$karbon" = "$torus" ]; then
        die "KARBON_PORT and TORUS_PORT are both $karbon"
    fi
}

# conf.examples/ as it is, but for the ports, the Redis and the places that
# only root may write to.
configure() {
    mkdir -p "$run/conf" "$run/logs" "$run/modules" "$run/redis" "$run/temp"

    for f in "$ROOT"/conf.examples/schema*.json; do
        sed "s|\"localhost:6379/0\"|\"unix:$sockdir/redis.sock\"|" "$f" \
            > "$run/conf/$(basename "$f")"
    done

    sed -e "s|127.0.0.1:2003|127.0.0.1:$karbon|" \
        -e "s|127.0.0.1:8080|127.0.0.1:$torus|" \
        -e "s|^http {|http {\n    include run.http.conf;|" \
        "$ROOT/conf.examples/nginx.conf" > "$run/conf/nginx.conf"

    {
        echo "access_log $run/logs/access.log;"
        for what in client_body proxy fastcgi uwsgi scgi; do
            echo "${what}_temp_path $run/temp/$what;"
        done
    } > "$run/conf/run.http.conf"

    for name in ngx_torus_module ngx_karbon_stream_module; do
        ln -sf "$BUILD/$name.so" "$run/modules/$name.so"
    done

    stream=$(stream_module)
    if [ -n "$stream" ]; then
        ln -sf "$stream" "$run/modules/ngx_stream_module.so"
    else
        sed -i '/ngx_stream_module\.so/d' "$run/conf/nginx.conf"
    fi

    globals="pid $run/logs/nginx.pid; error_log $run/logs/error.log notice;"
    globals="$globals daemon on;"
    if [ "$(id -u)" = 0 ]; then
        # this tree may be where nobody else can look
        globals="$globals user root;"
    fi
}

start() {
    redis-server --port 0 --unixsocket "$sockdir/redis.sock" \
        --dir "$run/redis" --appendonly yes --appendfsync everysec \
        --save '' --daemonize yes --pidfile "$run/redis.pid" \
        --logfile "$run/logs/redis.log" >/dev/null
    redis_up=1
    wait_for 30 cli PING \
        || die "Redis does not answer, see $run/logs/redis.log"

    nginx_run -t >"$run/logs/test.log" 2>&1 || {
        cat "$run/logs/test.log" >&2
        die "nginx refuses its configuration"
    }
    nginx_run 2>"$run/logs/test.log" || {
        cat "$run/logs/test.log" >&2
        die "nginx does not start, see $run/logs/error.log"
    }
    nginx_up=1
    wait_for 10 alive "$run/logs/nginx.pid" \
        || die "nginx does not stay, see $run/logs/error.log"
}

# Shows a command and runs it.
show() {
    printf '\n\033[1m$ %s\033[0m\n' "$1" | plain
    bash -c "$1"
}

# Bold on a terminal only.
plain() {
    if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi
}

note() {
    echo
    printf '# %s\n' "$@"
}

series="http://127.0.0.1:$torus/series"

tour() {
    export PATH
    redis="redis-cli -s $sockdir/redis.sock"
    # the minute before this one: all of its seconds are over
    m=$(($(date +%s) / 60 * 60 - 60))
    nc="nc -N 127.0.0.1 $karbon"

    note "Points in, as any Carbon client sends them: name value [time]."
    show "printf 'shop.eu.orders.count 3 $m\\nshop.us.orders.count 4 $m\\n' \\
    | $nc"
    settle "shop.all.orders.count"

    note "The sum over all shops was kept as they came in (\"AGGREGATES\")."
    show "curl -s '$series?stat=shop.all.orders.count&start=$m&end=$m'"

    note "Two servers send raw response times, a line for each request."
    show "printf 'web1.latency %d $m\\n' 12 12 12 13 15 15 90 | $nc"
    show "printf 'web2.latency %d $m\\n' 12 14 15 240 | $nc"
    settle "web2.latency"

    note "Asked for together they are one distribution: each value, how often."
    show "curl -s '$series?stat=web1.latency,web2.latency&format=json&start=$m\
&end=$m'"
    note "So the 95th percentile is that of the fleet, no average of averages."
    show "curl -s '$series?stat=p95(web1.latency,web2.latency)&start=$m\
&end=$m'"

    note "Three minutes of another stat: 5, then an idle one (a 0 came in)," \
         "then nothing at all.  A level of 0 is 0, too."
    show "printf 'shop.eu.visits.count %d %d\\n' 5 $((m - 120)) 0 $((m - 60)) \\
    | $nc"
    show "printf 'shop.eu.queue.level 0 $m\\n' | $nc"
    settle "shop.eu.queue.level"
    show "curl -s '$series?stat=shop.eu.visits.count&start=$((m - 120))\
&end=$m'"
    show "curl -s '$series?stat=shop.eu.queue.level&start=$m&end=$m'"

    note "What is in Redis: the number of the minute is part of the key, so" \
         "any worker on any machine writes to the same place."
    show "$redis --scan --pattern '*:minute:$((m / 60))' | sort"
    show "$redis HGETALL web1.latency:minute:$((m / 60))"
    show "$redis TTL web1.latency:minute:$((m / 60))"
}

# Until a stat of the tour is stored.
settle() {
    wait_for 5 cli_has "$1:minute:$((m / 60))" \
        || die "$1 did not arrive, see $run/logs/error.log"
}

cli_has() {
    [ "$(cli EXISTS "$1")" = 1 ]
}

next() {
    cat <<END

To try next:
    echo "shop.eu.orders.count 1" | nc -N 127.0.0.1 $karbon
    curl "$series?stat=rate(shop.eu.orders.count)&steps=5"
    curl -g "http://127.0.0.1:$torus/render?target=shop.*.orders.count&from=-5min"
    curl "http://127.0.0.1:$torus/list"
    curl "http://127.0.0.1:$torus/properties?stat=web1.latency"
    a StatsD of yours: graphiteHost 127.0.0.1, graphitePort $karbon
    a Grafana of yours: a Graphite of version 1.1, http://127.0.0.1:$torus
    the schema: $ROOT/conf.examples/schema.json
    the log: $run/logs/error.log
END
}


check_ports

for f in "$run/logs/nginx.pid" "$run/redis.pid"; do
    if alive "$f"; then
        die "one of an earlier run is still there: kill $(cat "$f")"
    fi
done

# a test of this script brings a build of its own
if [ -z "${TORUS_RUN_BUILT:-}" ]; then
    say "building the modules"
    "$ROOT/util/build.sh" plain >/dev/null || die "the modules do not build"
fi

trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# a short path for the socket, whatever the length of this one
sockdir=$(mktemp -d)
configure
start

say "Redis keeps its data in $run/redis."
say "nginx takes Carbon lines on port $karbon and queries on port $torus."

tour
next

if [ -n "${TORUS_RUN_ONCE:-}" ]; then
    exit 0
fi

say ""
say "Ctrl-C stops both and loses nothing."

while alive "$run/logs/nginx.pid" && alive "$run/redis.pid"; do
    sleep 1 &
    wait $! || true
done

die "nginx or Redis has gone, see $run/logs"
