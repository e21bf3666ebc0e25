# The only build file: GNU make, pkg-config; everything made lies below $(BUILD).
#
#   make [all]            libcore, the programs, into $(BUILD)/bin
#   make demo             one mail through the manager and two children
#   make check            unit, fuzz replay, command line and integration tests
#   make check-real       tests with Postfix, rspamd, OpenDKIM and other real programs
#   make check-coverage   that a test fails for each part of the configuration that is ignored
#   make lint             formatting, clang-tidy, cppcheck, shellcheck, rules of the house
#   make fuzz             libFuzzer programs (clang), in build-fuzz/test/fuzz
#   make check-package    the Debian packages, installed on a bare Debian 12 (root, debootstrap)
#   make reference        the items in milter-manager/conf/milter-manager.conf, from their tables
#   make install, uninstall, clean, dist
#   make deb              packages for Debian, in $(BUILD)/deb
#
# Variables: CC CFLAGS LDFLAGS BUILD V=1 WERROR=1 SANITIZE=1 WITHOUT_GLIB=1
# WITHOUT_SYSTEMD=1 PREFIX DESTDIR and the GNU directory variables; as arguments only:
#   PLATFORM         default of package.platform: debian, redhat, redhat9, freebsd, pkgsrc, ...;
#                    without it that of the machine, empty for none
#   PACKAGE_OPTIONS  default of package.options

VERSION := $(shell cat VERSION)

# ---- directories of an installation

PREFIX      ?= /usr/local
prefix      ?= $(PREFIX)
exec_prefix ?= $(prefix)
bindir      ?= $(exec_prefix)/bin
sbindir     ?= $(exec_prefix)/sbin
datarootdir ?= $(prefix)/share
datadir     ?= $(datarootdir)
docdir      ?= $(datarootdir)/doc/milter-manager
mandir      ?= $(datarootdir)/man
sysconfdir  ?= $(if $(filter /usr,$(prefix)),/etc,$(prefix)/etc)

# Of systemd, logrotate, shells and munin; an empty one is left out.
SYSTEMDUNITDIR ?= $(prefix)/lib/systemd/system
SYSUSERSDIR    ?= $(prefix)/lib/sysusers.d
TMPFILESDIR    ?= $(prefix)/lib/tmpfiles.d
LOGROTATEDIR   ?= $(sysconfdir)/logrotate.d
BASHCOMPDIR    ?= $(datadir)/bash-completion/completions
ZSHCOMPDIR     ?= $(datadir)/zsh/$(if $(filter /usr,$(prefix)),vendor-completions,site-functions)
FISHCOMPDIR    ?= $(datadir)/fish/vendor_completions.d
MUNINDIR       ?= $(datadir)/munin/plugins

pkgsysconfdir = $(sysconfdir)/milter-manager
pkgdatadir    = $(datadir)/milter-manager

INSTALL         ?= install
INSTALL_PROGRAM ?= $(INSTALL) -m 755
INSTALL_DATA    ?= $(INSTALL) -m 644

# ---- whose installed milters are looked for

# debian, redhat, redhat7 to redhat9, freebsd, pkgsrc; empty elsewhere
# Not from the environment: others use a variable of that name too.
ifneq ($(origin PLATFORM),command line)
PLATFORM := $(shell scripts/platform)
endif
ifneq ($(origin PACKAGE_OPTIONS),command line)
PACKAGE_OPTIONS :=
endif

# ---- where and how things are built

SANITIZE ?=
FUZZ     ?=
WERROR   ?=
V        ?=

ifeq ($(FUZZ),1)
BUILD ?= build-fuzz
else ifeq ($(SANITIZE),1)
BUILD ?= build-sanitize
else
BUILD ?= build
endif

PKG_CONFIG ?= pkg-config
RUBY_PC    := $(shell $(PKG_CONFIG) --exists ruby-3.1 2>/dev/null && echo ruby-3.1 || echo ruby)

