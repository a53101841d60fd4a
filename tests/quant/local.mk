# Unit tests of quant/. One cmocka group per program.

if HAVE_CMOCKA
QUANT_TESTS = \
	tests/quant/test_fit \
	tests/quant/test_format \
	tests/quant/test_nearest
check_PROGRAMS += $(QUANT_TESTS)
TESTS += $(QUANT_TESTS)

QUANT_TEST_LIBS = $(QUANT_LIBS) $(CMOCKA_LIBS)
NPY_VECTORS = tests/support/npy_vectors.c tests/support/npy_vectors.h
tests_quant_test_fit_SOURCES = tests/quant/test_fit.c
tests_quant_test_fit_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_format_SOURCES = tests/quant/test_format.c $(NPY_VECTORS)
tests_quant_test_format_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_nearest_SOURCES = tests/quant/test_nearest.c
tests_quant_test_nearest_LDADD = $(QUANT_TEST_LIBS)
endif
