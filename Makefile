# sluice: one short, non-recursive Makefile. Longer recipes live in scripts/.
#
#   make                build the program for VARIANT (release, debug, asan, tsan) under build/VARIANT/
#   make demo           install what is missing, build, download and scan sample data on loopback
#   make test           install what is missing, then run every test; ends with "N passed, N failed"
#   make check-slow     what takes longer: ThreadSanitizer, faulty disks, kill -9, other seeds, fuzzing
#   make check-long     the same for hours;  make bench: compare with other tools
#   make fuzz           run each fuzz target for FUZZ_SECONDS (clang);  make lint: formatters and checkers
#   make install        DESTDIR and PREFIX are honoured;  V=1 shows commands

VARIANT  ?= release
PREFIX   ?= /usr/local
BINDIR   ?= $(PREFIX)/bin
MANDIR   ?= $(PREFIX)/share/man
BASHDIR  ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR   ?= $(PREFIX)/share/zsh/site-functions
FISHDIR  ?= $(PREFIX)/share/fish/vendor_completions.d
DESTDIR  ?=
CC       ?= cc
PKG_CONFIG ?= pkg-config
WERROR   ?=
V        ?= 0
FUZZ_SECONDS ?= 60
VERSION  := 0.2.0
-include config.mk

ifeq ($(V),0)
Q := @
say = @printf '  %-7s %s\n' $(1) $(2)
else
Q :=
say = @:
endif

B    := build/$(VARIANT)
LIBS := liburing openssl libnghttp2 libpcre2-8 libidn2 libpsl expat jansson zlib libzstd liblzma libbrotlidec
MACHINE := $(shell $(CC) -dumpmachine | cut -d- -f1)

HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -fno-plt
OPT_release := -O2 -g $(HARDEN)
OPT_debug   := -O0 -g3 -DSL_DEBUG=1 -fPIE
OPT_asan    := -O1 -g -DSL_DEBUG=1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -fPIE
OPT_tsan    := -O1 -g -DSL_DEBUG=1 -fsanitize=thread -fno-omit-frame-pointer -fPIE
LD_release  := -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed
LD_debug    := -pie
LD_asan     := -pie -fsanitize=address,undefined
LD_tsan     := -pie -fsanitize=thread
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wundef -Wvla -Wwrite-strings -Wcast-qual -Wpointer-arith -Werror=format-nonliteral \
	$(if $(WERROR),-Werror)
PKG_C  := $(shell $(PKG_CONFIG) --cflags $(LIBS) 2>/dev/null)
# libbz2 comes without a .pc file in Debian 12.
PKG_L  := $(shell $(PKG_CONFIG) --libs $(LIBS) 2>/dev/null) -lbz2
# Optional: ISAL= builds without it.
ISAL   ?= $(shell $(PKG_CONFIG) --exists libisal 2>/dev/null && echo -lisal)
PKG_L  += $(ISAL)
URING  := $(shell $(PKG_CONFIG) --modversion liburing 2>/dev/null)
DEFS   := $(if $(ISAL),-DSL_HAVE_ISAL=1) -D_GNU_SOURCE -DSL_VERSION='"$(VERSION)"' -DSL_LIBURING_VERSION='"$(URING)"'
# Tests are many, and most of their time is compiling them.
TEST_OPT_release := -O1
TEST_OPT_asan    := -O0
# Each test is a program: gold links one in half the time of ld.
TEST_LD := $(if $(FUZZ),,$(if $(shell command -v ld.gold),-fuse-ld=gold))
ALL_C   = -std=c17 $(OPT_$(VARIANT)) $(if $(FUZZ),-fsanitize=fuzzer-no-link) $(WARN) $(DEFS) -Iinclude -pthread $(PKG_C) $(CFLAGS)
ALL_LD  = $(LD_$(VARIANT)) -pthread $(LDFLAGS)
ALL_L   = $(PKG_L) -pthread
# Of the programs for tests, which compress (tests/support/compress.c).
TEST_L  = $(ALL_L) -lbrotlienc

