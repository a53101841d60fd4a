#!/bin/sh
# The key section of the manual is the command table of the explorer, row by row.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

# The table as manual text. The C preprocessor reads it, as the program does.
cat >table.c <<'END'
#define COMMAND(id, name, keys, group, hint, what, why, handler, argument) @ keys @ what
#include "tui/screen/commands.def"
END
# shellcheck disable=SC2086 # QSCOPE_COMPILE is a command line
$QSCOPE_COMPILE -E -P table.c | awk -F ' *@ *' '
  function words(text) { gsub(/^"|" *$/, "", text); gsub(/" *"/, "", text); return text }
  NF == 3 {
    keys = words($2); what = words($3)
    gsub(/\\\\/, "\\", keys)
    gsub(/[-\\]/, "\\\\&", keys); gsub(/-/, "\\-", what); gsub(/\^/, "\\(ha", keys)
    printf ".TP\n.B %s\n%s\n", keys, what
  }' >expected
sed -n '/^\.SH KEYS/,/^\.SH/p' "$QSCOPE_SRCDIR/tui/qscope.1" | sed -n '/^\.TP/,/^\.SH/p' | sed '/^\.SH/d' >found
ok "$([ "$(grep -c '^\.TP' expected)" -gt 20 ]; echo $?)" "the table is read"
diff expected found >differences
ok "$?" "the manual lists the keys of the explorer"
sed 's/^/# /' differences
done_testing
