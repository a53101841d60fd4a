#!/bin/sh
# Every file that ever broke a reader, and every good one, through the fuzz targets. Under the address
# sanitizer, to ask for 256 MB at once is an end, not a NULL: no file here holds that much.
ASAN_OPTIONS=max_allocation_size_mb=256
export ASAN_OPTIONS
exec "$QSCOPE_BUILDDIR/tests/fuzz/replay" "$QSCOPE_TEST_DATA/good" "$QSCOPE_TEST_DATA/bad" \
  "$QSCOPE_SRCDIR/tests/fuzz/corpus"
