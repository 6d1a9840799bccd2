#!/bin/bash

# Installs the Debian packages that a target needs and this machine lacks.
#
#   deps.sh SET..      build run test real interop bench victoria
#
# Says what it lacks, then installs it, with sudo when not root.  Services
# that Debian would start on installation (nginx, redis-server, collectd) are
# kept from starting.  Says and does nothing when all is there.

. "$(dirname -- "$0")/common.sh"

build="gcc libc6-dev make perl nginx nginx-dev libnginx-mod-stream"
build="$build libhiredis-dev libjansson-dev libpcre2-dev"
run="$build redis-server redis-tools netcat-openbsd curl"
test="$run valgrind libc6-dbg procps openssl tzdata"
real="libtest-base-perl libtest-longstring-perl liblist-moreutils-perl"
real="$real libhttp-message-perl libtext-diff-perl"
interop="$run collectd-core carbon-c-relay graphite-carbon prometheus"
interop="$interop graphite-web monitoring-plugins-contrib"
bench="$test graphite-web"
victoria="victoria-metrics"

wanted=
for set in "$@"; do
    case $set in
        build|run|test|real|interop|bench|victoria)
            wanted="$wanted ${!set}" ;;
        *) die "no such set of packages: $set" ;;
    esac

    # a node of another origin is as good
    if [ "$set" = interop ]; then
        command -v node >/dev/null || wanted="$wanted nodejs"
        command -v npm >/dev/null || wanted="$wanted npm"
    fi
done

if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system: make sure that these, or what they are called" \
        "here, are installed:$wanted"
    exit 0
fi

lacking=
for package in $(printf '%s\n' $wanted | sort -u); do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" \
            2>/dev/null || true)
    [ "$state" = installed ] || lacking="$lacking $package"
done

[ -n "$lacking" ] || exit 0

say "packages lacking:$lacking"

root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null \
        || die "not root and no sudo: install them and try again"
    root=sudo
fi

# policy-rc.d is what invoke-rc.d and deb-systemd-invoke ask before they
# start a service; 101 means no.  What was there comes back.
policy=/usr/sbin/policy-rc.d
saved=

restore() {
    $root rm -f $policy
    if [ -n "$saved" ]; then
        $root mv "$saved" $policy
    fi
}

if [ -e $policy ]; then
    saved=$policy.before-torus
    $root mv $policy $saved
fi
trap restore EXIT
trap 'exit 1' INT TERM HUP

printf '#!/bin/sh\nexit 101\n' | $root tee $policy >/dev/null
$root chmod 755 $policy

for package in $lacking; do
    if ! apt-cache show "$package" >/dev/null 2>&1; then
        say "updating the package lists"
        $root apt-get -qq update
        break
    fi
done

say "installing:$lacking"

# once more with fresh lists: a version may have left the mirror
apt="$root env DEBIAN_FRONTEND=noninteractive apt-get -y -qq"
apt="$apt --no-install-recommends -o Dpkg::Use-Pty=0 install"

log=$(mktemp)
if ! $apt $lacking >"$log" 2>&1 \
   && ! { $root apt-get -qq update && $apt $lacking >"$log" 2>&1; }
then
    tail -n 20 "$log" >&2
    rm -f "$log"
    die "apt-get could not install:$lacking"
fi
rm -f "$log"
