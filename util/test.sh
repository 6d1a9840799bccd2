#!/bin/bash

# The tests behind the targets of the Makefile.
#
#   test.sh unit | suites | faults | all | interop | soak | asan | valgrind
#           | fuzz
#
# Everything is TAP and goes through one run of prove.pl, whose summary is
# the last thing said.  Nothing that was started here outlives it.

. "$(dirname -- "$0")/common.sh"

cd "$ROOT"

what=${1:-all}
jobs=${JOBS:-$(nproc)}
tests=()

export TORUS_BUILD=$BUILD

asan_options="detect_leaks=0:abort_on_error=1:halt_on_error=1"


# A program for each file, so that each has its line.
add_unit() {
    say "building the unit tests"
    unit_make unit
    local t
    for t in t/unit/test_*.c; do
        tests+=("$BUILD/unit/$(basename "$t" .c)")
    done
}

unit_make() {
    make -s -f util/unit.mk -j "$jobs" OUT="$BUILD/unit" \
        CC="${CC:-cc}" "$@" || die "the unit tests do not compile"
}

# add_fuzz SECONDS: each target for that long, one command file each
add_fuzz() {
    ls t/fuzz/fuzz_*.c >/dev/null 2>&1 || return 0

    local kind=fuzz target name runner
    if [ "$1" -gt 30 ] && clang_fuzzer; then
        kind=libfuzzer
    fi

    say "building the fuzz targets"
    unit_make $kind
    mkdir -p "$BUILD/fuzz"

    for target in t/fuzz/fuzz_*.c; do
        name=$(basename "$target" .c)
        runner=$BUILD/fuzz/run_$name
        if [ $kind = fuzz ]; then
            printf '#!/bin/sh\nexec %s %s\n' "$BUILD/unit/$name" "$1" \
                > "$runner"
        else
            cat > "$runner" <<END
#!/bin/sh
mkdir -p $BUILD/fuzz/$name
if $BUILD/unit/lib$name -max_total_time=$1 -print_final_stats=1 \\
    -artifact_prefix=$BUILD/fuzz/ $BUILD/fuzz/$name \\
    \$(ls -d $ROOT/t/fuzz/corpus/${name#fuzz_} 2>/dev/null) \\
    > $BUILD/fuzz/$name.log 2>&1
then
    echo "ok 1 - $name, \$(grep number_of_executed $BUILD/fuzz/$name.log)"
else
    echo "not ok 1 - $name, see $BUILD/fuzz/$name.log"
fi
echo 1..1
END
        fi
        chmod +x "$runner"
        tests+=("$runner")
    done
}

clang_fuzzer() {
    echo 'int LLVMFuzzerTestOneInput(const char *d, long n);
          int LLVMFuzzerTestOneInput(const char *d, long n)
          { (void) d; (void) n; return 0; }' \
        | clang -fsanitize=fuzzer -x c -o /dev/null - 2>/dev/null
}

add_suites() {
    local t
    for t in t/[0-9]*.t; do
        [ -f "$t" ] && tests+=("$t")
    done
}

add_dir() {
    local t
    for t in "$1"/*.t; do
        [ -f "$t" ] && tests+=("$t")
    done
}

real_test_nginx() {
    [ -n "${TEST_NGINX_LIB:-}" ] || return 0

    TEST_NGINX_LIB=$(CDPATH= cd -- "$TEST_NGINX_LIB" && pwd)
    export TEST_NGINX_LIB
    util/deps.sh real
    say "the suites run on the Test::Nginx in $TEST_NGINX_LIB"
}

# For modules built with the sanitizers inside an nginx that is not: their
# libraries must come first.
under_asan() {
    util/build.sh asan

    export TORUS_BUILD=$BUILD/asan
    TEST_NGINX_LD_PRELOAD="$(${CC:-gcc} -print-file-name=libasan.so) \
$(${CC:-gcc} -print-file-name=libubsan.so)"
    export TEST_NGINX_LD_PRELOAD
    export TORUS_NGINX_PRELOAD=$TEST_NGINX_LD_PRELOAD
    export ASAN_OPTIONS=$asan_options
    export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
    export TORUS_ASAN=1
}

case $what in

unit)
    add_unit
    ;;

suites)
    real_test_nginx
    add_suites
    ;;

all)
    util/build.sh plain
    real_test_nginx
    tests+=(util/lint.sh bench/callgrind.sh)
    add_unit
    add_fuzz 2
    add_suites
    add_dir t/faults
    ;;

faults)
    add_dir t/faults
    ;;

interop)
    util/build.sh plain
    add_dir t/interop
    ;;

soak)
    util/build.sh plain
    add_fuzz 300
    add_dir t/faults
    add_dir t/soak
    export TORUS_LONG=1 TORUS_SOAK=1
    ;;

fuzz)
    add_fuzz "${SECONDS_EACH:-60}"
    ;;

asan)
    under_asan
    real_test_nginx
    add_suites
    add_dir t/faults
    ;;

valgrind)
    util/build.sh plain
    export TEST_NGINX_USE_VALGRIND=1 TEST_NGINX_TIMEOUT=30
    export TEST_NGINX_SLEEP=0.2
    add_suites
    ;;

*)
    die "no such tests: $what"
    ;;
esac

if [ -n "${TESTS:-}" ]; then
    # shellcheck disable=SC2206
    tests=($TESTS)
fi

[ ${#tests[@]} -gt 0 ] || die "there are no tests of that kind"

util/prove.pl -j "$jobs" "${tests[@]}"
