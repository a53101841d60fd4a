# tests/: mirrors the four floors. Every test program or script prints TAP, one plan each.

LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = $(SHELL)
LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/support/cmocka.sh

# QSCOPE_SHARED may name the folder with the reference vectors and sample files; tests that
# need it skip without it. Under the sanitizers, an allocation that cannot be is NULL, as everywhere.
AM_TESTS_ENVIRONMENT = \
	CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; \
	QSCOPE_TEST_DATA='$(abs_top_srcdir)/tests/data'; export QSCOPE_TEST_DATA; \
	QSCOPE_PROGRAM='$(abs_top_builddir)/qscope$(EXEEXT)'; export QSCOPE_PROGRAM; \
	QSCOPE_BUILDDIR='$(abs_top_builddir)'; export QSCOPE_BUILDDIR; \
	QSCOPE_SRCDIR='$(abs_top_srcdir)'; export QSCOPE_SRCDIR; \
	QSCOPE_COMPILE='$(COMPILE) -I$(abs_top_srcdir) $(HDF5_CFLAGS)'; export QSCOPE_COMPILE; \
	: "$${LSAN_OPTIONS=suppressions=$(abs_top_srcdir)/tests/support/lsan.supp:print_suppressions=0}"; \
	: "$${ASAN_OPTIONS=allocator_may_return_null=1}"; export LSAN_OPTIONS ASAN_OPTIONS; \
	: "$${QSCOPE_SHARED=$(abs_top_srcdir)/../shared}"; export QSCOPE_SHARED; \
	LC_ALL=C.UTF-8; export LC_ALL; TZ=UTC; export TZ;

EXTRA_DIST += tests/support/cmocka.sh tests/support/lsan.supp tests/support/tap.sh

HOUSE_TESTS = tests/floors.sh tests/headers.sh
TESTS += $(HOUSE_TESTS)
EXTRA_DIST += $(HOUSE_TESTS)

include tests/quant/local.mk
include tests/data/local.mk
include tests/analysis/local.mk
include tests/figure/local.mk
include tests/cli/local.mk
include tests/faults/local.mk
include tests/screen/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk
