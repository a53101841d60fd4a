# analysis/: what was lost. May use data/ and quant/.

noinst_LIBRARIES += libanalysis.a
libanalysis_a_SOURCES = \
	analysis/board.c analysis/board.h \
	analysis/board_export.c \
	analysis/board_judge.c \
	analysis/board_theory.c \
	analysis/board_words.c \
	analysis/cache.c analysis/cache.h \
	analysis/catalog.c analysis/catalog.h \
	analysis/check_table.c \
	analysis/checks.c analysis/checks.h \
	analysis/diff.h \
	analysis/diff_export.c \
	analysis/diff_table.c analysis/diff_table.h \
	analysis/distribution.c \
	analysis/exp_awq.c \
	analysis/exp_floats.c \
	analysis/exp_gptq.c \
	analysis/exp_grid.c \
	analysis/exp_layer.c analysis/exp_layer.h \
	analysis/exp_outliers.c \
	analysis/exp_range.c \
	analysis/exp_scale.c analysis/exp_joint.c analysis/exp_divergence.c \
	analysis/exp_zero.c \
	analysis/experiment.c analysis/experiment.h analysis/experiments.h \
	analysis/experiment_json.c \
	analysis/experiment_measures.c \
	analysis/filter.c analysis/filter.h \
	analysis/gather.c analysis/gather.h \
	analysis/glimpse.c analysis/glimpse.h \
	analysis/names.c analysis/names.h \
	analysis/layer_bench.c analysis/layer_bench.h \
	analysis/layer_export.c \
	analysis/layer_lab.c analysis/layer_lab.h \
	analysis/layer_problem.c \
	analysis/layer_verdict.c \
	analysis/purpose.c analysis/purpose.h \
	analysis/stats.c analysis/stats.h \
	analysis/drift.c analysis/drift.h \
	analysis/engine.c analysis/engine.h \
	analysis/estimate.c \
	analysis/export.c analysis/export.h \
	analysis/fig_board.c \
	analysis/fig_bars.c analysis/fig_bars.h \
	analysis/fig_channels.c \
	analysis/fig_compare.c \
	analysis/fig_error.c \
	analysis/fig_format.c \
	analysis/format_numbers.c analysis/format_numbers.h \
	analysis/colormap.c analysis/colormap.h \
	analysis/fig_heat.c \
	analysis/fig_histogram.c \
	analysis/fig_papr.c analysis/fig_pins.c \
	analysis/fig_sweep.c analysis/fig_sweep.h \
	analysis/fig_tensors.c \
	analysis/figure.c analysis/figure.h \
	analysis/figure_build.c \
	analysis/figure_csv.c analysis/figure_stamp.c analysis/figure_words.c \
	analysis/fig_layer.c analysis/fig_layer.h \
	analysis/fig_inspector.c \
	analysis/inspect.c analysis/inspect.h \
	analysis/readout.c analysis/readout.h \
	analysis/recipe.c analysis/recipe.h \
	analysis/shell_words.c analysis/shell_words.h \
	analysis/reconstruction.c analysis/reconstruction.h \
	analysis/report.c analysis/report.h \
	analysis/report_csv.c analysis/report_json.c analysis/report_text.c \
	analysis/report_styles.h \
	analysis/restore.c \
	analysis/result.c analysis/result.h \
	analysis/result_copy.c \
	analysis/sampling.c \
	analysis/spec_edit.c analysis/spec_edit.h \
	analysis/sweep.c analysis/sweep.h \
	analysis/sweep_data.c analysis/sweep_export.c \
	analysis/sweep_kinds.c analysis/sweep_kinds.h \
	analysis/sweep_lines.c \
	analysis/sweep_words.c \
	analysis/theory.c analysis/theory.h \
	analysis/theory_fit.c analysis/theory_fit.h \
	analysis/theory_lloyd.c \
	analysis/match.c analysis/match.h \
	analysis/ticks.c \
	analysis/cause.c \
	analysis/evidence.c analysis/evidence.h \
	analysis/verdict.c analysis/verdict.h \
	analysis/view.c analysis/view.h analysis/views.h \
	analysis/what_if.c analysis/what_if.h
libanalysis_a_CPPFLAGS = $(AM_CPPFLAGS) $(GSL_CFLAGS) $(JANSSON_CFLAGS)

# What runs over every element: optimised like the kernels.
noinst_LIBRARIES += libmeasure.a
libmeasure_a_SOURCES = \
	analysis/arrange.c analysis/arrange.h \
	analysis/binning.c \
	analysis/channel_sums.c analysis/channel_sums.h \
	analysis/channels.c \
	analysis/spread.c analysis/spread.h \
	analysis/codes.c analysis/codes.h \
	analysis/counted.c analysis/counted.h \
	analysis/heat.c analysis/heat.h \
	analysis/details.c \
	analysis/diff.c \
	analysis/facts.c analysis/facts.h \
	analysis/grid.c analysis/grid.h \
	analysis/histogram.c analysis/histogram.h \
	analysis/layer_measure.c analysis/layer_measure.h \
	analysis/magnitudes.c analysis/magnitudes.h \
	analysis/measure.c analysis/measure.h \
	analysis/metrics.c analysis/metrics.h \
	analysis/pass.c analysis/pass.h
libmeasure_a_CFLAGS = $(AM_CFLAGS) $(QS_KERNEL_CFLAGS)

ANALYSIS_LIBS = libanalysis.a libmeasure.a $(DATA_LIBS)