SRC  := $(sort $(wildcard src/*/*.c src/*/*.S))
HDRS := $(sort $(wildcard include/sluice/*/*.h))
OBJ  := $(patsubst %,$(B)/%.o,$(basename $(SRC)))
MAIN := $(B)/src/cli/main.o
LIBO := $(filter-out $(MAIN),$(OBJ))
LIB  := $(B)/libsluice.a
BIN  := $(B)/sluice

# What tests share is a library of its own, so that a test links only what it uses.
SUPPORT_SRC := $(sort $(filter-out %_main.c,$(wildcard tests/support/*.c)))
SUPPORT  := $(B)/libsupport.a
UNIT     := $(patsubst tests/unit/%.c,$(B)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
TORTURE  := $(patsubst tests/torture/%.c,$(B)/torture/%,$(sort $(wildcard tests/torture/*.c)))
FUZZERS  := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
BENCHES  := $(patsubst tests/bench/%.c,$(B)/bench/%,$(sort $(wildcard tests/bench/*.c)))
FAULTS   := $(patsubst tests/faults/%.c,$(B)/faults/%,$(sort $(wildcard tests/faults/*.c)))
TOOLS    := $(patsubst tests/support/%_main.c,$(B)/tools/%,$(sort $(wildcard tests/support/*_main.c)))

.PHONY: all lib unit torture fuzzers benches tools faults test demo check-slow check-long bench fuzz lint format install uninstall clean deps \
	check-headers compile_commands FORCE
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

all: $(BIN)
lib: $(LIB)
unit: $(UNIT)
torture: $(TORTURE)
fuzzers: $(FUZZERS)
benches: $(BENCHES)
tools: $(TOOLS)
faults: $(FAULTS)

$(BIN): $(MAIN) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $(MAIN) $(LIB) $(ALL_L)

$(LIB): $(LIBO)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(LIBO)

$(SUPPORT): $(patsubst %.c,$(B)/%.o,$(SUPPORT_SRC))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Each instruction set has a file and a flag of its own; base/cpu.h decides at run time which is called.
$(B)/src/match/match_avx2.o: ISA := $(if $(filter x86_64,$(MACHINE)),-mavx2 -mbmi -mbmi2 -mpopcnt)
$(B)/src/match/match_avx512.o: ISA := $(if $(filter x86_64,$(MACHINE)),-mavx512f -mavx512bw -mbmi -mbmi2 -mpopcnt)

$(B)/tests/unit/%.o: OPT := $(TEST_OPT_$(VARIANT))

$(B)/%.o: %.c $(B)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -MMD -MP $(CPPFLAGS) $(ALL_C) $(ISA) $(OPT) -Itests -c -o $@ $<

$(B)/%.o: %.S $(B)/flags
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -MMD -MP $(CPPFLAGS) -Iinclude $(CFLAGS) -c -o $@ $<

# One line: compiler and flags. Rewritten only when it differs, so that a change of flags rebuilds.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CPPFLAGS) $(ALL_C) $(TEST_OPT_$(VARIANT)) $(ALL_LD) $(TEST_LD)' | cmp -s - $@ || echo '$(CC) $(CPPFLAGS) $(ALL_C) $(TEST_OPT_$(VARIANT)) $(ALL_LD) $(TEST_LD)' > $@
FORCE:

$(B)/unit/%: $(B)/tests/unit/%.o $(SUPPORT) $(LIB)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LD) $(TEST_LD) -o $@ $< $(SUPPORT) $(LIB) -lcriterion $(TEST_L)

# For test_alloc_*: the library with allocations that fail (tests/support/failing_alloc.h), and what tests share with
# buffers and heaps of its own, since the simulated world's memory must not fail with the program's.
ALLOC_FNS := malloc calloc realloc reallocarray strdup strndup free
OWN_OBJ   := $(B)/src/base/bytes.o $(B)/src/base/heap.o

$(B)/liballoc.a: $(LIB)
	$(Q)objcopy $(foreach f,$(ALLOC_FNS),--redefine-sym $(f)=product_$(f)) $< $@

$(B)/libsupport_alloc.a: $(SUPPORT) $(OWN_OBJ)
	$(Q)nm -g --defined-only $(OWN_OBJ) | awk 'NF == 3 { print $$3, "own_" $$3 }' > $@.names
	$(Q)rm -f $@ && cp $(SUPPORT) $@ && $(AR) rs $@ $(OWN_OBJ) 2>/dev/null && objcopy --redefine-syms=$@.names $@

$(B)/unit/test_alloc_%: $(B)/tests/unit/test_alloc_%.o $(B)/libsupport_alloc.a $(B)/liballoc.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LD) $(TEST_LD) -o $@ $< $(B)/libsupport_alloc.a $(B)/liballoc.a -lcriterion $(TEST_L)

$(B)/torture/%: $(B)/tests/torture/%.o $(SUPPORT) $(LIB)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LD) $(TEST_LD) -o $@ $< $(SUPPORT) $(LIB) $(TEST_L)

$(B)/bench/%: $(B)/tests/bench/%.o $(SUPPORT) $(LIB)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LD) -o $@ $< $(SUPPORT) $(LIB) $(TEST_L)

$(B)/tools/%: $(B)/tests/support/%_main.o $(SUPPORT) $(LIB)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LD) $(TEST_LD) -o $@ $< $(SUPPORT) $(LIB) $(TEST_L)

# Programs of their own, with a library that only make check-slow installs.
$(B)/faults/%: tests/faults/%.c $(B)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_C) $$($(PKG_CONFIG) --cflags fuse3) $(ALL_LD) -o $@ $< $$($(PKG_CONFIG) --libs fuse3)

# With FUZZ=1 and clang the targets are libFuzzer programs; else tests/fuzz/driver.c replays files given as arguments.
ifdef FUZZ
$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(SUPPORT) $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LD) -fsanitize=fuzzer -o $@ $< $(SUPPORT) $(LIB) $(TEST_L)
else
$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/driver.o $(SUPPORT) $(LIB)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LD) $(TEST_LD) -o $@ $< $(B)/tests/fuzz/driver.o $(SUPPORT) $(LIB) $(TEST_L)
endif

deps:
	$(Q)scripts/install-deps

test:
	$(Q)scripts/install-deps --test
	$(Q)scripts/run-tests

demo:
	$(Q)scripts/install-deps
	$(Q)scripts/demo

check-slow check-long:
	$(Q)scripts/install-deps --test --slow
	$(Q)scripts/$@

bench lint:
	$(Q)scripts/install-deps --$@
	$(Q)scripts/$@

fuzz:
	$(Q)scripts/install-deps --lint
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/fuzz

format:
	$(Q)clang-format -i $$(git ls-files 'src/**.[ch]' 'include/**.[ch]' 'tests/**.[ch]')

check-headers:
	$(Q)set -e; for h in $(HDRS); do \
		echo "#include \"$$h\"" | $(CC) -I. $(ALL_C) -Wno-unused -fsyntax-only -xc - || { echo "$$h does not compile alone"; exit 1; }; \
	done

install: all
	install -D -m 0755 $(BIN) $(DESTDIR)$(BINDIR)/sluice
	for p in man/*.1; do install -D -m 0644 $$p $(DESTDIR)$(MANDIR)/man1/$${p#man/}; done
	for p in man/*.5; do install -D -m 0644 $$p $(DESTDIR)$(MANDIR)/man5/$${p#man/}; done
	install -d $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(DESTDIR)$(FISHDIR)
	$(BIN) completions bash > $(DESTDIR)$(BASHDIR)/sluice
	$(BIN) completions zsh > $(DESTDIR)$(ZSHDIR)/_sluice
	$(BIN) completions fish > $(DESTDIR)$(FISHDIR)/sluice.fish

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/sluice
	rm -f $(DESTDIR)$(BASHDIR)/sluice $(DESTDIR)$(ZSHDIR)/_sluice $(DESTDIR)$(FISHDIR)/sluice.fish
	for p in man/*.1; do rm -f $(DESTDIR)$(MANDIR)/man1/$${p#man/}; done
	for p in man/*.5; do rm -f $(DESTDIR)$(MANDIR)/man5/$${p#man/}; done

compile_commands:
	$(Q)scripts/compile-commands > compile_commands.json

clean:
	rm -rf build compile_commands.json

.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
