# Screen tests: the explorer in a pseudo-terminal, read back through libvterm.

if HAVE_CMOCKA
SCREEN_UNIT_TESTS = tests/screen/test_themes tests/screen/test_parts tests/screen/test_knobs tests/screen/test_plot \
	tests/screen/test_signals
check_PROGRAMS += $(SCREEN_UNIT_TESTS)
TESTS += $(SCREEN_UNIT_TESTS)

screen_unit_libs = libscreen.a libbase.a $(FIGURE_LIBS) $(NCURSES_LIBS) $(CMOCKA_LIBS)
tests_screen_test_knobs_SOURCES = tests/screen/test_knobs.c
tests_screen_test_knobs_LDADD = $(screen_unit_libs)
tests_screen_test_parts_SOURCES = tests/screen/test_parts.c
tests_screen_test_parts_LDADD = $(screen_unit_libs)
tests_screen_test_themes_SOURCES = tests/screen/test_themes.c
tests_screen_test_themes_LDADD = $(screen_unit_libs)
tests_screen_test_signals_SOURCES = tests/screen/test_signals.c
tests_screen_test_signals_LDADD = $(screen_unit_libs)
tests_screen_test_plot_SOURCES = tests/screen/test_plot.c
tests_screen_test_plot_LDADD = $(screen_unit_libs)

if HAVE_VTERM
SCREEN_TESTS = \
	tests/screen/test_board_view \
	tests/screen/test_compare_view \
	tests/screen/test_cursor \
	tests/screen/test_explorer \
	tests/screen/test_files \
	tests/screen/test_gallery \
	tests/screen/test_harness \
	tests/screen/test_hostile \
	tests/screen/test_inspector_view \
	tests/screen/test_layer_view \
	tests/screen/test_live \
	tests/screen/test_mouse \
	tests/screen/test_pages \
	tests/screen/test_palette \
	tests/screen/test_pins_view \
	tests/screen/test_reading \
	tests/screen/test_sessions \
	tests/screen/test_storm \
	tests/screen/test_sweep_view \
	tests/screen/test_terminals \
	tests/screen/test_what_if_view tests/screen/test_heat_view tests/screen/test_places
check_PROGRAMS += $(SCREEN_TESTS)
TESTS += $(SCREEN_TESTS)

check_LIBRARIES += libharness.a
libharness_a_SOURCES = tests/screen/harness.c tests/screen/harness.h
libharness_a_CPPFLAGS = $(AM_CPPFLAGS) $(VTERM_CFLAGS)

tests_screen_test_harness_SOURCES = tests/screen/test_harness.c
tests_screen_test_harness_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)

screen_fixture = tests/screen/fixture.c tests/screen/fixture.h
tests_screen_test_explorer_SOURCES = tests/screen/test_explorer.c $(screen_fixture)
tests_screen_test_explorer_LDADD = libharness.a $(screen_unit_libs) $(VTERM_LIBS)
tests_screen_test_board_view_SOURCES = tests/screen/test_board_view.c $(screen_fixture)
tests_screen_test_board_view_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_layer_view_SOURCES = tests/screen/test_layer_view.c $(screen_fixture)
tests_screen_test_layer_view_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_sweep_view_SOURCES = tests/screen/test_sweep_view.c $(screen_fixture)
tests_screen_test_sweep_view_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_compare_view_SOURCES = tests/screen/test_compare_view.c $(screen_fixture)
tests_screen_test_compare_view_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_gallery_SOURCES = tests/screen/test_gallery.c $(screen_fixture)
tests_screen_test_gallery_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_files_SOURCES = tests/screen/test_files.c $(screen_fixture)
tests_screen_test_files_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_what_if_view_SOURCES = tests/screen/test_what_if_view.c $(screen_fixture)
tests_screen_test_what_if_view_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_cursor_SOURCES = tests/screen/test_cursor.c $(screen_fixture)
tests_screen_test_cursor_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_pins_view_SOURCES = tests/screen/test_pins_view.c $(screen_fixture)
tests_screen_test_pins_view_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_reading_SOURCES = tests/screen/test_reading.c $(screen_fixture)
tests_screen_test_reading_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_places_SOURCES = tests/screen/test_places.c $(screen_fixture)
tests_screen_test_places_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_heat_view_SOURCES = tests/screen/test_heat_view.c $(screen_fixture)
tests_screen_test_heat_view_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_hostile_SOURCES = tests/screen/test_hostile.c $(screen_fixture)
tests_screen_test_hostile_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_live_SOURCES = tests/screen/test_live.c $(screen_fixture)
tests_screen_test_live_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_mouse_SOURCES = tests/screen/test_mouse.c $(screen_fixture)
tests_screen_test_mouse_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_palette_SOURCES = tests/screen/test_palette.c $(screen_fixture)
tests_screen_test_palette_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_pages_SOURCES = tests/screen/test_pages.c $(screen_fixture)
tests_screen_test_pages_LDADD = libharness.a $(screen_unit_libs) $(VTERM_LIBS)
tests_screen_test_inspector_view_SOURCES = tests/screen/test_inspector_view.c $(screen_fixture)
tests_screen_test_inspector_view_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_sessions_SOURCES = tests/screen/test_sessions.c $(screen_fixture)
tests_screen_test_sessions_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_storm_SOURCES = tests/screen/test_storm.c $(screen_fixture)
tests_screen_test_storm_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
tests_screen_test_terminals_SOURCES = tests/screen/test_terminals.c $(screen_fixture)
tests_screen_test_terminals_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
endif
endif

# Every view as text.
TESTS += tests/screen/goldens.sh
EXTRA_DIST += tests/screen/goldens.sh \
	tests/screen/golden/132x43-ascii.txt tests/screen/golden/132x43-auto.txt \
	tests/screen/golden/40x12-ascii.txt tests/screen/golden/40x12-auto.txt \
	tests/screen/golden/80x24-ascii.txt tests/screen/golden/80x24-auto.txt \
	tests/screen/golden/80x24-never.ansi tests/screen/golden/80x24-256.ansi \
	tests/screen/golden/colours.txt
.PHONY: goldens
goldens: qscope$(EXEEXT)
	GOLDENS_TO=$(abs_srcdir)/tests/screen/golden QSCOPE_SRCDIR=$(abs_srcdir) \
	  QSCOPE_PROGRAM=$(abs_builddir)/qscope$(EXEEXT) QSCOPE_BUILDDIR=$(abs_builddir) \
	  $(SHELL) $(srcdir)/tests/screen/goldens.sh
