# Unit tests of figure/. One cmocka group per program.

if HAVE_CMOCKA
FIGURE_TESTS =
check_PROGRAMS += $(FIGURE_TESTS)
TESTS += $(FIGURE_TESTS)
endif