# With its undefined behaviour checks in the way gcc sees null formats that cannot be.
NOISE      = -Wno-format-truncation -Wno-format-overflow -Wno-unknown-warning-option
SANITIZERS = -fsanitize=address,undefined -fno-omit-frame-pointer
ifeq ($(FUZZ),1)
CFLAGS     ?= -O1 -g
MODE_FLAGS := $(SANITIZERS) -fsanitize=fuzzer-no-link
else ifeq ($(SANITIZE),1)
CFLAGS     ?= -O1 -g
MODE_FLAGS := $(SANITIZERS) $(NOISE)
else
CFLAGS     ?= -O2 -g
MODE_FLAGS :=
endif

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion \
	$(if $(filter 1,$(WERROR)),-Werror)

# Optional: the event loop on GLib.
WITHOUT_GLIB ?=
GLIB_PC     := $(if $(filter 1,$(WITHOUT_GLIB)),,$(shell $(PKG_CONFIG) --exists glib-2.0 2>/dev/null && echo glib-2.0))
GLIB_CFLAGS := $(if $(GLIB_PC),$(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(GLIB_PC))))
GLIB_LIBS   := $(if $(GLIB_PC),$(shell $(PKG_CONFIG) --libs $(GLIB_PC)))

ALL_CPPFLAGS = -D_GNU_SOURCE $(if $(GLIB_PC),-DWITH_GLIB) -I. -DMILTER_MANAGER_VERSION='"$(VERSION)"' $(CPPFLAGS)
ALL_CFLAGS   = -std=c11 $(WARNINGS) $(CFLAGS) $(MODE_FLAGS)
ALL_LDFLAGS  = $(MODE_FLAGS) -Wl,--as-needed $(LDFLAGS)

# libev has no .pc file on Debian.
EV_LIBS     := $(shell $(PKG_CONFIG) --libs libev 2>/dev/null || echo -lev)
POPT_LIBS   := $(shell $(PKG_CONFIG) --libs popt 2>/dev/null || echo -lpopt)
JANSSON_LIBS := $(shell $(PKG_CONFIG) --libs jansson 2>/dev/null || echo -ljansson)
MICROHTTPD_LIBS := $(shell $(PKG_CONFIG) --libs libmicrohttpd 2>/dev/null || echo -lmicrohttpd)
# Optional: WITHOUT_SYSTEMD=1 leaves it out.
ifneq ($(WITHOUT_SYSTEMD),1)
SYSTEMD_LIBS := $(shell $(PKG_CONFIG) --libs libsystemd 2>/dev/null)
endif
# For milter-performance-check alone.
SSL_LIBS    := $(shell $(PKG_CONFIG) --libs openssl 2>/dev/null || echo -lssl -lcrypto)
# For milter-manager-log-analyzer alone.
SQLITE_LIBS  := $(shell $(PKG_CONFIG) --libs sqlite3 2>/dev/null || echo -lsqlite3)
ARCHIVE_LIBS := $(shell $(PKG_CONFIG) --libs libarchive 2>/dev/null || echo -larchive)
GSASL_LIBS  := $(shell $(PKG_CONFIG) --libs libgsasl 2>/dev/null || echo -lgsasl)
CMOCKA_LIBS := $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null || echo -lcmocka)
RUBY_CFLAGS := $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(RUBY_PC) 2>/dev/null))
RUBY_LIBS   := $(shell $(PKG_CONFIG) --libs $(RUBY_PC) 2>/dev/null || echo -lruby)

CORE_LIBS    = $(POPT_LIBS) $(EV_LIBS) $(GLIB_LIBS) $(SYSTEMD_LIBS) -lm -lpthread
SERVICE_CPPFLAGS = $(if $(SYSTEMD_LIBS),-DHAVE_LIBSYSTEMD)
MANAGER_LIBS = $(RUBY_LIBS) $(MICROHTTPD_LIBS) $(JANSSON_LIBS) $(CORE_LIBS)
TOOL_LIBS    = $(JANSSON_LIBS) $(SSL_LIBS) $(GSASL_LIBS) $(SQLITE_LIBS) $(ARCHIVE_LIBS) $(CORE_LIBS)

