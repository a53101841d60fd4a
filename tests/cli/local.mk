# Command-line tests: shell scripts that run the program and print TAP.

CLI_TESTS =
TESTS += $(CLI_TESTS)
EXTRA_DIST += $(CLI_TESTS)
