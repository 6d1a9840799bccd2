#!/bin/bash

# What a reviewer should not have to look for.  TAP.

. "$(dirname -- "$0")/common.sh"

cd "$ROOT"

n=0
failed=0

# check DESCRIPTION FILE-WITH-FAULTS
check() {
    n=$((n + 1))
    if [ -s "$2" ]; then
        failed=$((failed + 1))
        echo "not ok $n - $1"
        sed 's/^/#   /' "$2" | head -n 20
    else
        echo "ok $n - $1"
    fi
}

out=$(mktemp)
src=$(mktemp)
trap 'rm -f "$out" "$src"' EXIT

find lib ngx_torus_module ngx_karbon_stream_module t/unit t/fuzz t/lib \
    -name '*.[ch]' > "$src"

sources=$(cat "$src")

awk 'length($0) > 80 { print FILENAME ":" FNR ": " length($0) " columns" }' \
    $sources > "$out"
check "no line is longer than 80 columns" "$out"

grep -nE '[[:space:]]+$' $sources > "$out" || true
check "no blanks at the end of a line" "$out"

grep -nP '\t' $sources > "$out" || true
check "no tabs" "$out"

grep -nE '#include *[<"]ngx_' lib/core/*.[ch] > "$out" || true
check "lib/core includes no nginx header" "$out"

grep -nE '#include *[<"]ngx_(http|stream)\b' lib/nginx/*.[ch] > "$out" || true
check "lib/nginx includes neither http nor stream" "$out"

grep -nE '\b(TO''DO|FIX''ME|XX''X|HA''CK)\b' -r lib ngx_* t util conf.examples \
    config Makefile --exclude='*.json' > "$out" || true
check "nothing is left to do in a comment" "$out"

# writable data in lib/core: no mutable globals, no statics
: > "$out"
objs=$(ls build/nginx/addon/core/torus_*.o 2>/dev/null || true)
if [ -n "$objs" ]; then
    # constant tables of pointers are in .data.rel.ro
    objdump -t $objs | grep -E ' O (\.data|\.bss|\*COM\*)' \
        | grep -v '\.data\.rel\.ro' > "$out" || true
fi
check "lib/core has no mutable globals" "$out"

: > "$out"
for header in lib/core/*.h; do
    echo "#include \"$(basename "$header")\"" \
        | ${CC:-cc} -std=c11 -Wall -Wextra -Werror -fsyntax-only -Ilib/core \
          -x c - >> "$out" 2>&1 || true
done
check "every header of lib/core stands alone" "$out"

util/sources.pl > "$out" || true
check "config lists the files of the tree" "$out"

: > "$out"
for f in util/*.sh .ci/run; do
    [ -f "$f" ] && bash -n "$f" 2>> "$out" || true
done
check "the scripts parse" "$out"

echo "1..$n"
exit $((failed > 0))
