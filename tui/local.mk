# tui/: what people meet: the command line, the explorer, the figure renderers.

noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = tui/base/session_file.c tui/base/session_file.h \
	tui/base/settings.c tui/base/settings.h tui/base/xdg.c tui/base/xdg.h

noinst_LIBRARIES += libfigure.a
libfigure_a_SOURCES = \
	tui/figure/cairo.c \
	tui/figure/canvas.c tui/figure/canvas.h \
	tui/figure/draw.h \
	tui/figure/file.c tui/figure/file.h \
	tui/figure/labels.c \
	tui/figure/list.c \
	tui/figure/libraries.c tui/figure/libraries.h \
	tui/figure/marks.c \
	tui/figure/octant.c tui/figure/octant.h \
	tui/figure/panel.c \
	tui/figure/pdf.c \
	tui/figure/plot.h \
	tui/figure/png.c \
	tui/figure/scale.c \
	tui/figure/size.c \
	tui/figure/snapshot.c tui/figure/snapshot.h \
	tui/figure/svg.c \
	tui/figure/vector.c
libfigure_a_CPPFLAGS = $(AM_CPPFLAGS) $(CAIRO_CFLAGS) $(PNG_CFLAGS)
FIGURE_LIBS = libfigure.a $(ANALYSIS_LIBS) $(CAIRO_LIBS) $(PNG_LIBS)

noinst_LIBRARIES += libscreen.a
libscreen_a_SOURCES = \
	tui/screen/actions.c tui/screen/actions.h \
	tui/screen/app.c tui/screen/app.h \
	tui/screen/sweep_view.c tui/screen/sweep_view.h \
	tui/screen/board_view.c tui/screen/board_view.h \
	tui/screen/compare_view.c tui/screen/compare_view.h \
	tui/screen/browser.c tui/screen/browser.h \
	tui/screen/cells.c tui/screen/cells.h \
	tui/screen/channels_view.c tui/screen/channels_view.h \
	tui/screen/linear.c tui/screen/linear.h \
	tui/screen/themes.c \
	tui/screen/opening.c tui/screen/opening.h \
	tui/screen/overlay.c tui/screen/overlay.h \
	tui/screen/cursor.c tui/screen/cursor.h \
	tui/screen/pins.c tui/screen/pins.h \
	tui/screen/format_view.c tui/screen/format_view.h \
	tui/screen/pins_view.c tui/screen/pins_view.h \
	tui/screen/paint.h \
	tui/screen/screen_view.c tui/screen/screen_view.h \
	tui/screen/checks_view.c tui/screen/checks_view.h \
	tui/screen/colors.c tui/screen/colors.h \
	tui/screen/commands.c tui/screen/commands.h tui/screen/commands.def \
	tui/screen/experiments_page.c tui/screen/experiments_page.h \
	tui/screen/explorer.h \
	tui/screen/export_form.c tui/screen/export_form.h \
	tui/screen/glyphs.c tui/screen/glyphs.h tui/screen/glyphs.def \
	tui/screen/grid_watch.c tui/screen/grid_watch.h \
	tui/screen/heat_view.c tui/screen/heat_view.h \
	tui/screen/help.c tui/screen/help.h \
	tui/screen/inspector.c tui/screen/inspector.h \
	tui/screen/keys.c tui/screen/keys.h \
	tui/screen/knobs.c tui/screen/knobs.h \
	tui/screen/layer_paint.c tui/screen/layer_view.c tui/screen/layer_view.h \
	tui/screen/layout.c tui/screen/layout.h \
	tui/screen/libraries.c tui/screen/libraries.h \
	tui/screen/metadata_page.c tui/screen/metadata_page.h \
	tui/screen/metrics_panel.c tui/screen/metrics_panel.h \
	tui/screen/palette.c tui/screen/palette.h \
	tui/screen/mouse.c tui/screen/mouse.h \
	tui/screen/x_window.c tui/screen/x_window.h \
	tui/screen/paint.c \
	tui/screen/plot.c tui/screen/plot.h tui/screen/plot_marks.c tui/screen/plot_parts.h \
	tui/screen/plot_strip.c tui/screen/heat_cells.c tui/screen/heat_cells.h \
	tui/screen/prompt.c tui/screen/prompt.h \
	tui/screen/reading.c tui/screen/reading.h \
	tui/screen/run_line.c tui/screen/run_line.h \
	tui/screen/save_screen.c tui/screen/save_screen.h \
	tui/screen/script.c tui/screen/script.h \
	tui/screen/session.c tui/screen/session.h \
	tui/screen/journal.c tui/screen/journal.h \
	tui/screen/stamping.c tui/screen/stamping.h \
	tui/screen/suggest.c tui/screen/suggest.h \
	tui/screen/text_commands.c tui/screen/text_commands.h \
	tui/screen/rows.c tui/screen/rows.h \
	tui/screen/signals.c tui/screen/signals.h \
	tui/screen/history.c tui/screen/history.h tui/screen/undo.c tui/screen/undo.h tui/screen/transform_knob.c tui/screen/transform_knob.h tui/screen/part.c tui/screen/part.h tui/screen/view_parts.h tui/screen/state.c tui/screen/state.h \
	tui/screen/terminal.c tui/screen/terminal.h \
	tui/screen/trace.c tui/screen/trace.h \
	tui/screen/welcome.c tui/screen/welcome.h \
	tui/screen/what_if_view.c tui/screen/what_if_view.h
