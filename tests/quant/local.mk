# Unit tests of quant/. One cmocka group per program.

if HAVE_CMOCKA
QUANT_TESTS = \
	tests/quant/test_awq \
	tests/quant/test_base \
	tests/quant/test_bits \
	tests/quant/test_block_fit \
	tests/quant/test_blocks \
	tests/quant/test_cal_nvidia \
	tests/quant/test_cal_onnxruntime \
	tests/quant/test_cal_properties \
	tests/quant/test_cal_search \
	tests/quant/test_cal_aimet \
	tests/quant/test_cal_torch \
	tests/quant/test_cal_batches \
	tests/quant/test_calibrators \
	tests/quant/test_elements \
	tests/quant/test_fit \
	tests/quant/test_format \
	tests/quant/test_ggml \
	tests/quant/test_gptq \
	tests/quant/test_grain \
	tests/quant/test_groups \
	tests/quant/test_high_digest \
	tests/quant/test_kernel_sums \
	tests/quant/test_kernels \
	tests/quant/test_layer \
	tests/quant/test_layer_methods \
	tests/quant/test_mse \
	tests/quant/test_nearest \
	tests/quant/test_quantizer \
	tests/quant/test_presets \
	tests/quant/test_sample \
	tests/quant/test_scale_rules \
	tests/quant/test_search_bounds \
	tests/quant/test_smoothquant
check_PROGRAMS += $(QUANT_TESTS)
TESTS += $(QUANT_TESTS)

QUANT_TEST_LIBS = $(QUANT_LIBS) $(CMOCKA_LIBS)
KERNEL_DRAWS = tests/support/kernel_draws.c tests/support/kernel_draws.h
PORTABLE = tests/support/portable.c tests/support/portable.h
MANIFEST = tests/support/manifest.c tests/support/manifest.h
NPY_VECTORS = tests/support/npy_vectors.c tests/support/npy_vectors.h
LAYER_VECTORS = tests/support/layer_vectors.c tests/support/layer_vectors.h \
	$(MANIFEST) $(NPY_VECTORS) $(PORTABLE)
LAYER_RUNS = tests/support/layer_runs.c tests/support/layer_runs.h $(LAYER_VECTORS)
tests_quant_test_smoothquant_SOURCES = tests/quant/test_smoothquant.c $(LAYER_RUNS)
tests_quant_test_smoothquant_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_quant_test_smoothquant_LDADD = $(QUANT_TEST_LIBS) $(JANSSON_LIBS)
tests_quant_test_awq_SOURCES = tests/quant/test_awq.c $(LAYER_RUNS)
tests_quant_test_awq_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_quant_test_awq_LDADD = $(QUANT_TEST_LIBS) $(JANSSON_LIBS)
tests_quant_test_fit_SOURCES = tests/quant/test_fit.c
tests_quant_test_fit_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_groups_SOURCES = tests/quant/test_groups.c $(KERNEL_DRAWS)
tests_quant_test_groups_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_blocks_SOURCES = tests/quant/test_blocks.c $(NPY_VECTORS) $(PORTABLE)
tests_quant_test_blocks_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_base_SOURCES = tests/quant/test_base.c
tests_quant_test_base_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_high_digest_SOURCES = tests/quant/test_high_digest.c $(PORTABLE)
tests_quant_test_high_digest_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_grain_SOURCES = tests/quant/test_grain.c
tests_quant_test_grain_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_gptq_SOURCES = tests/quant/test_gptq.c $(LAYER_RUNS)
tests_quant_test_gptq_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_quant_test_gptq_LDADD = $(QUANT_TEST_LIBS) $(JANSSON_LIBS)
tests_quant_test_bits_SOURCES = tests/quant/test_bits.c $(LAYER_RUNS)
tests_quant_test_bits_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_quant_test_bits_LDADD = $(QUANT_TEST_LIBS) $(JANSSON_LIBS)
tests_quant_test_kernels_SOURCES = tests/quant/test_kernels.c $(KERNEL_DRAWS)
tests_quant_test_kernels_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_kernel_sums_SOURCES = tests/quant/test_kernel_sums.c $(KERNEL_DRAWS)
tests_quant_test_kernel_sums_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_layer_SOURCES = tests/quant/test_layer.c
tests_quant_test_layer_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_layer_methods_SOURCES = tests/quant/test_layer_methods.c
tests_quant_test_layer_methods_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_format_SOURCES = tests/quant/test_format.c $(NPY_VECTORS)
tests_quant_test_format_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_nearest_SOURCES = tests/quant/test_nearest.c
tests_quant_test_nearest_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_block_fit_SOURCES = tests/quant/test_block_fit.c $(PORTABLE)
tests_quant_test_block_fit_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_elements_SOURCES = tests/quant/test_elements.c $(NPY_VECTORS) $(PORTABLE)
tests_quant_test_elements_CPPFLAGS = $(AM_CPPFLAGS) $(GSL_CFLAGS)
tests_quant_test_elements_LDADD = $(QUANT_TEST_LIBS) $(GSL_LIBS)
tests_quant_test_quantizer_SOURCES = tests/quant/test_quantizer.c $(PORTABLE)
tests_quant_test_quantizer_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_sample_SOURCES = tests/quant/test_sample.c $(MANIFEST) $(NPY_VECTORS) $(PORTABLE)
tests_quant_test_sample_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_quant_test_sample_LDADD = $(QUANT_TEST_LIBS) $(JANSSON_LIBS)
tests_quant_test_ggml_SOURCES = tests/quant/test_ggml.c tests/quant/ggml_blocks.h \
	$(NPY_VECTORS) $(PORTABLE)
