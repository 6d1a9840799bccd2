#!/bin/bash

# Finding names at 1,000,000 of them: what the index costs Redis per name,
# how long /reindex takes, what points of known names cost with it, latency
# of a leaf, of a "*" in the middle and of a whole level, and
# /metrics/index.json: its time and the memory of the worker.
#
#   find.sh [NAMES] [REQUESTS]     NAMES: a multiple of 1000
#
# Names are shop.eu.web<0..N/1000-1>.cpu<0..9>.m<0..99>.  A private Redis and
# nginx, one worker, in a directory that goes.

. "$(dirname -- "$0")/../util/common.sh"

names=${1:-1000000}
requests=${2:-2000}

cd "$ROOT"
[ -n "${TORUS_BENCH_BUILD:-}" ] || util/build.sh plain >/dev/null
modules=${TORUS_BENCH_BUILD:-$BUILD}

dir=$(mktemp -d /tmp/torus-bench-XXXXXX)
redis_port=$(free_port)
port=$(free_port)
karbon=$(free_port)
redis_pid=

stop() {
    if [ -f "$dir/nginx.pid" ]; then
        kill "$(cat "$dir/nginx.pid")" 2>/dev/null || true
    fi
    if [ -n "$redis_pid" ]; then
        kill "$redis_pid" 2>/dev/null || true
        wait "$redis_pid" 2>/dev/null || true
    fi
    rm -rf "$dir"
}
trap stop EXIT

redis-server --port "$redis_port" --bind 127.0.0.1 --save '' \
    --appendonly no --dir "$dir" >/dev/null &
redis_pid=$!
wait_for 10 redis-cli -p "$redis_port" ping

cat > "$dir/schema.json" <<END
{ "TIMESERIES": { "g": { "type": "gauge", "match": "**",
    "host": "127.0.0.1:$redis_port/0",
    "intervals": { "m": { "step": 60, "steps": 240 } } } } }
END

conf() {
    stream=$(stream_module)
    {
        [ -z "$stream" ] || echo "load_module $stream;"
        cat <<END
load_module $modules/ngx_torus_module.so;
load_module $modules/ngx_karbon_stream_module.so;
pid $dir/nginx.pid;
error_log $dir/error.log warn;
worker_processes 1;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $dir/b; proxy_temp_path $dir/p;
    fastcgi_temp_path $dir/f; scgi_temp_path $dir/s; uwsgi_temp_path $dir/u;
    keepalive_requests 1000000;
    torus_schema $dir/schema.json;
    server {
        listen 127.0.0.1:$port;
        location /torus/ {
            torus_query on;
            torus_delete on;
            torus_max_names 0;
            torus_timeout 300s;
        }
        location /counted/ {
            torus_query on;
            torus_max_names 2000000;
            torus_timeout 300s;
        }
    }
}
stream {
    karbon_schema $dir/schema.json;
    karbon_index $1;
    karbon_route_cache 1000m;
    server { listen 127.0.0.1:$karbon; karbon on; }
}
END
    } > "$dir/nginx.conf"
    [ "$(id -u)" != 0 ] || echo "user root;" >> "$dir/nginx.conf"
}

conf off
"$NGINX_BIN" -p "$dir/" -c "$dir/nginx.conf" -e "$dir/error.log"
wait_for 10 test -s "$dir/nginx.pid"

export NAMES=$names REQUESTS=$requests PORT=$port KARBON=$karbon
export REDIS=$redis_port DIR=$dir

perl bench/find.pl data

conf on
kill -HUP "$(cat "$dir/nginx.pid")"
sleep 3
perl bench/find.pl index