libscreen_a_CPPFLAGS = $(AM_CPPFLAGS) $(NCURSES_CFLAGS)

noinst_LIBRARIES += libcli.a
libcli_a_SOURCES = \
	tui/cli/board.c \
	tui/cli/calibrators.c \
	tui/cli/layer.c \
	tui/cli/layer_options.c tui/cli/layer_options.h \
	tui/cli/option_values.c tui/cli/option_values.h \
	tui/cli/layer_run.c tui/cli/layer_run.h \
	tui/cli/layer_save.c tui/cli/layer_save.h \
	tui/cli/layer_text.c \
	tui/cli/methods.c \
	tui/cli/commands.h \
	tui/cli/diff.c \
	tui/cli/experiment.c \
	tui/cli/explore.c \
	tui/cli/figure_out.c tui/cli/figure_out.h \
	tui/cli/formats.c \
	tui/cli/inspect.c \
	tui/cli/list.c \
	tui/cli/meter.c tui/cli/meter.h \
	tui/cli/options.c tui/cli/options.h \
	tui/cli/plot.c \
	tui/cli/plot_cells.c \
	tui/cli/plot_pair.c \
	tui/cli/plot_tensors.c \
	tui/cli/presets.c \
	tui/cli/replay.c \
	tui/cli/report.c \
	tui/cli/picks.c tui/cli/picks.h \
	tui/cli/save.c tui/cli/save.h \
	tui/cli/sweep.c \
	tui/cli/table.c tui/cli/table.h \
	tui/cli/theory.c \
	tui/cli/user_settings.c tui/cli/user_settings.h \
	tui/cli/work.c tui/cli/work.h
libcli_a_CPPFLAGS = $(qscope_CPPFLAGS)

bin_PROGRAMS += qscope
qscope_SOURCES = tui/cli/main.c
qscope_CPPFLAGS = $(AM_CPPFLAGS) $(GSL_CFLAGS) $(JANSSON_CFLAGS) $(ZIP_CFLAGS)
qscope_LDADD = libcli.a libscreen.a libbase.a $(FIGURE_LIBS) $(NCURSES_LIBS)

dist_man_MANS += tui/qscope.1
EXTRA_DIST += tui/figure/example.png

# The picture of the explorer in the README, and the same as text, which a test compares.
SCREENSHOT = tui/screen/explorer.qs tui/screen/explorer.txt tui/screen/explorer.png
EXTRA_DIST += $(SCREENSHOT)
.PHONY: screenshots
screenshots: qscope$(EXEEXT)
	cd $(srcdir)/tui/screen && LC_ALL=C.UTF-8 $(abs_top_builddir)/qscope$(EXEEXT) \
	  --script explorer.qs --screen 100x30 --theme dark