MANAGER_CPPFLAGS = $(RUBY_CFLAGS) \
	$(if $(PLATFORM),-DMILTER_MANAGER_PLATFORM='"$(PLATFORM)"') \
	$(if $(PACKAGE_OPTIONS),-DMILTER_MANAGER_PACKAGE_OPTIONS='"$(PACKAGE_OPTIONS)"') \
	-DMILTER_MANAGER_PREFIX='"$(prefix)"' \
	-DMILTER_MANAGER_SYSCONFDIR='"$(sysconfdir)"' \
	-DMILTER_MANAGER_DATADIR='"$(pkgdatadir)"' \
	-DMILTER_MANAGER_SOURCE_DIR='"$(CURDIR)"'

ifeq ($(V),1)
say =
else
say = @printf '  %-5s %s\n' '$(1)' '$(2)';
endif

# ---- what there is

objects = $(patsubst %.c,$(BUILD)/object/%.o,$(1))

CORE_SOURCES    := $(sort $(wildcard libcore/*/*.c))
MANAGER_SOURCES := $(sort $(wildcard milter-manager/*.c milter-manager/*/*.c))
TOOL_NAMES      := milter-test-server milter-test-client milter-performance-check milter-manager-log-analyzer

# A program exists once its main.c does.
TOOLS    := $(foreach name,$(TOOL_NAMES),$(if $(wildcard $(name)/main.c),$(name)))
MANAGER  := $(if $(wildcard milter-manager/main.c),milter-manager)
PROGRAMS := $(addprefix $(BUILD)/bin/,$(MANAGER) $(TOOLS))

CORE_LIBRARY    := $(BUILD)/lib/libcore.a
MANAGER_LIBRARY := $(BUILD)/lib/libmanager.a

