# Benchmarks: `make bench`. Not part of `make check`: what they measure is the machine as well.
# `make bench BENCH=--json` prints a JSON object a line.

BENCH_ROWS = tests/bench/rows.c tests/bench/rows.h
BENCH_CFLAGS = $(AM_CFLAGS) $(QS_KERNEL_CFLAGS)

EXTRA_PROGRAMS += tests/bench/bench_blocks tests/bench/bench_board tests/bench/bench_cancel \
	tests/bench/bench_fit \
	tests/bench/bench_kernels tests/bench/bench_layer tests/bench/bench_open \
	tests/bench/bench_passes
tests_bench_bench_blocks_SOURCES = tests/bench/bench_blocks.c $(BENCH_ROWS)
tests_bench_bench_blocks_CFLAGS = $(BENCH_CFLAGS)
tests_bench_bench_blocks_LDADD = $(QUANT_LIBS)
tests_bench_bench_board_SOURCES = tests/bench/bench_board.c $(BENCH_ROWS)
tests_bench_bench_board_CFLAGS = $(BENCH_CFLAGS)
tests_bench_bench_board_LDADD = $(ANALYSIS_LIBS)
tests_bench_bench_cancel_SOURCES = tests/bench/bench_cancel.c
tests_bench_bench_cancel_LDADD = $(ANALYSIS_LIBS)
tests_bench_bench_fit_SOURCES = tests/bench/bench_fit.c $(BENCH_ROWS)
tests_bench_bench_fit_CFLAGS = $(BENCH_CFLAGS)
tests_bench_bench_fit_LDADD = $(QUANT_LIBS)
tests_bench_bench_kernels_SOURCES = tests/bench/bench_kernels.c $(BENCH_ROWS)
tests_bench_bench_kernels_CFLAGS = $(BENCH_CFLAGS)
tests_bench_bench_kernels_LDADD = $(QUANT_LIBS)
tests_bench_bench_layer_SOURCES = tests/bench/bench_layer.c $(BENCH_ROWS)
tests_bench_bench_layer_CPPFLAGS = $(AM_CPPFLAGS) $(GSL_CFLAGS)
tests_bench_bench_layer_CFLAGS = $(BENCH_CFLAGS)
tests_bench_bench_layer_LDADD = $(ANALYSIS_LIBS)
tests_bench_bench_open_SOURCES = tests/bench/bench_open.c
tests_bench_bench_open_LDADD = $(ANALYSIS_LIBS) -lutil
tests_bench_bench_passes_SOURCES = tests/bench/bench_passes.c $(BENCH_ROWS)
tests_bench_bench_passes_CFLAGS = $(BENCH_CFLAGS)
tests_bench_bench_passes_LDADD = $(ANALYSIS_LIBS)
if HAVE_CMOCKA
if HAVE_VTERM
BENCH_LIVE = tests/bench/bench_live
EXTRA_PROGRAMS += $(BENCH_LIVE)
tests_bench_bench_live_SOURCES = tests/bench/bench_live.c $(BENCH_ROWS)
tests_bench_bench_live_CFLAGS = $(BENCH_CFLAGS)
tests_bench_bench_live_LDADD = libharness.a $(VTERM_LIBS) $(QUANT_LIBS)
endif
endif
CLEANFILES += $(EXTRA_PROGRAMS)

BENCHMARKS = tests/bench/bench_kernels tests/bench/bench_passes tests/bench/bench_fit \
	tests/bench/bench_blocks tests/bench/bench_board tests/bench/bench_layer tests/bench/bench_open \
	tests/bench/bench_cancel

.PHONY: bench
bench: $(BENCHMARKS) $(BENCH_LIVE) qscope
	@for program in $(BENCHMARKS) $(BENCH_LIVE); do ./$$program$(EXEEXT) $(BENCH) || exit 1; done

# Beside numpy and torch (Debian: python3-numpy, python3-torch), where a Python has them: PYTHON=...
# chooses another. Nothing else needs it.
EXTRA_PROGRAMS += tests/bench/bench_peers
tests_bench_bench_peers_SOURCES = tests/bench/bench_peers.c $(BENCH_ROWS)
tests_bench_bench_peers_CFLAGS = $(BENCH_CFLAGS)
tests_bench_bench_peers_LDADD = $(ANALYSIS_LIBS)
EXTRA_DIST += tests/bench/peers.py
PYTHON = python3

.PHONY: bench-peers
bench-peers: tests/bench/bench_peers qscope
	@for python in $(PYTHON) /usr/bin/python3; do \
	  if $$python -c 'import numpy' 2>/dev/null; then \
	    exec $$python $(srcdir)/tests/bench/peers.py ./tests/bench/bench_peers$(EXEEXT) ./qscope$(EXEEXT); \
	  fi; \
	done; \
	echo "bench-peers: skipped: no Python with numpy (Debian: python3-numpy, python3-torch; PYTHON=...)"
