# Unit tests of figure/. One cmocka group per program.

if HAVE_CMOCKA
FIGURE_TESTS = \
	tests/figure/test_draw \
	tests/figure/test_no_font \
	tests/figure/test_png \
	tests/figure/test_vector \
	tests/figure/test_words
check_PROGRAMS += $(FIGURE_TESTS)
TESTS += $(FIGURE_TESTS)

check_LIBRARIES += libfiguretest.a
libfiguretest_a_SOURCES = tests/figure/picture.c tests/figure/picture.h
libfiguretest_a_CPPFLAGS = $(AM_CPPFLAGS) $(PNG_CFLAGS) $(CMOCKA_CFLAGS)
FIGURE_TEST_LIBS = libfiguretest.a $(FIGURE_LIBS) $(CMOCKA_LIBS)

tests_figure_test_draw_SOURCES = tests/figure/test_draw.c
tests_figure_test_draw_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_figure_test_draw_LDADD = $(FIGURE_TEST_LIBS)
tests_figure_test_no_font_SOURCES = tests/figure/test_no_font.c
tests_figure_test_no_font_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_figure_test_no_font_LDADD = $(FIGURE_TEST_LIBS)
tests_figure_test_png_SOURCES = tests/figure/test_png.c
tests_figure_test_png_CPPFLAGS = $(AM_CPPFLAGS) $(PNG_CFLAGS) $(CMOCKA_CFLAGS)
tests_figure_test_png_LDADD = $(FIGURE_TEST_LIBS)
tests_figure_test_vector_SOURCES = tests/figure/test_vector.c
tests_figure_test_vector_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_figure_test_vector_LDADD = $(FIGURE_TEST_LIBS)
tests_figure_test_words_SOURCES = tests/figure/test_words.c
tests_figure_test_words_CPPFLAGS = $(AM_CPPFLAGS) $(CAIRO_CFLAGS) $(CMOCKA_CFLAGS)
tests_figure_test_words_LDADD = $(FIGURE_TEST_LIBS)
endif
