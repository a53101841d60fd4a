# Command-line tests: shell scripts that run the program and print TAP.

CLI_TESTS = \
	tests/cli/batches.sh \
	tests/cli/board.sh \
	tests/cli/check.sh \
	tests/cli/diff.sh \
	tests/cli/docs.sh \
	tests/cli/errors.sh \
	tests/cli/experiment.sh \
	tests/cli/frame.sh \
	tests/cli/hostile.sh \
	tests/cli/inspect.sh \
	tests/cli/keys.sh \
	tests/cli/layer.sh \
	tests/cli/linear.sh \
	tests/cli/list.sh \
	tests/cli/packs.sh \
	tests/cli/plot.sh \
	tests/cli/readme.sh \
	tests/cli/report.sh \
	tests/cli/save.sh \
	tests/cli/replay.sh \
	tests/cli/script.sh \
	tests/cli/signals.sh \
	tests/cli/sweep.sh \
	tests/cli/theory.sh \
	tests/cli/transform.sh \
	tests/cli/undo.sh
TESTS += $(CLI_TESTS)
EXTRA_DIST += $(CLI_TESTS) tests/cli/cli.sh

# Their eyes: they read JSON and .npy without the program's own code.
check_PROGRAMS += tests/cli/default_int tests/cli/json_get tests/cli/npy_tool
tests_cli_default_int_SOURCES = tests/cli/default_int.c
tests_cli_json_get_SOURCES = tests/cli/json_get.c
tests_cli_json_get_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_cli_json_get_LDADD = $(JANSSON_LIBS)
tests_cli_npy_tool_SOURCES = tests/cli/npy_tool.c
tests_cli_npy_tool_LDADD = -lm

if HAVE_CMOCKA
CLI_UNIT_TESTS = tests/cli/test_meter tests/cli/test_settings tests/cli/test_xdg
check_PROGRAMS += $(CLI_UNIT_TESTS)
TESTS += $(CLI_UNIT_TESTS)
tests_cli_test_meter_SOURCES = tests/cli/test_meter.c
tests_cli_test_meter_LDADD = libcli.a $(DATA_LIBS) $(CMOCKA_LIBS)
tests_cli_test_settings_SOURCES = tests/cli/test_settings.c
tests_cli_test_settings_LDADD = libbase.a $(DATA_LIBS) $(CMOCKA_LIBS)
tests_cli_test_xdg_SOURCES = tests/cli/test_xdg.c
tests_cli_test_xdg_LDADD = libbase.a $(DATA_LIBS) $(CMOCKA_LIBS)
endif
