# Fuzzing: the targets, and what replays files through them with any compiler. `make fuzz
# FORMAT=gguf TIME=60` looks for new ones (tests/fuzz/fuzz.sh).

FUZZ_SOURCES = tests/fuzz/source.c tests/fuzz/target.h tests/fuzz/targets.c

check_PROGRAMS += tests/fuzz/replay
tests_fuzz_replay_SOURCES = tests/fuzz/replay.c $(FUZZ_SOURCES)
tests_fuzz_replay_LDADD = libbase.a $(FIGURE_LIBS)

# Linked by a compiler that brings a fuzzer's main, in a tree of its own.
EXTRA_PROGRAMS += tests/fuzz/fuzzer
tests_fuzz_fuzzer_SOURCES = tests/fuzz/entry.c $(FUZZ_SOURCES)
tests_fuzz_fuzzer_LDADD = libbase.a $(FIGURE_LIBS)
tests_fuzz_fuzzer_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

TESTS += tests/fuzz/replay.sh
EXTRA_DIST += tests/fuzz/replay.sh tests/fuzz/fuzz.sh tests/fuzz/dictionaries tests/fuzz/corpus

FORMAT =
TIME = 60
FUZZER = libfuzzer
.PHONY: fuzz
fuzz:
	@$(SHELL) $(srcdir)/tests/fuzz/fuzz.sh '$(abs_top_srcdir)' '$(FUZZER)' '$(FORMAT)' '$(TIME)'

distclean-local: clean-fuzz
clean-fuzz:
	rm -rf fuzz-libfuzzer fuzz-afl
.PHONY: clean-fuzz
