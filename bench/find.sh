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

. "$(dirname -- "$0")/common.sh"

names=${1:-1000000}
requests=${2:-2000}
port=$(free_port)
karbon=$(free_port)

build_modules
start_redis

cat > "$dir/schema.json" <<END
{ "TIMESERIES": { "g": { "type": "gauge", "match": "**",
    "host": "127.0.0.1:$redis_port/0",
    "intervals": { "m": { "step": 60, "steps": 240 } } } } }
END

# conf INDEX
conf() {
    write_conf "
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
    }" "
    karbon_schema $dir/schema.json;
    karbon_index $1;
    karbon_route_cache 1000m;
    server { listen 127.0.0.1:$karbon; karbon on; }"
}

conf off
start_nginx

export NAMES=$names REQUESTS=$requests PORT=$port KARBON=$karbon
export REDIS=$redis_port DIR=$dir

perl bench/find.pl data

conf on
kill -HUP "$(cat "$dir/nginx.pid")"
sleep 3
perl bench/find.pl index
