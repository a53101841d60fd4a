#!/bin/sh
# Includes point down: quant < data < analysis < tui, and curses, cairo and png stay in their rooms.
. "$QSCOPE_SRCDIR/tests/support/tap.sh"

# violations TREE: one line for each include that is out of place.
violations()
{
  (cd "$1" && find quant data analysis tui -type f \( -name '*.c' -o -name '*.h' -o -name '*.def' \) \
    -exec awk '
    function floor(path,  part) {
      split(path, part, "/")
      if (path ~ /^quant\/base\//) return 1
      return part[1] == "quant" ? 2 : part[1] == "data" ? 3 : part[1] == "analysis" ? 4 : \
             part[1] == "tui" ? 5 : 0
    }
    function room(path,  part) {
      split(path, part, "/")
      return part[2]
    }
    function complain(why) {
      printf "%s:%d: %s: %s\n", FILENAME, FNR, header, why
    }
    /^[ \t]*#[ \t]*include/ {
      match($0, /[<"][^>"]*[>"]/)
      header = substr($0, RSTART + 1, RLENGTH - 2)
      here = floor(FILENAME)
      there = floor(header)
      if ($0 ~ /"/ && there == 0 && header != "config.h")
        complain("our own headers are named from the top folder")
      if (there > here)
        complain("points up a floor")
      if (here == 5 && there == 5 && room(FILENAME) == "figure" && room(header) != "figure")
        complain("the figure writers know nothing of the other rooms")
      if (here == 5 && there == 5 && room(FILENAME) == "screen" && room(header) == "cli")
        complain("the explorer knows nothing of the command line")
      if (header ~ /(^|\/)(n?curses|term|panel|unctrl)\.h$/ && FILENAME !~ /^tui\/screen\//)
        complain("the terminal lives in tui/screen")
      if (header ~ /(^|\/)(cairo.*|png|pngconf)\.h$/ && FILENAME !~ /^tui\/figure\//)
        complain("Cairo and libpng live in tui/figure")
    }' {} +)
}

found=$(violations "$QSCOPE_SRCDIR")
is "$found" "" "every include points down"

# The check itself must be able to fail: one violation of each kind, and it has to see them all.
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/quant/base" "$tree/data" "$tree/analysis" "$tree/tui/cli" "$tree/tui/screen" "$tree/tui/figure"
must_fail() # must_fail FILE LINE NAME
{
  printf '%s\n' "$2" >"$tree/$1"
  ok "$([ "$(violations "$tree" | wc -l)" -eq 1 ]; echo $?)" "notices $3"
  rm "$tree/$1"
}
must_fail quant/a.c '#include "data/tensor.h"' "the ground floor looking up"
must_fail quant/base/a.c '#include "quant/format.h"' "the base looking into the ground floor"
must_fail data/a.h '# include "analysis/facts.h"' "data looking up"
must_fail analysis/a.c '#include "tui/figure/draw.h"' "analysis looking up"
must_fail tui/figure/a.c '#include "tui/cli/options.h"' "a figure writer looking sideways"
must_fail tui/screen/a.c '#include "tui/cli/options.h"' "the explorer looking at the command line"
must_fail tui/cli/a.c '#include <curses.h>' "curses outside its room"
must_fail tui/cli/b.c '#include <ncursesw/ncurses.h>' "ncurses outside its room"
must_fail tui/screen/a.c '#include <cairo/cairo.h>' "Cairo outside its room"
must_fail analysis/a.c '#include <png.h>' "libpng outside its room"
must_fail data/a.c '#include "tensor.h"' "a path that does not start at the top"
printf '#include "quant/base/status.h"\n#include <stdio.h>\n' >"$tree/tui/cli/good.c"
is "$(violations "$tree")" "" "lets good includes pass"
done_testing
