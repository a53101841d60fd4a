# Unit tests of analysis/. One cmocka group per program.

if HAVE_CMOCKA
ANALYSIS_TESTS =
check_PROGRAMS += $(ANALYSIS_TESTS)
TESTS += $(ANALYSIS_TESTS)
endif
