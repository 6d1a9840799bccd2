# Unit tests and fuzz targets: t/unit/test_x.c and t/fuzz/fuzz_x.c, each
# linked with all of lib/core under AddressSanitizer and UBSan.
#
#   make -f util/unit.mk OUT=build/unit unit fuzz libfuzzer

CC     ?= cc
CLANG  ?= clang
OUT    ?= build/unit

SAN    = -fsanitize=address,undefined -fno-sanitize-recover=undefined
CFLAGS = -std=c11 -Wall -Wextra -Werror -g -O1 -fno-omit-frame-pointer \
         -MMD -MP -Ilib/core -It/unit
LIBS   = -lhiredis -ljansson -lpcre2-8 -lm

OPTIONS = $(CFLAGS) $(SAN) $(LIBS)

.DEFAULT_GOAL := unit

include util/signature.mk

CORE   = $(patsubst lib/core/%.c,$(OUT)/core/%.o,$(wildcard lib/core/*.c))
LCORE  = $(patsubst lib/core/%.c,$(OUT)/lcore/%.o,$(wildcard lib/core/*.c))
TCORE  = $(patsubst lib/core/%.c,$(OUT)/tcore/%.o,$(wildcard lib/core/*.c))
CCORE  = $(patsubst lib/core/%.c,$(OUT)/ccore/%.o,$(wildcard lib/core/*.c))
UNIT   = $(patsubst t/unit/%.c,$(OUT)/%,$(wildcard t/unit/test_*.c))
FUZZ   = $(patsubst t/fuzz/%.c,$(OUT)/%,$(wildcard t/fuzz/fuzz_*.c))
LFUZZ  = $(patsubst t/fuzz/%.c,$(OUT)/lib%,$(wildcard t/fuzz/fuzz_*.c))

.PHONY: unit fuzz libfuzzer
.SECONDARY:

unit: $(UNIT)
fuzz: $(FUZZ)
libfuzzer: $(LFUZZ)

$(OUT)/core/%.o: lib/core/%.c $(SIGNATURE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SAN) -c -o $@ $<

$(OUT)/lcore/%.o: lib/core/%.c $(SIGNATURE)
	@mkdir -p $(@D)
	$(CLANG) $(CFLAGS) $(SAN) -fsanitize=fuzzer-no-link -c -o $@ $<

$(OUT)/libcore.a: $(CORE)
	@rm -f $@
	ar rcs $@ $^

$(OUT)/liblcore.a: $(LCORE)
	@rm -f $@
	ar rcs $@ $^

$(OUT)/test_%: t/unit/test_%.c $(OUT)/libcore.a $(SIGNATURE)
	$(CC) $(CFLAGS) $(SAN) -o $@ $< $(OUT)/libcore.a $(LIBS)

# not those: each basic block of lib/core is counted
TRACE  = -fsanitize-coverage=trace-pc -fno-builtin-memcpy \
         -fno-builtin-memmove -fno-builtin-memset -fno-builtin-calloc
WRAP   = -Wl,--wrap=memcpy,--wrap=memmove,--wrap=memset,--wrap=calloc \
         -Wl,--wrap=vsnprintf

$(OUT)/tcore/%.o: lib/core/%.c $(SIGNATURE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(TRACE) -c -o $@ $<

$(OUT)/libtcore.a: $(TCORE)
	@rm -f $@
	ar rcs $@ $^

SLICES = $(OUT)/test_slices $(OUT)/test_slices_graph

$(SLICES): $(OUT)/%: t/unit/%.c $(OUT)/libtcore.a $(SIGNATURE)
	$(CC) $(CFLAGS) $(WRAP) -o $@ $< $(OUT)/libtcore.a $(LIBS)

# what it asks of malloc() is counted
HEAP   = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free

$(OUT)/test_memory: t/unit/test_memory.c $(OUT)/libcore.a $(SIGNATURE)
	$(CC) $(CFLAGS) $(SAN) $(HEAP) -o $@ $< $(OUT)/libcore.a $(LIBS)

# slices of lib/core as short as the test has them
$(OUT)/ccore/%.o: lib/core/%.c t/unit/torus_cuts.h $(SIGNATURE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SAN) -include t/unit/torus_cuts.h -c -o $@ $<

$(OUT)/libccore.a: $(CCORE)
	@rm -f $@
	ar rcs $@ $^

$(OUT)/test_cuts: t/unit/test_cuts.c $(OUT)/libccore.a $(SIGNATURE)
	$(CC) $(CFLAGS) $(SAN) -include t/unit/torus_cuts.h -o $@ $< \
	    $(OUT)/libccore.a $(LIBS)

# with a driver of our own, which needs no clang
$(OUT)/fuzz_%: t/fuzz/fuzz_%.c t/lib/fuzz_main.c $(OUT)/libcore.a \
    $(SIGNATURE)
	$(CC) $(CFLAGS) $(SAN) -o $@ $< t/lib/fuzz_main.c $(OUT)/libcore.a \
	    $(LIBS)

$(OUT)/libfuzz_%: t/fuzz/fuzz_%.c $(OUT)/liblcore.a $(SIGNATURE)
	$(CLANG) $(CFLAGS) $(SAN) -fsanitize=fuzzer -o $@ $< \
	    $(OUT)/liblcore.a $(LIBS)

-include $(wildcard $(OUT)/*.d $(OUT)/*/*.d)
