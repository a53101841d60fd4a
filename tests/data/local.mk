# Unit tests of data/. One cmocka group per program.

if HAVE_CMOCKA
DATA_TESTS = \
	tests/data/test_npy \
	tests/data/test_stored
check_PROGRAMS += $(DATA_TESTS)
TESTS += $(DATA_TESTS)

check_LIBRARIES += libdatatest.a
libdatatest_a_SOURCES = tests/data/files.c tests/data/files.h
libdatatest_a_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
DATA_TEST_LIBS = libdatatest.a $(DATA_LIBS) $(CMOCKA_LIBS)

tests_data_test_npy_SOURCES = tests/data/test_npy.c
tests_data_test_npy_LDADD = $(DATA_TEST_LIBS)
tests_data_test_stored_SOURCES = tests/data/test_stored.c
tests_data_test_stored_LDADD = $(DATA_TEST_LIBS)
endif
