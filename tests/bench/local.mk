# Benchmarks: `make bench`. Not part of `make check`: what they measure is the machine as well.

EXTRA_PROGRAMS += tests/bench/bench_blocks tests/bench/bench_board tests/bench/bench_fit tests/bench/bench_kernels
tests_bench_bench_blocks_SOURCES = tests/bench/bench_blocks.c
tests_bench_bench_blocks_LDADD = $(QUANT_LIBS)
tests_bench_bench_board_SOURCES = tests/bench/bench_board.c
tests_bench_bench_board_CFLAGS = $(AM_CFLAGS) $(QS_KERNEL_CFLAGS)
tests_bench_bench_board_LDADD = $(ANALYSIS_LIBS)
tests_bench_bench_fit_SOURCES = tests/bench/bench_fit.c
tests_bench_bench_fit_LDADD = $(QUANT_LIBS)
tests_bench_bench_kernels_SOURCES = tests/bench/bench_kernels.c
tests_bench_bench_kernels_CFLAGS = $(AM_CFLAGS) $(QS_KERNEL_CFLAGS)
tests_bench_bench_kernels_LDADD = $(QUANT_LIBS)
CLEANFILES += $(EXTRA_PROGRAMS)

BENCHMARKS = tests/bench/bench_kernels tests/bench/bench_fit tests/bench/bench_blocks \
	tests/bench/bench_board

.PHONY: bench
bench: $(BENCHMARKS)
	@for program in $(BENCHMARKS); do ./$$program$(EXEEXT) || exit 1; done
