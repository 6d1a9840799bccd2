#!/bin/bash

# Instructions per point from the bytes of a line to formatted commands in the
# buffer: 20,000 known stats, lines of 55 bytes, one interval, nothing merged.
# They are the same on every machine, so a point that has become dearer shows
# in a test.  TAP; compared with callgrind.ref beside it.
#
#   callgrind.sh             test
#   callgrind.sh --write     write the reference
#   callgrind.sh --annotate  where they go, for a count
#
# More than 5 % above the reference fails.  Another compiler than the
# reference's makes other code: then 25 % do.  A count has a limit of its own,
# whatever the reference says: of gcc's code, on a machine of the same kind.

. "$(dirname -- "$0")/../util/common.sh"

cd "$ROOT"

out=$BUILD/bench
ref=bench/callgrind.ref
types="count histogram gauge series"
count_max=700

make -s -f bench/bench.mk -j "${JOBS:-$(nproc)}" OUT="$out" CC="${CC:-cc}" \
    core >&2 || die "bench_core does not compile"

compiler=$("${CC:-cc}" -dumpfullversion -dumpversion | cut -d. -f1)
compiler=$(basename "$(readlink -f "$(command -v "${CC:-cc}")")")" $compiler"
machine=$(uname -m)

# count TYPE: instructions per point, nothing where valgrind cannot tell
count() {
    valgrind --tool=callgrind "--toggle-collect=core_round*" \
        --callgrind-out-file="$out/callgrind.$1" \
        --log-file="$out/callgrind.log" \
        "$out/bench_core" core 20000 20000 1 "$1" 1 >/dev/null || true
    awk '/Collected/ { printf "%.0f\n", $NF / 20000 }' "$out/callgrind.log"
}

case ${1:-} in

--write)
    {
        echo "compiler $compiler $machine"
        for type in $types; do
            is=$(count $type)
            [ -n "$is" ] || die "not measured: $(cat "$out/callgrind.log")"
            echo "$type $is"
        done
    } > $ref.new
    mv $ref.new $ref
    cat $ref
    exit 0
    ;;

--annotate)
    count count
    exec callgrind_annotate "$out/callgrind.count"
    ;;
esac

slack=5
if ! grep -qx "compiler $compiler $machine" $ref; then
    slack=25
    echo "# $compiler on $machine, where the reference is of" \
         "$(sed -n 's/^compiler //p' $ref)"
fi

n=0
failed=0

# check WORDS NUMBER LIMIT
check() {
    n=$((n + 1))
    if [ -n "$2" ] && [ "$2" -gt 0 ] && [ "$2" -le "$3" ]; then
        echo "ok $n - $1"
    else
        failed=$((failed + 1))
        echo "not ok $n - $1"
        if [ -n "$2" ]; then
            echo "# $2 instructions per point, $3 are allowed"
        else
            echo "# not measured:"
            sed 's/^/#   /' "$out/callgrind.log"
        fi
    fi
}

for type in $types; do
    was=$(sed -n "s/^$type //p" $ref)
    is=$(count $type)

    check "a $type costs what it did, $was instructions and $slack %" \
        "$is" $((was * (100 + slack) / 100))

    if [ $type = count ] && [[ "$compiler $machine" = *gcc*" x86_64" ]]; then
        check "a count costs $count_max instructions at most" "$is" $count_max
    fi

    if [ -n "$is" ] && [ "$is" -lt $((was * (100 - slack) / 100)) ]; then
        echo "# $is: less than the reference, write it anew"
    fi
done

echo "1..$n"
exit $((failed > 0))
