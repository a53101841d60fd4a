# quant/: how precision is lost. The ground floor: no files, no screen.

noinst_LIBRARIES += libquant.a
libquant_a_SOURCES = \
	quant/base/clock.h \
	quant/base/half.h \
	quant/base/blas.c quant/base/blas.h \
	quant/base/library.c quant/base/library.h \
	quant/base/name_order.c quant/base/name_order.h \
	quant/base/nearest.c quant/base/nearest.h quant/base/uniform.h quant/base/ascending.h \
	quant/base/number.c quant/base/number.h \
	quant/base/pool.c quant/base/pool.h \
	quant/base/shape.c quant/base/shape.h \
	quant/base/size.h \
	quant/base/status.c quant/base/status.h \
	quant/base/xxh64.c quant/base/xxh64.h \
	quant/best_scale.c quant/best_scale.h \
	quant/block.c quant/block.h \
	quant/block_family.c \
	quant/block_fit.c \
	quant/aimet_histogram.c quant/aimet_histogram.h \
	quant/cal_aciq.c \
	quant/cal_aimet.c \
	quant/cal_aimet_entropy.c \
	quant/cal_alternate.c \
	quant/cal_entropy.c \
	quant/cal_lp.c \
	quant/cal_mse.c \
	quant/cal_nvidia.c \
	quant/cal_onnxruntime.c \
	quant/cal_percentile.c \
	quant/cal_ppq.c \
	quant/cal_shrink.c \
	quant/cal_sigma.c \
	quant/cal_torch.c \
	quant/cal_range.c \
	quant/calibrator.c quant/calibrator.h quant/calibrators.h \
	quant/codebook.c quant/codebook.h \
	quant/codebook_tables.c \
	quant/digest.c quant/digest.h \
	quant/ladder.c quant/ladder.h \
	quant/lp_floor.c quant/lp_floor.h \
	quant/lp_search.c quant/lp_search.h \
	quant/lp_values.c \
	quant/high_digest.c quant/high_digest.h \
	quant/extent.c quant/extent.h \
	quant/family.h \
	quant/feed.h \
	quant/fit.c quant/fit.h \
	quant/fit_groups.c \
	quant/fit_part.c \
	quant/fitting.c \
	quant/format.c quant/format.h \
	quant/grain.c quant/grain.h \
	quant/batch_histogram.c quant/batch_histogram.h \
	quant/hadamard.c quant/hadamard.h \
	quant/integer.c \
	quant/layer/cholesky.c quant/layer/cholesky.h \
	quant/layer/triangle.c quant/layer/triangle.h \
	quant/layer/clip.c quant/layer/clip.h \
	quant/layer/find_params.c quant/layer/find_params.h \
	quant/layer/columns.c quant/layer/columns.h \
	quant/layer/inputs.c quant/layer/inputs.h \
	quant/layer/layer.c quant/layer/layer.h \
	quant/layer/loss.c quant/layer/loss.h \
	quant/layer/meth_alternating.c \
	quant/layer/meth_awq.c \
	quant/layer/meth_bias.c \
	quant/layer/meth_bits.c \
	quant/layer/meth_gptq.c \
	quant/layer/meth_hadamard.c \
	quant/layer/meth_joint.c \
	quant/layer/meth_llm_int8.c \
	quant/layer/meth_protect.c \
	quant/layer/meth_rtn.c \
	quant/layer/meth_smoothquant.c \
	quant/layer/meth_zeroquant.c \
	quant/layer/method.c quant/layer/method.h quant/layer/methods.h \
	quant/layer/product.c quant/layer/product.h \
	quant/layer/round.c quant/layer/round.h \
	quant/line_fit.c quant/line_fit.h \
	quant/lloyd.c \
	quant/moments.c quant/moments.h \
	quant/kernels/kernels.c quant/kernels/kernels.h \
	quant/minifloat.c \
	quant/nvidia.h \
	quant/places.c quant/places.h \
	quant/power.c \
	quant/probe.c quant/probe.h \
	quant/preset.c quant/preset.h \
	quant/quantizer.c quant/quantizer.h \
	quant/rounding.h \
	quant/sample.c quant/sample.h \
	quant/scale_rule.c quant/scale_rule.h \
	quant/sketch.c quant/sketch.h \
	quant/spec.c quant/spec.h quant/spec_block.c \
	quant/spec_check.c quant/spec_list.c quant/spec_list.h quant/spec_values.c quant/spec_words.c \
	quant/trial.c quant/trial.h

