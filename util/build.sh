#!/bin/bash

# Builds both modules out of tree.
#
#   build.sh [plain|asan] [DIR]
#
# The objects are in DIR/nginx, the modules in DIR (build, build/asan).  The
# headers and the configure script are those of Debian's nginx-dev, or with
# NGINX_SRC=DIR of a source tree, of which nothing is changed.

. "$(dirname -- "$0")/common.sh"

kind=${1:-plain}
out=${2:-}

case $kind in
    plain) out=${out:-$BUILD} ;;
    asan)  out=${out:-$BUILD/asan} ;;
    *)     die "no such kind of build: $kind" ;;
esac

mkdir -p "$out"
objs=$out/nginx

cc_opt="-g -O2 -fPIC -Wall -Wextra -Wno-unused-parameter"
cc_opt="$cc_opt -ffile-prefix-map=$ROOT=. -fstack-protector-strong"
cc_opt="$cc_opt -Wformat -Werror=format-security -Wdate-time"
cc_opt="$cc_opt -D_FORTIFY_SOURCE=2 ${TORUS_CC_OPT:-}"
ld_opt="-Wl,-z,relro -Wl,-z,now -fPIC ${TORUS_LD_OPT:-}"

if [ "$kind" = asan ]; then
    san="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
    cc_opt="-g -O1 -fPIC -Wall -Wextra -Wno-unused-parameter $san"
    cc_opt="$cc_opt -fno-omit-frame-pointer ${TORUS_CC_OPT:-}"
    ld_opt="$san ${TORUS_LD_OPT:-}"
fi

if [ -n "${NGINX_SRC:-}" ]; then
    [ -f "$NGINX_SRC/src/core/nginx.h" ] \
        || die "NGINX_SRC=$NGINX_SRC is not an nginx source tree"
    src=$out/nginx-src
    tree=$(CDPATH= cd -- "$NGINX_SRC" && pwd)
    flags=(--with-compat --with-threads)

    # else TLS clients of "karbon" would hear no "close notify" on a reload
    if echo '#include <openssl/ssl.h>' | ${CC:-cc} -E - >/dev/null 2>&1; then
        flags+=(--with-http_ssl_module --with-stream_ssl_module)
    fi

else
    [ -f $NGINX_DEV/conf_flags ] \
        || die "no $NGINX_DEV: install nginx-dev, or set NGINX_SRC=DIR"
    src=$NGINX_DEV
    tree=$src
    NGX_CONF_FLAGS=()
    . $NGINX_DEV/conf_flags
    flags=("${NGX_CONF_FLAGS[@]}")
fi

version=$(sed -n 's/^#define NGINX_VERSION *"\(.*\)"/\1/p' \
          "$tree/src/core/nginx.h")

# configured again only when something it reads has changed
signature=$(printf '%s\n' "$tree" "$version" "${flags[@]}" "$cc_opt" \
            "$ld_opt" "${CC:-cc}" "${TORUS_HIREDIS_STATIC:-}"
            cat "$ROOT/config")

if [ ! -f "$objs/Makefile" ] \
   || [ "$signature" != "$(cat "$objs/signature" 2>/dev/null)" ]
then
    say "configuring for nginx $version in $tree"

    rm -rf "$objs"
    mkdir -p "$objs"

    if [ -n "${NGINX_SRC:-}" ]; then
        rm -rf "$src"
        cp -as "$tree" "$src"
        rm -rf "$src/objs" "$src/Makefile"
    fi

    configure=./configure
    [ -f "$src/configure" ] || configure=auto/configure

    (cd "$src" && $configure "${flags[@]}" --with-stream \
        ${CC:+--with-cc="$CC"} \
        --builddir="$objs" --with-cc-opt="$cc_opt" \
        --with-ld-opt="$ld_opt" --add-dynamic-module="$ROOT") \
        > "$objs/configure.log" 2>&1 || {
            tail -n 20 "$objs/configure.log" >&2
            die "configure failed, see $objs/configure.log"
        }

    printf '%s\n' "$signature" > "$objs/signature"
fi

make -f "$objs/Makefile" -C "$src" -j "${JOBS:-$(nproc)}" \
    --no-print-directory modules > "$objs/make.log" 2>&1 || {
        grep -E -A 8 ': (fatal )?error: |undefined reference' \
            "$objs/make.log" | head -n 60 >&2 || true
        die "make failed, see $objs/make.log"
    }

# A new file each time: the old one may be mapped by a running nginx.
for name in ngx_torus_module ngx_karbon_stream_module; do
    [ -f "$objs/$name.so" ] || die "$objs/$name.so was not built"

    # a file that config does not name would show only when nginx loads it
    lost=$(nm -D --undefined-only "$objs/$name.so" \
           | sed -n 's/.* U \(\(ngx_\)\{0,1\}torus_.*\)/\1/p')
    [ -z "$lost" ] || die "$name.so lacks" $lost

    if ! cmp -s "$objs/$name.so" "$out/$name.so"; then
        cp "$objs/$name.so" "$out/$name.so.new"
        mv "$out/$name.so.new" "$out/$name.so"
    fi

    say "$out/$name.so"
done

printf '%s\n' "$version" > "$out/nginx.version"
