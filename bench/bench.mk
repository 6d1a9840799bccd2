# The programs of bench/, with the compiler's options of a usual build.
#
#   make -f bench/bench.mk OUT=build/bench

CC     ?= cc
OUT    ?= build/bench

# DWARF 4, as callgrind of Debian 12 does not read what clang has by default
CFLAGS = -std=c11 -gdwarf-4 -O2 -Wall -Wextra -Werror -MMD -MP \
         -Ilib/core -Ibench
LIBS   = -lhiredis -ljansson -lpcre2-8 -lm

# as util/build.sh has them
HARD   = -fPIC -fstack-protector-strong -D_FORTIFY_SOURCE=2

OPTIONS = $(CFLAGS) $(HARD) $(LIBS)

.DEFAULT_GOAL := all

include util/signature.mk

CORE   = $(patsubst lib/core/%.c,$(OUT)/core/%.o,$(wildcard lib/core/*.c))

.PHONY: all core
.SECONDARY:

all: $(OUT)/bench_core $(OUT)/bench_expr $(OUT)/feed $(OUT)/replay
core: $(OUT)/bench_core

$(OUT)/core/%.o: lib/core/%.c $(SIGNATURE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(HARD) -c -o $@ $<

$(OUT)/libcore.a: $(CORE)
	@rm -f $@
	ar rcs $@ $^

$(OUT)/bench_%: bench/bench_%.c $(OUT)/libcore.a $(SIGNATURE)
	$(CC) $(CFLAGS) $(HARD) -o $@ $< $(OUT)/libcore.a $(LIBS)

$(OUT)/%: bench/%.c $(SIGNATURE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $<

-include $(wildcard $(OUT)/*.d $(OUT)/*/*.d)
