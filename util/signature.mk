# Read by unit.mk and bench/bench.mk, before their rules: $(SIGNATURE) is a
# file that becomes newer when a compiler, its options or the rules themselves
# change.  What is compiled depends on it, or would stay as it was before.
#
# Files are known by their names, and those of the .d files have OUT as it was
# spelled then: so there is one spelling.

override OUT := $(abspath $(OUT))

SIGNATURE    := $(OUT)/signature
SIGNED       := $(MAKEFILE_LIST)

.PHONY: always

$(SIGNATURE): export SIGNED_OPTIONS = $(CC) $(CLANG) $(OPTIONS)
$(SIGNATURE): always
	@mkdir -p $(@D)
	@{ echo "$$SIGNED_OPTIONS"; $(CC) --version; cat $(SIGNED); } > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
