# Unit tests of analysis/. One cmocka group per program.

if HAVE_CMOCKA
ANALYSIS_TESTS = \
	tests/analysis/test_board \
	tests/analysis/test_cache \
	tests/analysis/test_catalog \
	tests/analysis/test_channels \
	tests/analysis/test_checks \
	tests/analysis/test_counted \
	tests/analysis/test_diff \
	tests/analysis/test_drift \
	tests/analysis/test_engine \
	tests/analysis/test_experiment \
	tests/analysis/test_estimate \
	tests/analysis/test_sampling \
	tests/analysis/test_facts \
	tests/analysis/test_figure \
	tests/analysis/test_golden \
	tests/analysis/test_grid \
	tests/analysis/test_fig_tensors \
	tests/analysis/test_format_numbers \
	tests/analysis/test_heat \
	tests/analysis/test_histogram \
	tests/analysis/test_inspect \
	tests/analysis/test_layer_lab \
	tests/analysis/test_layer_measure \
	tests/analysis/test_match \
	tests/analysis/test_metrics \
	tests/analysis/test_on_demand \
	tests/analysis/test_pins \
	tests/analysis/test_readout \
	tests/analysis/test_recipe \
	tests/analysis/test_report \
	tests/analysis/test_result \
	tests/analysis/test_sweep \
	tests/analysis/test_theory \
	tests/analysis/test_theory_fit \
	tests/analysis/test_threads \
	tests/analysis/test_ticks \
	tests/analysis/test_verdict \
	tests/analysis/test_view \
	tests/analysis/test_what_if
check_PROGRAMS += $(ANALYSIS_TESTS)
TESTS += $(ANALYSIS_TESTS)

ANALYSIS_TEST_LIBS = $(ANALYSIS_LIBS) $(CMOCKA_LIBS)
TEST_TENSORS = tests/analysis/tensors.c tests/analysis/tensors.h \
	tests/support/portable.c tests/support/portable.h
TEST_REFERENCE = tests/analysis/reference.c tests/analysis/reference.h
tests_analysis_test_board_SOURCES = tests/analysis/test_board.c $(TEST_TENSORS) \
	tests/support/npy_vectors.c tests/support/npy_vectors.h
tests_analysis_test_board_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_analysis_test_board_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_cache_SOURCES = tests/analysis/test_cache.c $(TEST_TENSORS)
tests_analysis_test_cache_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_catalog_SOURCES = tests/analysis/test_catalog.c
tests_analysis_test_catalog_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_channels_SOURCES = tests/analysis/test_channels.c $(TEST_TENSORS) \
	$(TEST_REFERENCE)
tests_analysis_test_channels_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_checks_SOURCES = tests/analysis/test_checks.c $(TEST_TENSORS)
tests_analysis_test_checks_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_counted_SOURCES = tests/analysis/test_counted.c $(TEST_TENSORS) \
	$(TEST_REFERENCE)
tests_analysis_test_counted_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_diff_SOURCES = tests/analysis/test_diff.c $(TEST_TENSORS) $(TEST_REFERENCE)
tests_analysis_test_diff_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_grid_SOURCES = tests/analysis/test_grid.c $(TEST_TENSORS)
tests_analysis_test_grid_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_layer_lab_SOURCES = tests/analysis/test_layer_lab.c $(TEST_TENSORS)
tests_analysis_test_layer_lab_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_layer_measure_SOURCES = tests/analysis/test_layer_measure.c
tests_analysis_test_layer_measure_CPPFLAGS = $(AM_CPPFLAGS) $(GSL_CFLAGS)
tests_analysis_test_layer_measure_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_match_SOURCES = tests/analysis/test_match.c $(TEST_TENSORS)
tests_analysis_test_match_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_drift_SOURCES = tests/analysis/test_drift.c $(TEST_TENSORS)
tests_analysis_test_drift_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_experiment_SOURCES = tests/analysis/test_experiment.c
tests_analysis_test_experiment_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_engine_SOURCES = tests/analysis/test_engine.c $(TEST_TENSORS)
tests_analysis_test_engine_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_estimate_SOURCES = tests/analysis/test_estimate.c $(TEST_TENSORS)
tests_analysis_test_estimate_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_sampling_SOURCES = tests/analysis/test_sampling.c $(TEST_TENSORS)
tests_analysis_test_sampling_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_facts_SOURCES = tests/analysis/test_facts.c $(TEST_TENSORS)
tests_analysis_test_facts_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_golden_SOURCES = tests/analysis/test_golden.c $(TEST_TENSORS) \
	$(TEST_REFERENCE)
tests_analysis_test_golden_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_fig_tensors_SOURCES = tests/analysis/test_fig_tensors.c
tests_analysis_test_fig_tensors_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_format_numbers_SOURCES = tests/analysis/test_format_numbers.c $(TEST_TENSORS)
tests_analysis_test_format_numbers_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_heat_SOURCES = tests/analysis/test_heat.c $(TEST_TENSORS)
tests_analysis_test_heat_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_histogram_SOURCES = tests/analysis/test_histogram.c $(TEST_TENSORS)
tests_analysis_test_histogram_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_inspect_SOURCES = tests/analysis/test_inspect.c $(TEST_TENSORS) \
	$(TEST_REFERENCE)
tests_analysis_test_inspect_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_metrics_SOURCES = tests/analysis/test_metrics.c
tests_analysis_test_metrics_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_on_demand_SOURCES = tests/analysis/test_on_demand.c $(TEST_TENSORS)
tests_analysis_test_on_demand_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_report_SOURCES = tests/analysis/test_report.c $(TEST_TENSORS)
tests_analysis_test_report_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_analysis_test_report_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_result_SOURCES = tests/analysis/test_result.c $(TEST_TENSORS) \
	$(TEST_REFERENCE)
tests_analysis_test_result_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_verdict_SOURCES = tests/analysis/test_verdict.c $(TEST_TENSORS)
tests_analysis_test_verdict_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_pins_SOURCES = tests/analysis/test_pins.c $(TEST_TENSORS)
tests_analysis_test_pins_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_readout_SOURCES = tests/analysis/test_readout.c $(TEST_TENSORS)
tests_analysis_test_readout_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_recipe_SOURCES = tests/analysis/test_recipe.c
tests_analysis_test_recipe_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_sweep_SOURCES = tests/analysis/test_sweep.c $(TEST_TENSORS)
tests_analysis_test_sweep_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_theory_SOURCES = tests/analysis/test_theory.c
tests_analysis_test_theory_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_analysis_test_theory_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_theory_fit_SOURCES = tests/analysis/test_theory_fit.c $(TEST_TENSORS)
tests_analysis_test_theory_fit_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_threads_SOURCES = tests/analysis/test_threads.c $(TEST_TENSORS)
tests_analysis_test_threads_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_ticks_SOURCES = tests/analysis/test_ticks.c
tests_analysis_test_ticks_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_what_if_SOURCES = tests/analysis/test_what_if.c $(TEST_TENSORS)
tests_analysis_test_what_if_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_view_SOURCES = tests/analysis/test_view.c
tests_analysis_test_view_LDADD = $(ANALYSIS_TEST_LIBS)
tests_analysis_test_figure_SOURCES = tests/analysis/test_figure.c $(TEST_TENSORS)
tests_analysis_test_figure_LDADD = $(ANALYSIS_TEST_LIBS)
endif
