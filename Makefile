# SPDX-License-Identifier: Apache-2.0
# podshim's build: GNU make, one file, everything below $(B).
#
#   make                  release build: build/podshim, static
#   make CONFIG=debug     build/debug/podshim; also asan, tsan, cov, fuzz
#   make V=1              show whole commands
#   make WERROR=1         warnings are errors, as in debug builds
#   make STATIC=0         link the release build dynamically
#   make install MAN=0    without manual pages, which take scdoc

.SUFFIXES:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/sh

VERSION ?= 0.1.0
# What `version` names as the commit, empty outside of a repository.
COMMIT ?= $(shell git --git-dir=.git rev-parse --short=12 HEAD 2>/dev/null)
CONFIG ?= release
B ?= build
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
DOCDIR ?= $(DATADIR)/doc/podshim
PYTHONDIR ?= $(DATADIR)/podshim/python
UNITDIR ?= $(PREFIX)/lib/systemd/system
DESTDIR ?=

CONFIGS := release debug asan tsan cov fuzz
$(if $(filter $(CONFIG),$(CONFIGS)),,$(error CONFIG=$(CONFIG) is none of: $(CONFIGS)))

# ---- Tools ----
ifeq ($(origin CC),default)
CC := $(if $(filter fuzz,$(CONFIG)),clang-14,gcc)
endif
ifeq ($(origin AR),default)
AR := ar
endif
OBJCOPY ?= objcopy
INSTALL ?= install
SCDOC ?= scdoc
MAN ?= 1
INIT_CC ?= musl-gcc
is_clang := $(findstring clang,$(shell $(CC) --version 2>/dev/null))
machine := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null)))

OUT := $(if $(filter release,$(CONFIG)),$(B),$(B)/$(CONFIG))
OBJ := $(B)/obj/$(CONFIG)

# ---- Flags: CPPFLAGS, CFLAGS, LDFLAGS and LDLIBS stay the user's; what correctness needs is ours ----
CFLAGS ?= -g
WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wvla -Wundef \
	-Wformat=2 -Wswitch-enum -Wimplicit-fallthrough
WARN_gcc := -Wduplicated-cond -Wlogical-op -Wbidi-chars=any -Wstack-usage=65536
# The other configurations compile the same code; sanitizers make gcc warn of what cannot happen.
warn := $(if $(filter release debug,$(CONFIG)),$(WARN) $(if $(is_clang),,$(WARN_gcc)))
ifeq ($(CONFIG),debug)
WERROR ?= 1
endif

CPP_OURS := -D_GNU_SOURCE -DPODSHIM_VERSION='"$(VERSION)"' -I.
C_OURS := -std=gnu17 -fvisibility=hidden -ffunction-sections -fdata-sections -ffile-prefix-map=$(CURDIR)=. $(warn) \
	$(if $(filter 1,$(WERROR)),-Werror)
HARDEN := -fstack-protector-strong -fstack-clash-protection -fno-delete-null-pointer-checks -fno-strict-overflow \
	$(if $(filter x86_64,$(machine)),-fcf-protection=full) \
	$(if $(filter aarch64,$(machine)),-mbranch-protection=standard)
LINK_HARDEN := -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code

C_release := -O2 -D_FORTIFY_SOURCE=3 -fPIE $(HARDEN) $(if $(is_clang),,-ftrivial-auto-var-init=zero)
C_debug := -Og -fPIE
C_asan := -O1 -fPIE -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
C_tsan := -O1 -fPIE -fno-omit-frame-pointer -fsanitize=thread
C_cov := -O0 -fPIE --coverage
C_fuzz := -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all

