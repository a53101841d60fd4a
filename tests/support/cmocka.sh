#!/bin/sh
# cmocka.sh PROGRAM: runs a cmocka test program. cmocka 1.1 reports a skipped test as "not ok N #
# SKIP", which TAP reads as a failure: this makes it "ok N # SKIP". Keeps the exit status.
exec 4>&1
status=$({ { "$@" 3>&- 4>&-; echo $? >&3; } | sed 's/^not ok \([0-9]* # SKIP\)/ok \1/' >&4; } 3>&1)
exit "$status"
