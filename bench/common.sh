# Read by the scripts beside it, after which they are in the root of the tree:
# a private Redis and an nginx with one worker, in a directory of their own,
# all of which goes when the script ends.

. "$(dirname -- "$0")/../util/common.sh"

cd "$ROOT"

modules=${TORUS_BENCH_BUILD:-$BUILD}
dir=$(mktemp -d /tmp/torus-bench-XXXXXX)
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
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The modules of this tree, unless others are to be measured.
build_modules() {
    [ -n "${TORUS_BENCH_BUILD:-}" ] || util/build.sh plain >/dev/null
}

start_redis() {
    redis_port=$(free_port)
    redis-server --port "$redis_port" --bind 127.0.0.1 --save '' \
        --appendonly no --dir "$dir" > "$dir/redis.log" &
    redis_pid=$!
    wait_for 10 cli ping \
        || die "redis-server does not answer: $(cat "$dir/redis.log")"
}

cli() {
    redis-cli -p "$redis_port" "$@"
}

# write_conf HTTP [STREAM]: what stands in these blocks
write_conf() {
    local stream
    stream=$(stream_module)

    {
        cat <<END
${stream:+load_module $stream;}
load_module $modules/ngx_torus_module.so;
load_module $modules/ngx_karbon_stream_module.so;
$([ "$(id -u)" != 0 ] || echo 'user root;')
worker_processes 1;
pid $dir/nginx.pid;
error_log $dir/error.log warn;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path $dir/body;
    proxy_temp_path $dir/proxy;
    fastcgi_temp_path $dir/fastcgi;
    scgi_temp_path $dir/scgi;
    uwsgi_temp_path $dir/uwsgi;
    keepalive_requests 1000000000;
    torus_schema $dir/schema.json;
$1
}
END
        [ -z "${2:-}" ] || printf 'stream {\n%s\n}\n' "$2"
    } > "$dir/nginx.conf"
}

start_nginx() {
    "$NGINX_BIN" -p "$dir/" -e "$dir/error.log" -c "$dir/nginx.conf"
    wait_for 10 port_busy "$port" \
        || die "nginx does not answer: $(cat "$dir/error.log")"
}
