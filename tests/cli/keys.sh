#!/bin/sh
# The key section and the command section of the manual are the command table of the explorer, row by
# row.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

# The table as manual text. The C preprocessor reads it, as the program does.
cat >table.c <<'END'
#define COMMAND(id, name, keys, group, hint, what, why, handler, argument) @ group @ keys @ what @ name @
#define COMMAND_TEXT(scope, id, name, keys, group, hint, text, what, why, handler) @ group @ keys @ what @ name @ text
#include "tui/screen/commands.def"
END
# shellcheck disable=SC2086 # QSCOPE_COMPILE is a command line
$QSCOPE_COMPILE -E -P table.c | awk -F ' *@ *' '
  function words(text) { gsub(/^"|" *$/, "", text); gsub(/" *"/, "", text); return text }
  NF == 6 && words($3) != "" {
    group = $2; keys = words($3); what = words($4)
    if (group == "LIST" && last != group) print ".SS In the list of tensors, and of metadata"
    if (group == "CHECKS" && last != group) print ".SS On the page of checks"
    if (group == "SESSION" && last != group) print ".SS On the page of the session"
    if (group == "EXPERIMENTS" && last != group) print ".SS In the experiments"
    if (group == "CHANGES" && last != group) print ".SS In the list of changes"
    last = group
    gsub(/\\\\/, "\\", keys)
    gsub(/[-\\]/, "\\\\&", keys); gsub(/-/, "\\-", what); gsub(/\^/, "\\(ha", keys)
    printf ".TP\n.B %s\n%s\n", keys, what
  }' >expected
# shellcheck disable=SC2086
$QSCOPE_COMPILE -E -P table.c | awk -F ' *@ *' '
  function words(text) { gsub(/^"|" *$/, "", text); gsub(/" *"/, "", text); return text }
  NF == 6 && $6 != "" {
    name = words($5); what = words($4); text = $6
    gsub(/ *$/, "", text); gsub(/-/, "\\-", name); gsub(/-/, "\\-", what)
    if (text == "TENSOR") text = "NAME"
    if (text == "RANGE") text = "LO:HI"
    if (text == "ASSERTION") text = "METRIC>=NUMBER"
    printf ".TP\n.BI %s \" %s\"\n%s\n", name, text, what
  }
  NF == 6 && $6 == "" { name = words($5); gsub(/-/, "\\-", name); names = names (names ? ",\n" : "") name }
  END { printf ".PP\nThe others are alone in their lines:\n%s.\n", names }' >expected_commands
sed -n '/^\.SH SCRIPTS/,/^\.SH/p' "$QSCOPE_SRCDIR/tui/qscope.1" | sed -n '/^\.TP/,/^\.SH/p' | sed '/^\.SH/d' >found_commands
diff expected_commands found_commands >differences
ok "$?" "the manual lists the commands of the explorer"
sed 's/^/# /' differences
sed -n '/^\.SH KEYS/,/^\.SH/p' "$QSCOPE_SRCDIR/tui/qscope.1" | sed -n '/^\.TP/,/^\.SH/p' | sed '/^\.SH/d' >found
ok "$([ "$(grep -c '^\.TP' expected)" -gt 20 ]; echo $?)" "the table is read"
diff expected found >differences
ok "$?" "the manual lists the keys of the explorer"
sed 's/^/# /' differences
done_testing
