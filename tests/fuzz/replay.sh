#!/bin/sh
# Every file that ever broke a reader, and every good one, through the fuzz targets.
exec "$QSCOPE_BUILDDIR/tests/fuzz/replay" "$QSCOPE_TEST_DATA/good" "$QSCOPE_TEST_DATA/bad" \
  "$QSCOPE_SRCDIR/tests/fuzz/corpus"
