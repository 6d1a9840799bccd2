#!/bin/bash

# "make bench": how fast points get into Redis, beside what others would need
# for the same points, in one run.  See README.md here.
#
#   BENCH_FULL=1       every type, value, number of intervals and stats
#   BENCH_ROUNDS=3     runs of each, alternating, of which medians are told
#   BENCH_ENOUGH=100   seconds after which a million stats are not run again
#   BENCH_ROWS=REGEX   only rows whose names match
#   BENCH_JSON=FILE    build/bench/results.json
#
# Everything it starts and writes is under a directory in /tmp, and goes.

. "$(dirname -- "$0")/../util/common.sh"

cd "$ROOT"

out=$BUILD/bench
mkdir -p "$out"

util/build.sh plain

make -s -f bench/bench.mk -j "${JOBS:-$(nproc)}" OUT="$out" CC="${CC:-cc}" \
    || die "the programs of bench/ do not compile"

# VictoriaMetrics is a row of its own where it can be had
if [ -z "${VICTORIA_METRICS:-}" ]; then
    util/deps.sh victoria || say "no victoria-metrics: that row is left out"
    VICTORIA_METRICS=$(command -v victoria-metrics || true)
fi

export VICTORIA_METRICS NGINX_BIN
export BENCH_BIN=$out BENCH_BUILD=$BUILD
STREAM_MODULE=$(stream_module)
export STREAM_MODULE

exec perl bench/bench.pl "${BENCH_JSON:-$out/results.json}"
