# Torus for nginx.  "make" builds both modules into build/, "make run" shows
# them at work, "make test" tests them.
#
#   NGINX_SRC=DIR             build against that nginx source tree instead of
#                             the installed nginx-dev
#   TORUS_HIREDIS_STATIC=YES  link libhiredis.a
#   CC=clang                  another compiler
#   JOBS=N                    compile N files at a time
#   TEST_NGINX_LIB=DIR        run the suites on the Test::Nginx in DIR
#   TESTS="t/001.. t/010.."   only these files (make test, asan, valgrind)
#   TEST_NGINX_EVENT_TYPE=poll  the suites on another event method of nginx
#   KARBON_PORT, TORUS_PORT   where "make run" listens: 2003 and 8080

.PHONY: all deps run unit test suites faults interop soak bench asan valgrind \
        fuzz lint sources install uninstall clean

export NGINX_SRC TORUS_HIREDIS_STATIC JOBS TEST_NGINX_LIB TESTS
export KARBON_PORT TORUS_PORT

ifneq ($(origin CC),default)
export CC
endif

all:
	@util/build.sh plain

deps:
	@util/deps.sh build run test

run:
	@util/deps.sh run
	@exec util/run.sh

# unit tests of lib/core, under AddressSanitizer and UBSan
unit:
	@util/deps.sh build
	@util/test.sh unit

# all that ten minutes hold: unit tests, suites, short faults, short fuzzing
test:
	@util/deps.sh test
	@util/test.sh all

# the Test::Nginx files alone
suites: all
	@util/deps.sh test
	@util/test.sh suites

# Redis, the network and nginx itself fail, in short forms; TORUS_LONG=1 for
# those of "make soak"
faults: all
	@util/deps.sh test
	@util/test.sh faults

# real senders against a running nginx
interop:
	@util/deps.sh interop
	@util/test.sh interop

# long faults, long fuzzing, more of the requests that are compared with those
# of graphite-web
soak:
	@util/deps.sh test interop
	@util/test.sh soak

# the suites with modules built for AddressSanitizer and UBSan
asan:
	@util/deps.sh test
	@util/test.sh asan

# the suites under valgrind
valgrind:
	@util/deps.sh test
	@util/test.sh valgrind

fuzz:
	@util/deps.sh test
	@util/test.sh fuzz

bench:
	@util/deps.sh bench
	@exec bench/run.sh

lint:
	@util/lint.sh

# the lists of files in ./config, from the tree
sources:
	@util/sources.pl --write

install: all
	@util/install.sh install

uninstall:
	@util/install.sh uninstall

clean:
	rm -rf build