tests_quant_test_ggml_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_presets_SOURCES = tests/quant/test_presets.c
tests_quant_test_presets_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_scale_rules_SOURCES = tests/quant/test_scale_rules.c $(MANIFEST) $(NPY_VECTORS) $(PORTABLE)
tests_quant_test_scale_rules_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_quant_test_scale_rules_LDADD = $(QUANT_TEST_LIBS) $(JANSSON_LIBS)
CALIBRATION_REFERENCE = tests/quant/reference.c tests/quant/reference.h
tests_quant_test_calibrators_SOURCES = tests/quant/test_calibrators.c \
	$(CALIBRATION_REFERENCE) $(MANIFEST) $(NPY_VECTORS) $(PORTABLE)
tests_quant_test_calibrators_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(GSL_CFLAGS)
tests_quant_test_calibrators_LDADD = $(QUANT_TEST_LIBS) $(JANSSON_LIBS)
tests_quant_test_cal_properties_SOURCES = tests/quant/test_cal_properties.c \
	$(CALIBRATION_REFERENCE) $(PORTABLE)
tests_quant_test_cal_properties_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_cal_nvidia_SOURCES = tests/quant/test_cal_nvidia.c \
	$(CALIBRATION_REFERENCE) $(MANIFEST) $(NPY_VECTORS) $(PORTABLE)
tests_quant_test_cal_nvidia_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_quant_test_cal_nvidia_LDADD = $(QUANT_TEST_LIBS) $(JANSSON_LIBS)
tests_quant_test_cal_onnxruntime_SOURCES = tests/quant/test_cal_onnxruntime.c \
	$(CALIBRATION_REFERENCE) $(MANIFEST) $(NPY_VECTORS) $(PORTABLE)
tests_quant_test_cal_onnxruntime_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_quant_test_cal_onnxruntime_LDADD = $(QUANT_TEST_LIBS) $(JANSSON_LIBS)
tests_quant_test_cal_search_SOURCES = tests/quant/test_cal_search.c \
	$(CALIBRATION_REFERENCE) $(MANIFEST) $(NPY_VECTORS) $(PORTABLE)
tests_quant_test_cal_search_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_quant_test_cal_search_LDADD = $(QUANT_TEST_LIBS) $(JANSSON_LIBS)
tests_quant_test_cal_batches_SOURCES = tests/quant/test_cal_batches.c \
	$(CALIBRATION_REFERENCE) $(MANIFEST) $(NPY_VECTORS) $(PORTABLE)
tests_quant_test_cal_batches_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_quant_test_cal_batches_LDADD = $(QUANT_TEST_LIBS) $(JANSSON_LIBS)
tests_quant_test_cal_aimet_SOURCES = tests/quant/test_cal_aimet.c \
	$(CALIBRATION_REFERENCE) $(MANIFEST) $(NPY_VECTORS) $(PORTABLE)
tests_quant_test_cal_aimet_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_quant_test_cal_aimet_LDADD = $(QUANT_TEST_LIBS) $(JANSSON_LIBS)
tests_quant_test_cal_torch_SOURCES = tests/quant/test_cal_torch.c \
	$(CALIBRATION_REFERENCE) $(MANIFEST) $(NPY_VECTORS) $(PORTABLE)
tests_quant_test_cal_torch_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_quant_test_cal_torch_LDADD = $(QUANT_TEST_LIBS) $(JANSSON_LIBS)
tests_quant_test_search_bounds_SOURCES = tests/quant/test_search_bounds.c $(PORTABLE)
tests_quant_test_search_bounds_LDADD = $(QUANT_TEST_LIBS)
tests_quant_test_mse_SOURCES = tests/quant/test_mse.c $(CALIBRATION_REFERENCE) $(PORTABLE)
tests_quant_test_mse_LDADD = $(QUANT_TEST_LIBS)
endif
