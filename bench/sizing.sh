#!/bin/bash

# What a bucket of a stat costs in Redis: the difference of used_memory over
# KEYS buckets of each type, written by the commands that the modules send.
# A private redis-server; the table of README.md's "Sizing".
#
#   sizing.sh [KEYS]        100000 buckets of each kind, fewer where each of
#                           them holds many values

. "$(dirname -- "$0")/common.sh"

keys=${1:-100000}

start_redis

used() {
    cli INFO memory | sed -n 's/^used_memory:\([0-9]*\).*/\1/p'
}

# measure KIND VALUES NAME-LENGTH -> bytes per bucket
#
# 1000 buckets of each stat, so that names and numbers are all different;
# each bucket has its own expiry, as keys of an interval with "steps" have.
measure() {
    n=$((keys / (1 + $2 / 10)))

    cli FLUSHALL SYNC >/dev/null
    before=$(used)

    awk -v kind="$1" -v values="$2" -v length_="$3" -v keys="$n" '
        function name(n,    s) {
            s = sprintf("shop.%06d.", n)
            while (length(s) < length_) {
                s = s "x"
            }
            return s
        }

        BEGIN {
            ORS = "\r\n"

            for (i = 0; i < keys; i++) {
                bucket = 28333000 + i % 1000
                key = name(int(i / 1000)) ":minute:" bucket
                end = 2000000000 + 60 * (i % 1000)

                if (kind == "gauge") {
                    print "SET " key " " 10 + i % 80 ".25 EXAT " end
                    continue
                }

                if (kind == "count") {
                    print "INCRBY " key " " 20000 + i % 1000
                }

                for (v = 0; v < values; v++) {
                    if (kind == "series") {
                        print "RPUSH " key " " 10 + v % 80 ".25"
                    }
                    if (kind == "integers") {
                        print "RPUSH " key " " 10 + v % 80
                    }
                    if (kind == "histogram") {
                        print "HINCRBY " key " " 100 + v " " 1 + v % 9
                    }
                    if (kind == "set") {
                        print "SADD " key " user" 100000 + v
                    }
                    if (kind == "index") {
                        print "SADD " key " " 472000 + v
                    }
                    if (kind == "packed gauge") {
                        print "HSET " key " " v " " 10 + v % 80 ".25"
                    }
                    if (kind == "packed count") {
                        print "HINCRBY " key " " v " " 20000 + (v * 7 + i) % 1000
                    }
                    if (kind == "packed histogram") {
                        print "HINCRBY " key " " v ":" 100 + (v * 7 + i) % 90 " 1"
                    }
                    if (kind == "packed series") {
                        print "RPUSH " key " " v ":" 10 + v % 80 ".25"
                    }
                    if (kind == "packed set") {
                        print "SADD " key " " v ":user" 100000 + (v * 7 + i) % 90
                    }
                }

                print "EXPIREAT " key " " end
            }
        }' | cli --pipe > "$dir/pipe" || die "$(cat "$dir/pipe")"

    after=$(used)
    echo $(((after - before + n / 2) / n))
}

row() {
    printf '| %s | %s | %s |\n' "$1" "$(measure "$2" "$3" 20)" \
        "$(measure "$2" "$3" 50)"
}

version=$(cli INFO server | sed -n 's/^redis_version:\([0-9.]*\).*/\1/p')
say "Redis $version, $keys buckets of each kind"
say ""
say "| one bucket of | name of 20 characters | of 50 |"
say "| --- | --- | --- |"

row "a count" count 1
row "a gauge" gauge 1
row "a histogram, 10 distinct values" histogram 10
row "a histogram, 100 distinct values" histogram 100
row "a histogram, 1,000 distinct values" histogram 1000
row "a series, 6 values of 5 characters" series 6
row "a series, 60 values of 5 characters" series 60
row "a series, 360 values of 5 characters" series 360
row "a series, 6 small integers" integers 6
row "a series, 360 small integers" integers 360
row "a set, 10 members of 10 characters" set 10
row "a set, 1,000 members of 10 characters" set 1000
row "the list of 24 resolution buckets" index 24
row "the list of 60 resolution buckets" index 60
row "60 places of a packed count" "packed count" 60
row "60 places of a packed gauge" "packed gauge" 60
row "60 places of a packed histogram, 1 value in each" "packed histogram" 60
row "60 places of a packed series, 1 value in each" "packed series" 60
row "60 places of a packed set, 1 member in each" "packed set" 60
row "180 places of a packed count" "packed count" 180
row "180 places of a packed gauge" "packed gauge" 180
row "1440 places of a packed count" "packed count" 1440
