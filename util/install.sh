#!/bin/bash

# Puts the modules where the installed nginx looks for its own, and on Debian
# makes them loaded, behind nginx's stream module (50-).
#
#   install.sh install|uninstall       DESTDIR=DIR for packages

. "$(dirname -- "$0")/common.sh"

dest=${DESTDIR:-}
modules=$(modules_path)
modules=${modules:-/usr/lib/nginx/modules}
available=/usr/share/nginx/modules-available
enabled=/etc/nginx/modules-enabled
names="ngx_torus_module ngx_karbon_stream_module"

# ngx_karbon_stream_module -> karbon-stream
short() {
    echo "$1" | sed 's/^ngx_//; s/_module$//; s/_/-/g'
}

case ${1:-} in

install)
    version=$("$NGINX_BIN" -v 2>&1 | sed 's|.*/\([0-9.]*\).*|\1|')
    built=$(cat "$BUILD/nginx.version")
    [ "$version" = "$built" ] \
        || die "built for nginx $built, but $NGINX_BIN is $version"

    mkdir -p "$dest$modules"
    for name in $names; do
        # a new file: nginx may have the old one mapped
        install -m 644 "$BUILD/$name.so" "$dest$modules/$name.so.new"
        mv "$dest$modules/$name.so.new" "$dest$modules/$name.so"
        say "$dest$modules/$name.so"
    done

    if [ -d $enabled ]; then
        mkdir -p "$dest$available" "$dest$enabled"
        for name in $names; do
            conf=mod-$(short $name).conf
            echo "load_module modules/$name.so;" > "$dest$available/$conf"
            ln -sfn "$available/$conf" "$dest$enabled/70-$conf"
            say "$dest$enabled/70-$conf"
        done
    else
        say "add to nginx.conf, behind the stream module:"
        for name in $names; do
            say "    load_module modules/$name.so;"
        done
    fi

    say "restart nginx: a reload keeps the modules it has"
    ;;

uninstall)
    for name in $names; do
        conf=mod-$(short $name).conf
        rm -f "$dest$enabled/70-$conf" "$dest$available/$conf" \
              "$dest$modules/$name.so"
    done
    ;;

*)
    die "install or uninstall?"
    ;;
esac
