# Screen tests: the explorer in a pseudo-terminal, read back through libvterm.

if HAVE_CMOCKA
if HAVE_VTERM
SCREEN_TESTS =
check_PROGRAMS += $(SCREEN_TESTS)
TESTS += $(SCREEN_TESTS)
endif
endif