STATIC ?= $(if $(filter release,$(CONFIG)),1,0)
# A static release is linked against musl where there is one: glibc asks the CPU for its caches 68 times at each start,
# which is slow in virtual machines.  musl-gcc has no Linux headers of its own; behind its own they cannot mix up the C library.
have_musl := $(shell command -v musl-gcc 2>/dev/null)
LIBC ?= $(if $(filter 1,$(STATIC)),$(if $(have_musl),musl,glibc),glibc)
multiarch := $(shell $(CC) -print-multiarch 2>/dev/null)
musl_headers := -idirafter /usr/include $(if $(multiarch),-idirafter /usr/include/$(multiarch))
file_of = $(shell $(CC) -print-file-name=$(1))
ifeq ($(LIBC),musl)
compiler := musl-gcc
libc_flags := $(musl_headers)
musl_dir := $(dir $(firstword $(filter %/Scrt1.o,$(subst ",,$(shell musl-gcc -v -### -x c /dev/null 2>&1)))))
# musl-gcc's own specs know no static-pie; named one by one, in the order of a link.
LD_START := -nostdlib -static-pie $(musl_dir)rcrt1.o $(musl_dir)crti.o $(call file_of,crtbeginS.o)
LIBS_OURS := $(call file_of,libseccomp.a) $(call file_of,libyajl_s.a) $(call file_of,libcares.a) $(musl_dir)libc.a $(call file_of,libgcc.a) \
	$(call file_of,crtendS.o) $(musl_dir)crtn.o
else
compiler := $(CC)
LD_START := $(if $(filter 1,$(STATIC)),-static-pie,$(if $(filter fuzz,$(CONFIG)),,-pie))
LIBS_OURS := -lseccomp $(if $(filter 1,$(STATIC)),-lyajl_s,-lyajl) -lcares
endif
LIBS_TESTS := -lseccomp -lyajl -lcap -lcares
LD_OURS := -Wl,--gc-sections $(LINK_HARDEN)

compile = $(compiler) $(CPP_OURS) $(CPPFLAGS) $(C_OURS) $(C_$(CONFIG)) $(CFLAGS) $(libc_flags)
link = $(CC) $(C_$(CONFIG)) $(CFLAGS) $(LD_START) $(LD_OURS) $(LDFLAGS)

# ---- Sources: one archive per folder, users before what they use ----
FOLDERS := shim/cli shim/pod shim/launch shim/sandbox shim/plan shim/policy oci ipc base
mains := shim/cli/main.c shim/launch/init_main.c
init_main := $(wildcard shim/launch/init_main.c)
src = $(sort $(filter-out $(mains),$(wildcard $(1)/*.c)) $(if $(init_main),$(wildcard $(1)/*.S)))
obj = $(addprefix $(OBJ)/,$(addsuffix .o,$(basename $(1))))
archive = $(OBJ)/lib$(notdir $(1)).a
folders := $(foreach f,$(FOLDERS),$(if $(call src,$(f)),$(f)))
archives := $(foreach f,$(folders),$(call archive,$(f)))

# The tiny init image that becomes pid 1 of a container; see shim/launch/init_main.c.
INIT_SRC ?= shim/launch/init_main.c shim/launch/script.c shim/launch/clone.c ipc/sock.c \
	$(sort $(wildcard base/*.c shim/sandbox/*.c))
INIT_IMAGE := $(OUT)/podshim-init
ifneq ($(shell command -v $(INIT_CC) 2>/dev/null),)
init_cc := $(INIT_CC)
else
init_cc := $(CC)
endif
init_headers := $(if $(findstring musl-gcc,$(init_cc)),$(musl_headers))
INIT_CFLAGS ?= -Os -fno-asynchronous-unwind-tables
init_compile = $(init_cc) $(CPP_OURS) $(CPPFLAGS) $(C_OURS) $(INIT_CFLAGS) -fstack-protector-strong $(init_headers)
init_link = $(init_cc) -static $(INIT_CFLAGS) -Wl,--gc-sections,-z,relro,-z,noexecstack,-z,separate-code -s
init_obj := $(patsubst %.c,$(OBJ)/init/%.o,$(INIT_SRC))

tests := $(sort $(wildcard tests/unit/test_*.c))
test_support := $(sort $(filter-out $(tests),$(wildcard tests/unit/*.c)))
test_bin := $(patsubst tests/unit/%.c,$(OUT)/tests/%,$(tests))
fuzzers := $(sort $(wildcard tests/fuzz/fuzz_*.c))
# Outside CONFIG=fuzz the fuzz targets replay the files they are given.
fuzz_main := $(if $(filter fuzz,$(CONFIG)),,$(wildcard tests/fuzz/replay.c))
fuzz_bin := $(if $(fuzz_main)$(filter fuzz,$(CONFIG)),$(patsubst tests/fuzz/%.c,$(OUT)/tests/%,$(fuzzers)))

PODSHIM := $(if $(wildcard shim/cli/main.c),$(OUT)/podshim)

# The client library, for programs of any kind: always against the system's C library, never a part of podshim itself.
LIB_SRC := $(sort $(wildcard ipc/client*.c)) ipc/link.c ipc/link_wait.c ipc/msg.c ipc/msg_build.c ipc/ring.c \
	ipc/sock.c ipc/stream_map.c ipc/stream_view.c ipc/wake.c base/buf.c base/err.c base/num.c
LIB_SONAME := libpodshim.so.0
LIB_SHARED := $(OUT)/$(LIB_SONAME)
LIB_STATIC := $(OUT)/libpodshim.a
lib_obj := $(patsubst %.c,$(OBJ)/lib/%.o,$(LIB_SRC))
lib_compile = $(CC) $(CPP_OURS) $(CPPFLAGS) $(C_OURS) $(filter-out -fPIE,$(C_$(CONFIG))) -fPIC $(CFLAGS)

# The page's server, for the system's C library as the client library; its files come from what the page's build left.
UI := $(OUT)/podshim-ui
ui_site := $(sort $(wildcard example/ui/web/dist/*))
ui_site := $(if $(filter %/index.html,$(ui_site)),$(ui_site),example/ui/placeholder/index.html)
ui_obj := $(patsubst %.c,$(OBJ)/lib/%.o,$(sort $(LIB_SRC) ipc/stream.c oci/json.c oci/json_tree.c $(filter-out base/fortify.c,$(wildcard base/*.c)) \
	$(wildcard example/ui/*.c)))

# Policies that are a part of podshim (shim/policy/presets.def); installed to be read and copied.
PRESETS := $(sort $(wildcard example/policies/*.json))

# Manual pages are scdoc(5): those of commands are made from the commands' own tables, one for each cmd_NAME.c.
COMMAND_PAGES := $(subst _,-,$(patsubst shim/cli/cmd_%.c,$(OUT)/man/podshim-%.1, \
	$(filter-out %/cmd_complete.c %/cmd_man.c,$(sort $(wildcard shim/cli/cmd_*.c)))))
PAGE_SOURCES := shim/cli/podshim.1.scd shim/policy/podshim-policy.5.scd ipc/podshim-ring.7.scd shim/policy/podshim-security.7.scd
PAGES := $(COMMAND_PAGES) $(patsubst %.scd,$(OUT)/man/%,$(notdir $(PAGE_SOURCES))) $(OUT)/man/podshim-lib.3
# The date of the pages; the same sources give the same bytes.
RELEASE_DATE ?= 1767225600

# Files that name podshim's place.
PLACED := $(addprefix $(OUT)/placed/,podshim-pod@.service containers.conf config.toml daemon.json)

# What `make install` puts where; `make uninstall` removes exactly this.  FILE:DESTINATION:MODE
INSTALLED := $(PODSHIM):$(BINDIR)/podshim:0755 \
	$(LIB_SHARED):$(LIBDIR)/$(LIB_SONAME):0755 \
	$(LIB_STATIC):$(LIBDIR)/libpodshim.a:0644 \
	$(OUT)/podshim.pc:$(LIBDIR)/pkgconfig/podshim.pc:0644 \
	ipc/podshim.h:$(INCLUDEDIR)/podshim.h:0644 \
	ipc/python/podshim.py:$(PYTHONDIR)/podshim.py:0644 \
	$(foreach f,$(PRESETS),$(f):$(DATADIR)/podshim/policies/$(notdir $(f)):0644) \
	$(if $(filter 1,$(MAN)),$(foreach f,$(PAGES),$(f):$(MANDIR)/man$(subst .,,$(suffix $(f)))/$(notdir $(f)):0644)) \
	$(OUT)/placed/podshim-pod@.service:$(UNITDIR)/podshim-pod@.service:0644 \
	$(OUT)/placed/containers.conf:$(DOCDIR)/examples/podman/containers.conf:0644 \
	$(OUT)/placed/config.toml:$(DOCDIR)/examples/containerd/config.toml:0644 \
	$(OUT)/placed/daemon.json:$(DOCDIR)/examples/docker/daemon.json:0644 \
	example/docker/seccomp.json:$(DOCDIR)/examples/docker/seccomp.json:0644 \
	shim/cli/completion/podshim.bash:$(DATADIR)/bash-completion/completions/podshim:0644 \
	shim/cli/completion/_podshim:$(DATADIR)/zsh/site-functions/_podshim:0644 \
	shim/cli/completion/podshim.fish:$(DATADIR)/fish/vendor_completions.d/podshim.fish:0644

# ---- Output ----
ifeq ($(V),1)
Q :=
say := @:
else
Q := @
say = @printf '  %-8s%s\n'
endif

# ---- Public targets ----
.PHONY: all lib ui ui-web ui-picture tests man deb demo check check-vm lint bench install uninstall clean help FORCE
.DEFAULT_GOAL := all

all: $(PODSHIM) $(archives) lib ## build podshim and its client library

lib: $(LIB_SHARED) $(LIB_STATIC) $(OUT)/podshim.pc ## build the client library: shared, static, pkg-config file

ui: $(UI) ## build podshim-ui, the server of the page (needs libwebsockets)

WEB := example/ui/web
ui-web: ## bundle the page anew into example/ui/web/dist (needs npm and its registry)
	$(Q)rm -rf $(B)/ui-web && mkdir -p $(B)/ui-web
	$(Q)cp -r $(WEB)/build.mjs $(WEB)/index.html $(WEB)/icon.svg $(WEB)/package.json $(WEB)/package-lock.json $(WEB)/.npmrc $(WEB)/src $(B)/ui-web
	$(Q)cd $(B)/ui-web && npm ci --silent && node build.mjs $(CURDIR)/$(WEB)/dist

ui-picture: ## take the picture of the page for the README (needs node, chromium, chromedriver)
	$(Q)hack/ui-picture

tests: $(test_bin) $(fuzz_bin) ## build the unit tests

man: $(PAGES) ## build the manual (takes scdoc)

deb: all man ## build Debian packages (takes debhelper)
	$(Q)+B=$(abspath $(B)) VERSION=$(VERSION) RELEASE_DATE=$(RELEASE_DATE) hack/make-deb

demo: ## build and run the example (installs missing tools on Debian)
	$(Q)B=$(abspath $(B)) hack/demo

check: export CHECK_BEGAN := $(shell date +%s)
check: ## run every test (installs missing tools on Debian)
	$(Q)hack/deps
	$(Q)+$(MAKE) --no-print-directory CONFIG=release WERROR=1 all ui
	$(Q)+$(MAKE) --no-print-directory CONFIG=debug tests
	$(Q)+$(MAKE) --no-print-directory CONFIG=asan tests
	$(Q)+$(MAKE) --no-print-directory CONFIG=tsan threaded-tests
	$(Q)B=$(abspath $(B)) hack/check $(SUITES)

check-vm: ## of these, the tests in a virtual machine
	$(Q)+$(MAKE) --no-print-directory check SUITES=vm

lint: ## compilers' analysers, layers, sizes, documents, scripts
	$(Q)hack/deps
	$(Q)+$(MAKE) --no-print-directory CONFIG=debug all ui tests
	$(Q)B=$(abspath $(B)) MAKE='$(MAKE)' hack/lint

bench: all ## measure
	$(Q)B=$(abspath $(B)) hack/bench

install: all $(PLACED) $(if $(filter 1,$(MAN)),man) ## install into $(DESTDIR)$(PREFIX)
	$(Q)set -e; for row in $(INSTALLED); do \
		file=$${row%%:*} rest=$${row#*:}; dest=$(DESTDIR)$${rest%:*} mode=$${rest##*:}; \
		$(INSTALL) -D -m "$$mode" "$$file" "$$dest"; echo "  INSTALL $$dest"; done; \
	ln -sfn $(LIB_SONAME) $(DESTDIR)$(LIBDIR)/libpodshim.so

# Directories below these that are empty then go too, whoever made them.
KEPT_DIRS = $(BINDIR) $(LIBDIR) $(INCLUDEDIR) $(DATADIR) $(MANDIR) $(PREFIX)

uninstall: ## remove what install put there
	$(Q)rm -fv "$(DESTDIR)$(LIBDIR)/libpodshim.so"
	$(Q)for row in $(INSTALLED); do rest=$${row#*:}; dest=$${rest%:*}; rm -fv "$(DESTDIR)$$dest"; \
		while dest=$${dest%/*}; [ "$$dest" ]; do \
			case " $(KEPT_DIRS) " in *" $$dest "*) break ;; esac; \
			rmdir "$(DESTDIR)$$dest" 2>/dev/null || break; done; done

clean: ## remove the build directory
	$(Q)rm -rf $(B)

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' Makefile | expand -t 14
	@echo; sed -n 's/^#   //p' Makefile

print-%: FORCE
	@printf '%s\n' '$(subst ','\'',$($*))'

# ---- Rules ----
# Remember a text; a target that depends on the file is remade when the text changes.
define remembered
$(1): FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' '$(subst ','\'',$(2))' | cmp -s - $$@ || printf '%s\n' '$(subst ','\'',$(2))' >$$@
endef
# Whether a warning ends the build changes no object: make install after make check has nothing to compile.
$(eval $(call remembered,$(OBJ)/.compile,$(filter-out -Werror,$(compile))))
$(eval $(call remembered,$(OBJ)/.commit,$(COMMIT)))
$(eval $(call remembered,$(OBJ)/.link,$(link) $(LIBS_OURS) $(LDLIBS)))
$(eval $(call remembered,$(OBJ)/.lib,$(filter-out -Werror,$(lib_compile)) $(LD_OURS) $(LDFLAGS) $(LIB_SRC)))
$(eval $(call remembered,$(OBJ)/.paths,$(PREFIX) $(BINDIR) $(LIBDIR) $(INCLUDEDIR)))
$(eval $(call remembered,$(OBJ)/.init,$(filter-out -Werror,$(init_compile)) $(init_link) $(INIT_SRC)))
$(foreach f,$(folders),$(eval $(call remembered,$(OBJ)/.sources-$(notdir $(f)),$(call src,$(f)))))

$(OBJ)/%.o: %.c $(OBJ)/.compile
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(compile) -MMD -MP -c -o $@ $<

$(OBJ)/%.o: %.S $(OBJ)/.compile
	$(say) AS $<
	@mkdir -p $(@D)
	$(Q)$(compile) -DINIT_IMAGE='"$(INIT_IMAGE)"' -MMD -MP -c -o $@ $<

define archive_rule
$(call archive,$(1)): $(call obj,$(call src,$(1))) $(OBJ)/.sources-$(notdir $(1))
	$$(say) AR $$@
	$$(Q)rm -f $$@ && $(AR) rcsD $$@ $$(filter %.o,$$^)
endef
$(foreach f,$(folders),$(eval $(call archive_rule,$(f))))

# fortify.o is for the libraries, which come last.
$(OUT)/podshim: $(OBJ)/shim/cli/main.o $(OBJ)/base/fortify.o $(archives) $(OBJ)/.link
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(link) -o $@ $(filter %.o %.a,$^) $(LIBS_OURS) $(LDLIBS)

ifneq ($(init_main),)
all: $(INIT_IMAGE)
$(OBJ)/shim/launch/init_image.o: $(INIT_IMAGE)
endif

$(OBJ)/shim/policy/presets.o: $(PRESETS)

$(OBJ)/shim/cli/cmd_version.o: $(OBJ)/.commit
$(OBJ)/shim/cli/cmd_version.o: private CPP_OURS += $(if $(COMMIT),-DPODSHIM_COMMIT='"$(COMMIT)"')

$(INIT_IMAGE): $(init_obj) $(OBJ)/.init
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(init_link) -o $@ $(filter %.o,$^)

$(OBJ)/init/%.o: %.c $(OBJ)/.init
	$(say) INITCC $<
	@mkdir -p $(@D)
	$(Q)$(init_compile) -MMD -MP -c -o $@ $<

$(OBJ)/lib/%.o: %.c $(OBJ)/.lib
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(lib_compile) -MMD -MP -c -o $@ $<

# Only what podshim.h declares is visible: by the version script in the one, by localized names in the other.
$(LIB_SHARED): $(lib_obj) ipc/podshim.map $(OBJ)/.lib
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) -shared $(filter-out -fPIE,$(C_$(CONFIG))) $(CFLAGS) -Wl,-soname,$(LIB_SONAME) \
		-Wl,--version-script=ipc/podshim.map $(if $(filter release debug,$(CONFIG)),-Xlinker -z -Xlinker defs) $(LD_OURS) $(LDFLAGS) \
		-o $@ $(lib_obj)
	$(Q)ln -sfn $(LIB_SONAME) $(OUT)/libpodshim.so

$(LIB_STATIC): $(lib_obj) $(OBJ)/.lib
	$(say) AR $@
	@mkdir -p $(@D)
	$(Q)$(LD) -r -o $(OBJ)/lib/podshim.o $(lib_obj)
	$(Q)$(OBJCOPY) --localize-hidden $(OBJ)/lib/podshim.o
	$(Q)rm -f $@ && $(AR) rcsD $@ $(OBJ)/lib/podshim.o

$(eval $(call remembered,$(OBJ)/.site,$(ui_site)))
$(OBJ)/ui/site_rows.c: example/ui/embed $(ui_site) $(OBJ)/.site
	@mkdir -p $(@D)
	$(Q)example/ui/embed $(ui_site) >$@

$(OBJ)/ui/site_rows.o: $(OBJ)/ui/site_rows.c $(ui_site) $(OBJ)/.lib
	$(say) CC $<
	$(Q)$(lib_compile) -c -o $@ $<

$(UI): $(ui_obj) $(OBJ)/ui/site_rows.o $(OBJ)/.link
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_$(CONFIG)) $(CFLAGS) -pie $(LD_OURS) $(LDFLAGS) -o $@ $(filter %.o,$^) -lwebsockets -lyajl $(LDLIBS)

$(OUT)/podshim.pc: ipc/podshim.pc.in $(OBJ)/.paths
	@mkdir -p $(@D)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@INCLUDEDIR@|$(INCLUDEDIR)|; s|@VERSION@|$(VERSION)|' $< >$@

# scdoc leaves '-' to be a hyphen, which nobody could paste into a shell, and says how lines break before .TH, which resets it.
page = SOURCE_DATE_EPOCH=$(RELEASE_DATE) $(SCDOC) <$@.scd >$@.raw && \
	sed -e "/^\\./!{s/-/\\\\-/g;s/h'\\\\-/h'-/g;}" -e '/^\.TH/a .nh\n.ad l' $@.raw >$@ && rm $@.scd $@.raw

$(COMMAND_PAGES): $(OUT)/man/podshim-%.1: $(PODSHIM)
	$(say) MAN $@
	@mkdir -p $(@D)
	$(Q)$(PODSHIM) __man $(subst -, ,$*) >$@.scd && $(page)

# The line "@tables@" stands for what podshim says of its commands and flags.
define page_rule
$(OUT)/man/$(notdir $(basename $(1))): $(1) $(PODSHIM)
	$$(say) MAN $$@
	@mkdir -p $$(@D)
	$$(Q)$(PODSHIM) __man >$$@.raw && sed -e 's/@VERSION@/$(VERSION)/' -e '/^@tables@$$$$/{' -e 'r $$@.raw' -e 'd;}' $$< >$$@.scd && $$(page)
endef
$(foreach f,$(PAGE_SOURCES),$(eval $(call page_rule,$(f))))

$(OUT)/man/podshim-lib.3: ipc/podshim-lib.3
	@mkdir -p $(@D)
	$(Q)cp $< $@

placed = @mkdir -p $(@D) && sed 's|/usr/local/bin|$(BINDIR)|g' $< >$@
$(OUT)/placed/podshim-pod@.service: shim/pod/podshim-pod@.service $(OBJ)/.paths
	$(placed)
$(OUT)/placed/%: example/podman/% $(OBJ)/.paths
	$(placed)
$(OUT)/placed/%: example/containerd/% $(OBJ)/.paths
	$(placed)
$(OUT)/placed/%: example/docker/% $(OBJ)/.paths
	$(placed)

# A test source names the functions it replaces: "WRAP: open read" in a comment line.
wraps = $$(sed -n 's|^[/ *]*WRAP: *||p' $(1) | tr ' ' '\n' | sed -n 's|^[a-zA-Z_].*|-Wl,--wrap=&|p')
link_tests = $(subst -static-pie,-pie,$(link)) -o $@ $(filter %.o,$^) -Wl,--start-group $(archives) -Wl,--end-group

$(OUT)/tests/test_%: $(OBJ)/tests/unit/test_%.o $(call obj,$(test_support)) $(archives) $(OBJ)/.link
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(link_tests) $(call wraps,tests/unit/test_$*.c) $(WRAP_test_$*:%=-Wl,--wrap=%) \
		-lcmocka $(LIBS_TESTS) $(LDLIBS)

$(OUT)/tests/fuzz_%: $(OBJ)/tests/fuzz/fuzz_%.o $(call obj,$(fuzz_main)) $(archives) $(OBJ)/.link
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(link_tests) $(if $(filter fuzz,$(CONFIG)),-fsanitize=fuzzer) $(LIBS_TESTS) $(LDLIBS)

# Data races can only be where threads are.
.PHONY: threaded-tests
threaded-tests: $(patsubst tests/unit/%.c,$(OUT)/tests/%,$(shell grep -ls '<pthread.h>' $(tests) /dev/null))

FORCE:

.SECONDARY:
-include $(wildcard $(OBJ)/*/*.d $(OBJ)/*/*/*.d $(OBJ)/init/*/*/*.d $(OBJ)/lib/*/*.d $(OBJ)/lib/*/*/*.d)
