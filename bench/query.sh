#!/bin/bash

# What a query costs beside its reads: requests per second and latency of
# /series, and of the same reads done by a bare pipelined client, in turns on
# one machine, with one worker process, and their ratio; round trips counted.
# Then a million points in one answer: memory, and how long others wait.
#
#   query.sh [SECONDS_EACH] [ROUNDS] [OUTSTANDING]
#
# Redis, nginx and the client share the machine: with fewer than three free
# processors they take time from each other, and nginx's ratio suffers.  "cpu
# us" is what the worker process itself uses per query.

. "$(dirname -- "$0")/common.sh"

seconds=${1:-2}
rounds=${2:-5}
outstanding=${3:-16}
port=$(free_port)
bench=$dir/bench_query

build_modules
start_redis

"${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -o "$bench" bench/bench_query.c \
    -lhiredis

schema() {
    printf '"%s": { "type": "%s", "match": "%s.**", "prefix": "%s",
        "host": "127.0.0.1:%s/0", "intervals": { "i": { %s } } }' \
        "$1" "$2" "$1" "$1" "$redis_port" "$3"
}

{
    echo '{ "TIMESERIES": {'
    schema c count '"step": 60, "steps": 240'; echo ,
    schema h histogram '"step": 60, "steps": 240'; echo ,
    schema r count '"step": 3600, "steps": 24, "resolution": 60'; echo ,
    schema m count '"step": 1'
    echo '} }'
} > "$dir/schema.json"

write_conf "
    client_max_body_size 0;
    log_format rounds '\$torus_rounds \$torus_commands';
    server {
        listen 127.0.0.1:$port;
        location / { torus_query on; torus_insert on; }
        location /log/ {
            torus_query on;
            access_log $dir/rounds.log rounds;
        }
    }"
start_nginx

# Of 240 minutes, two values each; 24 hours of 60 minutes; a million seconds.
now=$(date +%s)
perl -e '
    my $now = shift;
    for (0 .. 239) {
        my $t = $now - 60 * $_;
        print "c.a $_ $t\nh.a $_ $t\nh.a ", $_ % 7, " $t\n";
    }
    print "r.a 1 ", $now - 60 * $_, "\n" for 0 .. 1439;
    print "m.a 1 ", $now - $_, "\n" for 0 .. 999999;
' "$now" | curl -s -T - -X POST -H 'Content-Type: text/plain' \
    "http://127.0.0.1:$port/insert" | cut -c 1-60

minute=$((now / 60 - 239))
hour=$((now / 3600 - 23))

median() {
    sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# Processor time of a process, in ticks.
ticks() {
    sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

# compare NAME URI READS..
compare() {
    local name=$1 uri=$2 i from
    shift 2

    curl -s "http://127.0.0.1:$port/log$uri" >/dev/null
    rm -f "$dir"/bare.* "$dir"/http.*
    from=$(ticks "$worker")

    for i in $(seq "$rounds"); do
        "$bench" bare "$redis_port" "$outstanding" "$seconds" "$@" \
            >> "$dir/bare.all"
        "$bench" http "$port" "$outstanding" "$seconds" "$uri" \
            >> "$dir/http.all"
    done

    paste -d ' ' "$dir/bare.all" "$dir/http.all" \
        | awk '{ printf "%.3f\n", $4 / $1 }' > "$dir/ratio"

    printf '%-30s %8s %7s %7s %8s %7s %7s %6s %6s  %s\n' "$name" \
        "$(cut -d' ' -f1 "$dir/bare.all" | median)" \
        "$(cut -d' ' -f2 "$dir/bare.all" | median)" \
        "$(cut -d' ' -f3 "$dir/bare.all" | median)" \
        "$(cut -d' ' -f1 "$dir/http.all" | median)" \
        "$(cut -d' ' -f2 "$dir/http.all" | median)" \
        "$(cut -d' ' -f3 "$dir/http.all" | median)" \
        "$(median < "$dir/ratio")" \
        "$(awk -v t=$(($(ticks "$worker") - from)) -v hz="$(getconf CLK_TCK)" \
               -v s="$seconds" '{ n += $1 * s }
               END { print int(t / hz / n * 1000000) }' "$dir/http.all")" \
        "$(tail -n 1 "$dir/rounds.log")"
}

printf '%s rounds of %s s, %s outstanding, %s processors\n' "$rounds" \
    "$seconds" "$outstanding" "$(nproc)"
printf '%-30s %8s %7s %7s %8s %7s %7s %6s %6s  %s\n' '' 'bare/s' 'p50 us' \
    'p99 us' 'query/s' 'p50 us' 'p99 us' ratio 'cpu us' \
    'round trips, commands'

worker=$(ps -o pid= --ppid "$(cat "$dir/nginx.pid")" | tr -d ' ' | head -n 1)

compare 'count, 240 buckets' '/series?stat=c.a' mget c:c.a:i: "$minute" 240
compare 'histogram, 240 buckets' '/series?stat=h.a' \
    hash h:h.a:i: "$minute" 240
compare 'count, 24 x 60 by resolution' '/series?stat=r.a' \
    sub r:r.a:i: "$hour" 24 60 60

# a million points

memory() {
    awk -v name="$1:" '$1 == name { print int($2 / 1024) }' \
        "/proc/$worker/status"
}

uri="/series?stat=m.a&start=$((now - 999999))&end=$now"
alone=$("$bench" http "$port" 1 2 '/series?stat=c.a')
echo 5 > "/proc/$worker/clear_refs" 2>/dev/null || true
before=$(memory VmRSS)

"$bench" http "$port" 1 1 "$uri" > "$dir/million" &
pid=$!
sleep 0.1
during=$("$bench" http "$port" 1 1 '/series?stat=c.a')
wait $pid

echo
echo "a million points, $(curl -s "http://127.0.0.1:$port$uri" | wc -c) bytes"
echo "  took $(awk '{ print int($2 / 1000) }' "$dir/million") ms"
echo "  memory of the worker: $before MB before, $(memory VmHWM) MB at most"
echo "  another query beside it: p50 $(echo $during | cut -d' ' -f2) us," \
     "p99 $(echo $during | cut -d' ' -f3) us; alone" \
     "$(echo $alone | cut -d' ' -f2) and $(echo $alone | cut -d' ' -f3) us"
