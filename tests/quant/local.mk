# Unit tests of quant/. One cmocka group per program.

if HAVE_CMOCKA
QUANT_TESTS =
check_PROGRAMS += $(QUANT_TESTS)
TESTS += $(QUANT_TESTS)
endif