# Tests: one program per file.  One that includes a header of a program is
# linked with that program's code as well.  Files in test/unit without the
# test_ prefix are helpers, available to every unit test.
UNIT_SOURCES        := $(sort $(wildcard test/unit/test_*.c))
UNIT_HELPERS        := $(filter-out $(UNIT_SOURCES),$(sort $(wildcard test/unit/*.c)))
FUZZ_SOURCES        := $(sort $(wildcard test/fuzz/fuzz_*.c))
FIXTURE_SOURCES     := $(sort $(wildcard test/fixtures/*.c))
BENCH_SOURCES       := $(sort $(wildcard test/bench/*.c))
REAL_SOURCES        := $(sort $(wildcard test/real/*.c))
EXAMPLE_SOURCES     := $(sort $(wildcard examples/*.c))
TEST_SOURCES        := $(UNIT_SOURCES) $(FUZZ_SOURCES) $(FIXTURE_SOURCES)
MANAGER_TESTS       := $(if $(TEST_SOURCES),$(shell grep -l '^\#include "milter-manager/' $(TEST_SOURCES)))

UNIT_PROGRAMS    := $(UNIT_SOURCES:%.c=$(BUILD)/%)
REPLAY_PROGRAMS  := $(FUZZ_SOURCES:test/fuzz/fuzz_%.c=$(BUILD)/test/fuzz/replay_%)
FUZZ_PROGRAMS    := $(FUZZ_SOURCES:%.c=$(BUILD)/%)
FIXTURE_PROGRAMS := $(FIXTURE_SOURCES:%.c=$(BUILD)/%)
BENCH_PROGRAMS   := $(BENCH_SOURCES:%.c=$(BUILD)/%)
REAL_PROGRAMS    := $(REAL_SOURCES:%.c=$(BUILD)/%)
EXAMPLE_PROGRAMS := $(EXAMPLE_SOURCES:%.c=$(BUILD)/%)

# The documentation of the configuration, written from its tables.
REFERENCE_SOURCES := $(sort $(wildcard tools/*.c))
REFERENCE         := $(BUILD)/tools/config-reference
CONDITIONS        := milter-manager/conf/applicable-conditions
MAN_PAGES_MADE    := $(patsubst man/%.in,$(BUILD)/man/%,$(sort $(wildcard man/*.[158].in)))

# The completions of shells, written from the tables of options.
COMPLETION_SOURCES := $(sort $(wildcard tools/completion/*.c))
COMPLETIONS        := $(foreach name,$(MANAGER) $(TOOLS),$(addprefix $(BUILD)/completion/,\
	$(name).bash _$(name) $(name).fish))
UNIT_FILES         := $(patsubst packaging/systemd/%.in,$(BUILD)/packaging/%,\
	$(sort $(wildcard packaging/systemd/*.service.in)))

ALL_SOURCES := $(CORE_SOURCES) $(COMPLETION_SOURCES) $(REFERENCE_SOURCES) $(MANAGER_SOURCES) $(sort $(wildcard $(TOOL_NAMES:%=%/*.c))) \
	$(sort $(wildcard test/unit/*.c test/fuzz/*.c)) $(FIXTURE_SOURCES) $(BENCH_SOURCES) \
	$(REAL_SOURCES) $(EXAMPLE_SOURCES) $(sort $(wildcard test/coverage/*.c))

# ---- targets

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
.PHONY: all demo reference check check-unit check-fuzz check-cli check-integration check-real \
	mutant check-coverage check-package deb \
	test-programs unit-programs replay-programs fixture-programs bench-programs real-programs \
	example-programs fuzz fuzz-programs lint lint-format lint-tidy lint-cppcheck lint-headers \
	lint-shell lint-ruby lint-rules install uninstall clean dist FORCE

all: $(CORE_LIBRARY) $(PROGRAMS) $(MAN_PAGES_MADE) $(COMPLETIONS) $(UNIT_FILES)

# ---- objects, archives, programs

# Rewritten only when the compiler or its flags change: then everything is built again.
flags_now = $(CC) $(ALL_CPPFLAGS) $(SERVICE_CPPFLAGS) $(filter-out -Werror,$(ALL_CFLAGS)) $(ALL_LDFLAGS) $(CORE_LIBS)
manager_flags_now = $(MANAGER_CPPFLAGS) $(MANAGER_LIBS)
keep_if_same = if cmp -s $@.new $@; then rm -f $@.new; else mv -f $@.new $@; fi

$(BUILD)/flags: FORCE
	@mkdir -p $(@D); printf '%s\n' $(call quote,$(flags_now)) >$@.new; $(keep_if_same)
$(BUILD)/flags-manager: FORCE
	@mkdir -p $(@D); printf '%s\n' $(call quote,$(manager_flags_now)) >$@.new; $(keep_if_same)
quote = '$(subst ','\'',$(1))'

# The lists make an archive follow files that are removed or renamed.
$(BUILD)/lib/%.list: FORCE
	@mkdir -p $(@D); printf '%s\n' $(call quote,$($*_members)) >$@.new; $(keep_if_same)

libcore_members    := $(call objects,$(CORE_SOURCES))
libmanager_members := $(call objects,$(filter-out milter-manager/main.c,$(MANAGER_SOURCES)))
libunit_members    := $(call objects,$(UNIT_HELPERS))

compile = $(CC) $(ALL_CPPFLAGS) $(EXTRA_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/object/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(compile)

$(call objects,libcore/net/loop_glib.c): EXTRA_CPPFLAGS = $(GLIB_CFLAGS)
$(call objects,$(MANAGER_SOURCES)): $(BUILD)/flags-manager
$(call objects,libcore/net/service.c): EXTRA_CPPFLAGS = $(SERVICE_CPPFLAGS)
$(call objects,$(MANAGER_SOURCES) $(MANAGER_TESTS)): EXTRA_CPPFLAGS = $(MANAGER_CPPFLAGS)

archive = rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)
$(CORE_LIBRARY): $(libcore_members)
$(MANAGER_LIBRARY): $(libmanager_members)
$(BUILD)/lib/libunit.a: $(libunit_members)
$(BUILD)/lib/%.a: $(BUILD)/lib/%.list
	$(call say,AR,$@)$(archive)

link = mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^)

$(BUILD)/bin/milter-manager: $(BUILD)/object/milter-manager/main.o $(MANAGER_LIBRARY) $(CORE_LIBRARY)
	$(call say,LINK,$@)$(link) $(ALL_LDFLAGS) $(MANAGER_LIBS)

define tool_rule
lib$(1)_members := $(call objects,$(filter-out $(1)/main.c,$(sort $(wildcard $(1)/*.c))))
$(BUILD)/lib/lib$(1).a: $$(lib$(1)_members)
$(BUILD)/bin/$(1): $(BUILD)/object/$(1)/main.o $(BUILD)/lib/lib$(1).a $(CORE_LIBRARY)
	$$(call say,LINK,$$@)$$(link) $$(ALL_LDFLAGS) $$(TOOL_LIBS)

$(1)_TESTS := $(if $(TEST_SOURCES),$(shell grep -l '^\#include "$(1)/' $(TEST_SOURCES)))
$$($(1)_TESTS:%.c=$(BUILD)/%): $(BUILD)/lib/lib$(1).a
$$($(1)_TESTS:%.c=$(BUILD)/%): EXTRA_LIBS = $(JANSSON_LIBS) $(SSL_LIBS) $(GSASL_LIBS) $(SQLITE_LIBS) $(ARCHIVE_LIBS)
$$(patsubst test/fuzz/fuzz_%.c,$(BUILD)/test/fuzz/replay_%,$$(filter test/fuzz/%,$$($(1)_TESTS))): $(BUILD)/lib/lib$(1).a
endef
$(foreach tool,$(TOOLS),$(eval $(call tool_rule,$(tool))))

# ---- documentation from the tables

$(REFERENCE): $(call objects,$(REFERENCE_SOURCES) $(sort $(wildcard milter-manager/config/*.c))) \
		$(CORE_LIBRARY)
	$(call say,LINK,$@)$(link) $(ALL_LDFLAGS) $(CORE_LIBS)

$(BUILD)/man/%: man/%.in $(REFERENCE) $(wildcard $(CONDITIONS)/*.conf)
	@mkdir -p $(@D)
	$(call say,PAGE,$@)$(REFERENCE) page $(CONDITIONS) <$< >$@

# What stands above the items is written by hand.
reference: $(REFERENCE) $(MAN_PAGES_MADE)
	@file=milter-manager/conf/milter-manager.conf; \
		{ sed '/^# All items/,$$d' $$file && $(REFERENCE) conf; } >$(BUILD)/reference.new && \
		cat $(BUILD)/reference.new >$$file && rm $(BUILD)/reference.new

# ---- completions and the unit

# Each program once more, whose options_parse writes instead of parsing.
completer = $(BUILD)/tools/completion-$(1)
link_completer = mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
	-Wl,--wrap=options_parse $(ALL_LDFLAGS)

define completion_rule
$(call completer,$(1)): $(BUILD)/object/$(1)/main.o $(call objects,$(COMPLETION_SOURCES)) \
		$(2) $(CORE_LIBRARY)
	$$(call say,LINK,$$@)$$(link_completer) $(3)
$(BUILD)/completion/$(1).bash: $(call completer,$(1))
	@mkdir -p $$(@D)
	$$(call say,SHELL,$$@)$$< bash >$$@
$(BUILD)/completion/_$(1): $(call completer,$(1))
	@mkdir -p $$(@D)
	$$(call say,SHELL,$$@)$$< zsh >$$@
$(BUILD)/completion/$(1).fish: $(call completer,$(1))
	@mkdir -p $$(@D)
	$$(call say,SHELL,$$@)$$< fish >$$@
endef
$(foreach name,$(MANAGER),$(eval $(call completion_rule,$(name),$(MANAGER_LIBRARY),$$(MANAGER_LIBS))))
$(foreach name,$(TOOLS),$(eval $(call completion_rule,$(name),$(BUILD)/lib/lib$(name).a,$$(TOOL_LIBS))))

# FORCE: its content depends on where things will be installed.
$(BUILD)/packaging/%: packaging/systemd/%.in FORCE
	@mkdir -p $(@D); sed 's,@sbindir@,$(sbindir),; s,@bindir@,$(bindir),' $< >$@.new; $(keep_if_same)

# ---- test programs

$(MANAGER_TESTS:%.c=$(BUILD)/%): $(MANAGER_LIBRARY)
$(MANAGER_TESTS:%.c=$(BUILD)/%): EXTRA_LIBS = $(RUBY_LIBS) $(MICROHTTPD_LIBS) $(JANSSON_LIBS)
$(MANAGER_TESTS:test/fuzz/fuzz_%.c=$(BUILD)/test/fuzz/replay_%): $(MANAGER_LIBRARY)
$(MANAGER_TESTS:test/fuzz/fuzz_%.c=$(BUILD)/test/fuzz/replay_%): EXTRA_LIBS = $(RUBY_LIBS) $(MICROHTTPD_LIBS) $(JANSSON_LIBS)

# A group, so that the order of the archives does not matter.
link_test = mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -o $@ $(filter %.o,$^) \
	-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(ALL_LDFLAGS) $(EXTRA_LIBS)

$(UNIT_PROGRAMS): $(BUILD)/test/unit/%: $(BUILD)/object/test/unit/%.o $(BUILD)/lib/libunit.a $(CORE_LIBRARY)
	$(call say,LINK,$@)$(link_test) $(CMOCKA_LIBS) $(CORE_LIBS)

$(REPLAY_PROGRAMS): $(BUILD)/test/fuzz/replay_%: $(BUILD)/object/test/fuzz/fuzz_%.o \
		$(BUILD)/object/test/fuzz/replay_main.o $(CORE_LIBRARY)
	$(call say,LINK,$@)$(link_test) $(CORE_LIBS)

$(FUZZ_PROGRAMS): $(BUILD)/test/fuzz/%: $(BUILD)/object/test/fuzz/%.o $(CORE_LIBRARY)
	$(call say,LINK,$@)$(link_test) -fsanitize=fuzzer $(CORE_LIBS)

$(FIXTURE_PROGRAMS) $(BENCH_PROGRAMS) $(EXAMPLE_PROGRAMS): $(BUILD)/%: $(BUILD)/object/%.o $(CORE_LIBRARY)
	$(call say,LINK,$@)$(link_test) $(CORE_LIBS)

# Filters built on Sendmail's library; not built where it is not installed.
$(REAL_PROGRAMS): $(BUILD)/%: $(BUILD)/object/%.o
	$(call say,LINK,$@)$(link_test) -lmilter -lpthread

unit-programs: $(UNIT_PROGRAMS)
replay-programs: $(REPLAY_PROGRAMS)
fixture-programs: $(FIXTURE_PROGRAMS)
bench-programs: $(BENCH_PROGRAMS)
example-programs: $(EXAMPLE_PROGRAMS)
real-programs: $(if $(wildcard /usr/include/libmilter/mfapi.h),$(REAL_PROGRAMS))
test-programs: unit-programs replay-programs fixture-programs example-programs

fuzz:
	+@$(MAKE) --no-print-directory FUZZ=1 CC=clang fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)

# ---- checks

RUN_TESTS = MILTER_BUILD_DIR=$(abspath $(BUILD)) SANITIZE=$(SANITIZE) test/run

check: all test-programs
	@$(RUN_TESTS) integration cli unit fuzz
check-unit: unit-programs
	@$(RUN_TESTS) unit
check-fuzz: replay-programs
	@$(RUN_TESTS) fuzz
check-cli: all fixture-programs example-programs
	@$(RUN_TESTS) cli
check-integration: all fixture-programs
	@$(RUN_TESTS) integration
check-real: all fixture-programs real-programs
	@$(RUN_TESTS) real

check-package:
	@TEST_TIMEOUT=900 $(RUN_TESTS) $(CURDIR)/test/package/package.bats

demo: all example-programs
	@MILTER_BUILD_DIR=$(abspath $(BUILD)) scripts/demo

-include $(patsubst %.o,%.d,$(call objects,$(ALL_SOURCES)))

# ---- proof that the tests notice when a part of the configuration language does nothing

# A second build directory, whose manager ignores what the environment says (test/coverage).
MUTANT  := $(BUILD)/mutant
COVERAGE_SOURCES := $(sort $(wildcard test/coverage/*.c))

$(MUTANT)/paths.o: EXTRA_CPPFLAGS = $(filter-out -DMILTER_MANAGER_SOURCE_DIR%,$(MANAGER_CPPFLAGS)) \
	-DMILTER_MANAGER_SOURCE_DIR='"$(abspath $(MUTANT))/source"'
$(MUTANT)/paths.o: milter-manager/ruby/paths.c $(BUILD)/flags $(BUILD)/flags-manager
	@mkdir -p $(@D)
	$(call say,CC,$< (mutant))$(compile)
$(MUTANT)/bin/milter-manager: $(BUILD)/object/milter-manager/main.o $(MUTANT)/paths.o \
		$(call objects,$(COVERAGE_SOURCES)) $(MANAGER_LIBRARY) $(CORE_LIBRARY)
	$(call say,LINK,$@)$(link) -Wl,--wrap=item_assign $(ALL_LDFLAGS) $(MANAGER_LIBS)

mutant: all $(MUTANT)/bin/milter-manager
	@rm -rf $(MUTANT)/source; mkdir -p $(MUTANT)/source/milter-manager
	@cp -R milter-manager/lib milter-manager/conf $(MUTANT)/source/milter-manager/
	@cp test/coverage/ignore_word.rb $(MUTANT)/source/milter-manager/lib/
	@echo 'require "ignore_word"' >>$(MUTANT)/source/milter-manager/lib/milter/manager.rb
	@ln -sfn $(abspath $(BUILD))/lib $(abspath $(BUILD))/man $(abspath $(BUILD))/tools \
		$(abspath $(BUILD))/test $(abspath $(BUILD))/examples $(MUTANT)/
	@ln -sf $(addprefix $(abspath $(BUILD))/bin/,$(TOOLS)) $(MUTANT)/bin/

check-coverage: mutant fixture-programs
	@MILTER_BUILD_DIR=$(abspath $(BUILD)) test/coverage/prove

# ---- lint

lint lint-format lint-tidy lint-cppcheck lint-headers lint-shell lint-ruby lint-rules:
	@CC='$(CC)' scripts/lint $(patsubst lint-%,%,$(filter lint-%,$@))

# ---- installation

MAN_PAGES  := $(sort $(wildcard man/*.[158])) $(MAN_PAGES_MADE)
RUBY_FILES := $(if $(wildcard milter-manager/lib),$(shell cd milter-manager/lib && find . -name '*.rb' | LC_ALL=C sort | sed 's,^\./,,'))
CONF_FILES := $(if $(wildcard milter-manager/conf),$(shell cd milter-manager/conf && find . -type f ! -name '.*' | LC_ALL=C sort | sed 's,^\./,,'))
DOC_FILES  := LICENSE README.md CHANGELOG.md $(sort $(wildcard doc/*.md doc/*/*))

# TARGET:FILE, for each whose directory is not left out.
to = $(if $(1),$(foreach file,$(2),$(1)/$(or $(3),$(notdir $(file))):$(file)))
SYSTEM_FILES = $(call to,$(SYSTEMDUNITDIR),$(UNIT_FILES) \
		$(sort $(wildcard packaging/systemd/*.socket packaging/systemd/*.timer))) \
	$(call to,$(SYSUSERSDIR),packaging/systemd/sysusers.conf,milter-manager.conf) \
	$(call to,$(SYSUSERSDIR),packaging/systemd/sysusers-log-analyzer.conf,milter-manager-log-analyzer.conf) \
	$(call to,$(docdir)/examples,packaging/cron/milter-manager-log-analyzer,milter-manager-log-analyzer.cron) \
	$(call to,$(TMPFILESDIR),packaging/systemd/tmpfiles.conf,milter-manager.conf) \
	$(call to,$(LOGROTATEDIR),packaging/logrotate/milter-manager) \
	$(foreach name,$(MANAGER) $(TOOLS),\
		$(call to,$(BASHCOMPDIR),$(BUILD)/completion/$(name).bash,$(name)) \
		$(call to,$(ZSHCOMPDIR),$(BUILD)/completion/_$(name)) \
		$(call to,$(FISHCOMPDIR),$(BUILD)/completion/$(name).fish))

SYSTEM_PROGRAMS = $(call to,$(MUNINDIR),$(sort $(wildcard packaging/munin/*)))

# Configuration that is already there stays: it may have been edited.
install: all
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(sbindir) $(DESTDIR)$(docdir) \
		$(DESTDIR)$(pkgdatadir)/lib $(DESTDIR)$(pkgsysconfdir)
	@set -e; for name in $(TOOLS); do \
		$(INSTALL_PROGRAM) $(BUILD)/bin/$$name $(DESTDIR)$(bindir)/$$name; done
	@set -e; for name in $(MANAGER); do \
		$(INSTALL_PROGRAM) $(BUILD)/bin/$$name $(DESTDIR)$(sbindir)/$$name; done
	@set -e; for file in $(RUBY_FILES); do \
		$(INSTALL) -d $(DESTDIR)$(pkgdatadir)/lib/$$(dirname $$file); \
		$(INSTALL_DATA) milter-manager/lib/$$file $(DESTDIR)$(pkgdatadir)/lib/$$file; done
	@set -e; for file in $(CONF_FILES); do \
		target=$(DESTDIR)$(pkgsysconfdir)/$$file; \
		$(INSTALL) -d $$(dirname $$target); \
		if [ -e $$target ]; then echo "kept: $$target"; \
		else $(INSTALL_DATA) milter-manager/conf/$$file $$target; fi; done
	@set -e; for page in $(MAN_PAGES); do \
		directory=$(DESTDIR)$(mandir)/man$${page##*.}; $(INSTALL) -d $$directory; \
		$(INSTALL_DATA) $$page $$directory/; done
	@set -e; for file in $(DOC_FILES); do \
		$(INSTALL) -d $(DESTDIR)$(docdir)/$$(dirname $$file); \
		$(INSTALL_DATA) $$file $(DESTDIR)$(docdir)/$$file; done
	@set -e; for pair in $(SYSTEM_FILES); do \
		target=$(DESTDIR)$${pair%%:*}; $(INSTALL) -d $$(dirname $$target); \
		$(INSTALL_DATA) $${pair#*:} $$target; done
	@set -e; for pair in $(SYSTEM_PROGRAMS); do \
		target=$(DESTDIR)$${pair%%:*}; $(INSTALL) -d $$(dirname $$target); \
		$(INSTALL_PROGRAM) $${pair#*:} $$target; done

# Configuration files go only when they are as they were shipped.
uninstall:
	rm -f $(TOOL_NAMES:%=$(DESTDIR)$(bindir)/%) $(DESTDIR)$(sbindir)/milter-manager
	rm -f $(foreach page,$(MAN_PAGES),$(DESTDIR)$(mandir)/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))
	rm -f $(foreach pair,$(SYSTEM_FILES) $(SYSTEM_PROGRAMS),$(DESTDIR)$(firstword $(subst :, ,$(pair))))
	rm -f $(DOC_FILES:%=$(DESTDIR)$(docdir)/%) $(RUBY_FILES:%=$(DESTDIR)$(pkgdatadir)/lib/%)
	@for file in $(CONF_FILES); do \
		target=$(DESTDIR)$(pkgsysconfdir)/$$file; \
		if cmp -s milter-manager/conf/$$file $$target; then rm -f $$target; \
		elif [ -e $$target ]; then echo "kept, because it was changed: $$target"; fi; done
	@for directory in $(docdir) $(pkgdatadir) $(pkgsysconfdir); do \
		if [ -d $(DESTDIR)$$directory ]; then \
			find $(DESTDIR)$$directory -depth -type d -exec rmdir {} + 2>/dev/null || :; fi; done

clean:
	rm -rf $(BUILD)

dist:
	git archive --format=tar.gz --prefix=milter-manager-$(VERSION)/ -o milter-manager-$(VERSION).tar.gz HEAD

# dpkg writes what it builds beside the sources: a copy keeps them clean, and variables of this
# make, BUILD above all, are not for the one in there.
DEB := $(BUILD)/deb
deb:
	@rm -rf '$(DEB)'; mkdir -p $(DEB)/milter-manager
	tar cf - --exclude=./.git --exclude='./build' --exclude='./build-*' . | tar xf - -C $(DEB)/milter-manager
	cd $(DEB)/milter-manager && env -u MAKEFLAGS -u MFLAGS -u MAKEOVERRIDES -u MAKELEVEL -u BUILD \
		dpkg-buildpackage -us -uc -b
	@rm -rf $(DEB)/milter-manager; ls $(DEB)/*.deb
