# Unit tests of data/. One cmocka group per program.

if HAVE_CMOCKA
DATA_TESTS =
check_PROGRAMS += $(DATA_TESTS)
TESTS += $(DATA_TESTS)
endif
