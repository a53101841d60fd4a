#!/bin/sh
# The key section of the manual is the command table of the explorer, row by row.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

# The table as manual text. The C preprocessor reads it, as the program does.
cat >table.c <<'END'
#define COMMAND(id, name, keys, group, hint, what, why, handler, argument) @ group @ keys @ what
#include "tui/screen/commands.def"
END
# shellcheck disable=SC2086 # QSCOPE_COMPILE is a command line
$QSCOPE_COMPILE -E -P table.c | awk -F ' *@ *' '
  function words(text) { gsub(/^"|" *$/, "", text); gsub(/" *"/, "", text); return text }
  NF == 4 {
    group = $2; keys = words($3); what = words($4)
    if (group == "LIST" && last != group) print ".SS In the list of tensors, and of metadata"
    if (group == "CHECKS" && last != group) print ".SS On the page of checks"
    last = group
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
