#!/bin/sh
# Every view as text, in every size, set of glyphs and number of colours: what is on the screen is what
# was looked at and found good. `make goldens` writes the files anew, to be looked at before they are
# committed. SIZE-GLYPHS.txt are the texts. Colours of all of them would be too much to read: there is
# a sum for each screen (colours.txt), and 80x24-COLOURS.ansi has one size to see what changed:
# the colour of what follows between square brackets, nothing in them where there is none.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

views='histogram error channels sweep compare board inspector format-view'
screens="$views heat layer pinned compare-pins checks tensors"

# 64 x 32 numbers with a few binary digits, the fifth column sixteen times as large: the same
# everywhere.
awk 'BEGIN {
  for (i = 0; i < 64; i++)
    for (j = 0; j < 32; j++)
      printf "%g%s", ((i * 37 + j * 91 + i * j * 5) % 211 - 105) / 64 * (j == 5 ? 16 : 1), j < 31 ? "," : "\n"
}' >weights.csv

save() # save SCREEN
{
  printf 'save-screen %s.txt\nsave-screen %s.ansi\n' "$1" "$1"
}

{
  for view in $views; do
    echo "$view"
    save "$view"
  done
  echo heat-map; save heat
  echo 'methods rtn awq hadamard'; save layer
  printf '%s\n' histogram pin bits-fewer; save pinned
  echo compare; save compare-pins
  echo checks; save checks
  echo tensors; save tensors
} >script

# Between brackets what follows is in; "38;2;0;95;135" is #005f87.
readable()
{
  timeless "$1" | sed -E "s/$escape\[0;?([0-9;]*)m/[\1]/g"
}

as_before() # as_before FILE NAME
{
  if [ -n "${GOLDENS_TO:-}" ]; then
    cp "$1" "$GOLDENS_TO/$1"
  fi
  diff "$QSCOPE_SRCDIR/tests/screen/golden/$1" "$1" >differences
  ok "$?" "$2"
  sed 's/^/# /' differences
}

: >colours.txt
for size in 40x12 80x24 132x43; do
  for glyphs in auto ascii; do
    for color in never 8 256 auto; do
      name=$size-$glyphs
      LC_ALL=C.UTF-8 qscope weights.csv -q int8 --axis 1 --screen $size --glyphs $glyphs --color $color --theme dark \
        --script script
      ok "$?" "$name, colours $color: the script runs"
      : >"$name.txt"
      : >"$size-$color.ansi"
      for screen in $screens; do
        { printf '===== %s\n' "$screen"; timeless "$screen.txt"; } >>"$name.txt"
        { printf '===== %s\n' "$screen"; readable "$screen.ansi"; } >>"$size-$color.ansi"
        printf '%s %s %s %s\n' "$name" "$color" "$screen" \
          "$(timeless "$screen.ansi" | cksum)" >>colours.txt
        rm "$screen.txt" "$screen.ansi"
      done
      case $size-$glyphs-$color in
      80x24-auto-never | 80x24-auto-256) as_before "$size-$color.ansi" "$name, colours $color: every colour is as it was" ;;
      esac
    done
    as_before "$name.txt" "$name: every view is as it was"
  done
done
as_before colours.txt "every screen has the colours it had"
ok "$(LC_ALL=C grep -q '[^ -~]' ./*-ascii.txt; echo $((1 - $?)))" "ASCII is ASCII"
done_testing
