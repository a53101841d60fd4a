#!/bin/sh
# Every view as text, at three sizes, in block graphics and in ASCII: what is on the screen is what
# was looked at and found good. `make goldens` writes the files anew, to be looked at before they are
# committed. Colours follow from the roles of the cells, which test_themes has for every depth.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

views='histogram error channels sweep compare board inspector format-view'

# 64 x 32 numbers with a few binary digits, the fifth column sixteen times as large: the same
# everywhere.
awk 'BEGIN {
  for (i = 0; i < 64; i++)
    for (j = 0; j < 32; j++)
      printf "%g%s", ((i * 37 + j * 91 + i * j * 5) % 211 - 105) / 64 * (j == 5 ? 16 : 1), j < 31 ? "," : "\n"
}' >weights.csv

for view in $views; do
  printf '%s\nsave-screen %s.txt\n' "$view" "$view"
done >script
cat >>script <<'END'
histogram
pin
bits-fewer
save-screen pinned.txt
compare
save-screen compare-pins.txt
checks
save-screen checks.txt
tensors
save-screen tensors.txt
END

for size in 40x12 80x24 132x43; do
  for glyphs in eighth ascii; do
    name=$size-$glyphs
    LC_ALL=C.UTF-8 qscope weights.csv -q int8 --axis 1 --screen $size --glyphs $glyphs --script script
    ok "$?" "$name: the script runs"
    for view in $views pinned compare-pins checks tensors; do
      printf '===== %s\n' "$view"
      sed -E 's/ {0,5}[<.0-9]+ (ms|s) /   a time /' "$view.txt" # of the calibrators on the board
      rm "$view.txt"
    done >"$name.txt"
    if [ -n "${GOLDENS_TO:-}" ]; then
      cp "$name.txt" "$GOLDENS_TO/$name.txt"
    fi
    diff "$QSCOPE_SRCDIR/tests/screen/golden/$name.txt" "$name.txt" >differences
    ok "$?" "$name: every view is as it was"
    sed 's/^/# /' differences
  done
done
ok "$(LC_ALL=C grep -q '[^ -~]' ./*-ascii.txt; echo $((1 - $?)))" "ASCII is ASCII"
done_testing
