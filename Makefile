# Torus for nginx.  "make help" lists what can be made: the words behind "##"
# here, and these settings.
#
#   NGINX_SRC=DIR               build against that nginx source tree instead of
#                               the installed nginx-dev
#   TORUS_HIREDIS_STATIC=YES    link libhiredis.a
#   CC=clang                    another compiler
#   JOBS=N                      compile N files at a time
#   TEST_NGINX_LIB=DIR          run the suites on the Test::Nginx in DIR
#   TESTS="t/001.. t/010.."     only these files (make test, asan, valgrind)
#   TEST_NGINX_EVENT_TYPE=poll  the suites on another event method
#   TORUS_LONG=1                "make faults" has the long ones of "make soak"
#   KARBON_PORT, TORUS_PORT     where "make run" listens: 2003 and 8080

.PHONY: all help deps run unit test suites faults interop soak bench asan \
        valgrind fuzz lint sources install uninstall clean

export NGINX_SRC TORUS_HIREDIS_STATIC JOBS TEST_NGINX_LIB TESTS
export KARBON_PORT TORUS_PORT

ifneq ($(origin CC),default)
export CC
endif

all: ## both modules, in build/
	@util/build.sh plain

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /    make \1@/p' Makefile | tr @ '\t' \
	    | expand -t 20
	@echo
	@sed -n 's/^#   /    /p' Makefile

deps: ## the Debian packages for "make", "make run" and "make test"
	@util/deps.sh build run test

run: ## a private Redis and nginx, and what they do
	@util/deps.sh run
	@exec util/run.sh

unit: ## unit tests of lib/core, under AddressSanitizer and UBSan
	@util/deps.sh build
	@util/test.sh unit

test: ## all that ten minutes hold: lint, unit tests, suites, short faults
	@util/deps.sh test
	@util/test.sh all

suites: all ## the Test::Nginx files alone
	@util/deps.sh test
	@util/test.sh suites

faults: all ## Redis, the network and nginx itself fail, in short forms
	@util/deps.sh test
	@util/test.sh faults

interop: ## real senders and readers against a running nginx
	@util/deps.sh interop
	@util/test.sh interop

soak: ## long faults, long fuzzing, more requests beside graphite-web
	@util/deps.sh test interop
	@util/test.sh soak

asan: ## suites and faults with modules built for AddressSanitizer and UBSan
	@util/deps.sh test
	@util/test.sh asan

valgrind: ## the suites under valgrind
	@util/deps.sh test
	@util/test.sh valgrind

fuzz: ## each fuzz target for a minute, or SECONDS_EACH
	@util/deps.sh test
	@util/test.sh fuzz

bench: ## how fast points get into Redis, beside others: bench/README.md
	@util/deps.sh bench
	@exec bench/run.sh

lint: ## what a reviewer should not have to look for
	@util/lint.sh

sources: ## the lists of files in ./config, from the tree
	@util/sources.pl --write

install: all ## the modules beside nginx's own, and links that load them
	@util/install.sh install

uninstall: ## both away again
	@util/install.sh uninstall

clean: ## build/ away
	rm -rf build