# One source per kernel family, compiled once for each instruction set.
KERNEL_SOURCES = \
	quant/kernels/lanes.h quant/kernels/table.h \
	quant/kernels/blocks.h quant/kernels/bytes.h \
	quant/kernels/ggml.h \
	quant/kernels/ggml_fp4.c \
	quant/kernels/ggml_iq.c \
	quant/kernels/ggml_iq4.c \
	quant/kernels/ggml_k.c \
	quant/kernels/ggml_legacy.c \
	quant/kernels/ggml_low.c \
	quant/kernels/ggml_search.c quant/kernels/ggml_search.h \
	quant/kernels/bin_kernels.c \
	quant/kernels/break_kernels.c \
	quant/kernels/codebook_kernels.c \
	quant/kernels/error_kernels.c \
	quant/kernels/arithmetic_kernels.c \
	quant/kernels/group_fit_kernels.c \
	quant/kernels/group_kernels.c \
	quant/kernels/half_kernels.c \
	quant/kernels/integer_kernels.c \
	quant/kernels/minifloat_kernels.c \
	quant/kernels/moment_kernels.c \
	quant/kernels/mx.c \
	quant/kernels/nvfp4.c \
	quant/kernels/pass_kernels.c \
	quant/kernels/place_kernels.c \
	quant/kernels/power_kernels.c \
	quant/kernels/tally_kernels.c \
	quant/kernels/table.c quant/kernels/wide.h

noinst_LIBRARIES += libkernels_baseline.a
libkernels_baseline_a_SOURCES = $(KERNEL_SOURCES)
libkernels_baseline_a_CFLAGS = $(AM_CFLAGS) $(QS_KERNEL_CFLAGS)
libkernels_baseline_a_CPPFLAGS = $(AM_CPPFLAGS) -DKERNEL_ISA=baseline

QUANT_LIBS = libquant.a libkernels_baseline.a

if HAVE_AVX2_KERNELS
noinst_LIBRARIES += libkernels_avx2.a
libkernels_avx2_a_SOURCES = $(KERNEL_SOURCES)
libkernels_avx2_a_CFLAGS = $(AM_CFLAGS) $(QS_KERNEL_CFLAGS) -mavx2 -mfma -mf16c
libkernels_avx2_a_CPPFLAGS = $(AM_CPPFLAGS) -DKERNEL_ISA=avx2
QUANT_LIBS += libkernels_avx2.a
endif

if HAVE_AVX512_KERNELS
noinst_LIBRARIES += libkernels_avx512.a
libkernels_avx512_a_SOURCES = $(KERNEL_SOURCES)
libkernels_avx512_a_CFLAGS = $(AM_CFLAGS) $(QS_KERNEL_CFLAGS) \
	-mavx512f -mavx512bw -mavx512dq -mavx512vl -mf16c -mprefer-vector-width=512
libkernels_avx512_a_CPPFLAGS = $(AM_CPPFLAGS) -DKERNEL_ISA=avx512
QUANT_LIBS += libkernels_avx512.a
endif

# What the kernels of all levels read; after them, for linkers that look for a symbol only onwards.
noinst_LIBRARIES += libtables.a
libtables_a_SOURCES = \
	quant/block_levels.c quant/block_levels.h \
	quant/block_tables.c \
	quant/ggml_iq_tables.c quant/ggml_iq_tables.h

QUANT_LIBS += libtables.a $(GSL_LIBS) -lm
libquant_a_CPPFLAGS = $(AM_CPPFLAGS) $(GSL_CFLAGS)
# Samples and searches run over every element, too.
libquant_a_CFLAGS = $(AM_CFLAGS) $(QS_KERNEL_CFLAGS)
