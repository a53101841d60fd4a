#!/bin/sh
# Scripts: commands without a screen, their assertions, what they save, and how they fail.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

run() # run LINE...: a script of these lines; its messages in err.txt
{
  printf '%s\n' "$@" >script.qs
  qscope synth:laplace,shape=64x64 --script script.qs >out.txt 2>err.txt
}

refuses() # refuses STATUS PATTERN NAME LINE...
{
  wanted=$1 pattern=$2 name=$3
  shift 3
  run "$@"
  is "$?" "$wanted" "$name: exit status"
  like "$(cat err.txt)" "$pattern" "$name: message"
}

# The numbers of a script are those of the report.
sqnr=$(qscope report synth:laplace,shape=64x64 -q int4,asym,group=32 --json | tr ',' '\n' | sed -n 's/.*"sqnr_db": \([0-9.]*\).*/\1/p' | head -n 1)
like "$sqnr" '^[0-9]+\.[0-9]+$' "the report has a number"
run '# a comment' '' '  quantizer int4,asym,group=32  ' "assert sqnr_db>=$sqnr" "assert sqnr_db<=$sqnr" 'int8,channel' 'assert bits_per_element>8' quit 'no-command'
is "$?" 0 "a script runs up to quit"
is "$(cat out.txt err.txt)" "" "and says nothing"

refuses 1 '^qscope: script.qs:2: sqnr_db>=90 does not hold: it is [0-9]' "an assertion that does not hold" error 'assert sqnr_db>=90' 'no-command'
refuses 2 "script.qs:1: no command is called 'bits-mroe'; did you mean 'bits-more'\?" "an unknown command" bits-mroe
refuses 2 'script.qs:2: spec "int8,asm": word 2 "asm" is not known' "a wrong quantizer" '' 'quantizer int8,asm'
refuses 2 "bits-more takes no text: '3'" "text that is not wanted" 'bits-more 3'
refuses 2 'tensor needs NAME behind it' "text that is missing" tensor
refuses 2 "expected LO:HI with LO below HI, found '3:1'" "a wrong range" 'zoom 3:1'
refuses 2 'list-down: that is for the list of tensors' "a page that is not open" list-down
refuses 2 'nothing to undo' "what cannot be done" undo
refuses 2 'no metric and no check is called' "an assertion on nothing" 'assert sqrn_db>=3'
refuses 3 'script.qs:1: /nonexistent: cannot open' "a file that is not there" 'open /nonexistent'
refuses 4 'script.qs:1: /nonexistent/x.txt: cannot be written' "a place that is not there" 'save-screen /nonexistent/x.txt'
refuses 4 'script.qs:1: /nonexistent/x.png: cannot be written' "a place for a figure that is not there" 'save-figure /nonexistent/x.png'
refuses 2 "'x.gif' is none of these" "a kind of file that is not there" 'save-screen x.gif'
# A panel is a part of the screen: 53 columns and 20 rows of 80 x 24 for the plot.
qscope synth:laplace,shape=64x64 -c 'save-screen s.txt' -c 'save-panel p.txt' -c 'save-panel numbers n.txt' -c 'save-panel knobs k.svg'
is "$?" 0 "panels are written"
is "$(cut -c1-8 <p.txt | head -n 3)" "$(sed -n 2,4p s.txt | cut -c1-8)" "the plot begins below the title"
like "$(cat n.txt)" 'SQNR +[0-9.]+ dB' "the numbers"
is "$(grep -c 'elements per bin' n.txt)" 0 "without the plot"
like "$(head -c 60 k.svg)" '<\?xml' "the knobs as a picture"
qscope synth:laplace,shape=64x64 --screen 20x5 -c 'save-panel knobs k.txt' 2>err.txt
is "$?" 2 "a panel that is not there"
like "$(cat err.txt)" 'not on this screen' "and what it says"

# Where the median channel is zero nothing is a multiple of it.
printf '0,0\n0,0\n0,0\n1,-3\n' >zeros.csv
qscope zeros.csv --axis 0 -c channels -c 'save-panel p.txt' -c 'save-screen s.txt'
is "$(grep -c 'inf\|nan' p.txt)" 0 "no ratio to nothing"
like "$(cat p.txt)" ' 3 +3 +- ' "the channel all the same"

# Lines of the command line come behind those of a file.
echo 'quantizer int4' >script.qs
qscope synth:laplace,shape=64x64 -c 'save-screen x.txt' --script script.qs -c bits-more -c 'save-screen y.txt' -c quit -c no-command
is "$?" 0 "-c is a line of a script"
like "$(cat x.txt)" 'int4,sym,tensor,minmax' "behind the file"
like "$(cat y.txt)" 'int5,sym,tensor,minmax' "one after the other"
qscope synth:laplace,shape=64x64 -c 'assert sqnr_db>=90' 2>err.txt
is "$?" 1 "an assertion of the command line"
like "$(cat err.txt)" '^qscope: -c assert sqnr_db>=90: sqnr_db>=90 does not hold: it is [0-9]' "and what it says"
qscope --script /nonexistent 2>err.txt
is "$?" 3 "a script that is not there"
printf 'bits\000\n' >script.qs
qscope --script script.qs 2>err.txt
is "$?" 3 "a script that is no text"
qscope - --script - </dev/null 2>err.txt
is "$?" 2 "standard input cannot be both"
echo 'assert sqnr_db>0' | qscope --script -
is "$?" 0 "a script from standard input"

# The screen as a terminal gets it: without the sequences it is the text; the title is #eeeeee on
# #005f87 in the dark theme, index 24 (0, 95, 135) of 256, white on blue (4) of 8; without colours it is
# reversed.
escape=$(printf '\033')
ansi() # ansi COLOUR: how the first line begins; more when the text is another
{
  printf 'save-screen x.txt\nsave-screen x.ansi\n' >script.qs
  qscope synth:laplace,shape=64x64 --theme dark --color "$1" --script script.qs
  sed "s/$escape\\[[0-9;]*m//g; s/ *\$//" x.ansi | cmp -s - x.txt || { echo another text; return; }
  sed -n "1s/^$escape\\[\([0-9;]*\)m.*/\1/p" x.ansi
}
like "$(ansi auto)" '^0;38;2;[0-9;]*;48;2;0;95;135$' "colours as numbers"
like "$(ansi 256)" '^0;38;5;[0-9]+;48;5;24$' "256 colours"
like "$(ansi 8)" '^0;3[0-7];44$' "8 colours"
is "$(ansi never)" '0;7' "no colours: reversed"

# Files have octants (U+1CD00 to U+1CDE5: F0 9C B4..B7) whatever the C library knows of them; in the
# picture they are shapes, not letters.
printf 'save-screen x.txt\nsave-screen x.svg\nsave-screen x.png\n' >script.qs
qscope synth:laplace,shape=64x64 --view error --glyphs octant --script script.qs
is "$(LC_ALL=C grep -c "$(printf '\360\234[\264-\267]')" x.txt | sed 's/^[1-9][0-9]*$/some/')" some "octants in a text"
is "$(LC_ALL=C grep -c "$(printf '\360\234[\264-\267]')" x.svg)" 0 "and not as letters in a picture"

# What is undone is gone, all of it: the screen is the same to the letter. Fourteen changes: the steps
# from block to block are one.
run 'save-screen before.txt' bits-more error log-counts 'zoom -1:1' zoom-in zoom-out granularity-next axis-next \
  'quantizer e4m3' theory inspector down down board channels undo undo undo undo undo undo undo undo \
  undo undo undo undo undo undo 'save-screen after.txt' redo redo 'save-screen redone.txt'
is "$?:$(cat err.txt)" 0: "commands are undone"
run bits-more error 'save-screen expected.txt'
ok "$(cmp -s before.txt after.txt; echo $?)" "undo all: the screen as it was"
ok "$(cmp -s redone.txt expected.txt; echo $?)" "redo: the screen as it was then"
run 'save-screen before.txt' 'over group=16:64' 'over clip' sweep-next sweep-metric pareto down take-point \
  undo undo undo undo undo undo undo 'save-screen after.txt'
is "$?:$(cat err.txt)" 0: "sweeps are undone"
ok "$(cmp -s before.txt after.txt; echo $?)" "undo of sweeps: the screen as it was"

# So are looks and cursors, to the colour; steps of one kind are one change.
for change in glyphs theme hints 'cursor 0.5' cursor-first; do
  view=$(case $change in glyphs) echo board ;; *) echo error ;; esac) # glyphs: there is a curve
  run "$view" 'save-screen before.ansi' "$change" 'save-screen changed.ansi' undo 'save-screen after.ansi' redo 'save-screen redone.ansi'
  is "$?:$(cat err.txt)" 0: "$change is undone"
  ok "$(cmp -s before.ansi changed.ansi; echo $((1 - $?)))" "$change shows"
  ok "$(cmp -s before.ansi after.ansi; echo $?)" "$change, undo: the screen as it was, to the colour"
  ok "$(cmp -s changed.ansi redone.ansi; echo $?)" "$change, redo: the screen as it was then"
done
run bits-fewer 'save-screen before.txt' cursor-first pan-right pan-right undo 'save-screen after.txt' undo undo
is "$?:$(tail -n 1 err.txt)" '2:qscope: script.qs:9: nothing to undo' "three steps of a cursor are one change"
ok "$(cmp -s before.txt after.txt; echo $?)" "undo of steps: the screen as it was"
run channels 'save-screen before.txt' down down undo 'save-screen after.txt' board explain undo down undo undo 'save-screen again.txt'
is "$?:$(cat err.txt)" 0: "cursors of views are undone"
ok "$(cmp -s before.txt after.txt && cmp -s before.txt again.txt; echo $?)" "undo of places: the screen as it was"

# The list of changes goes to any of them.
run bits-fewer sweep theme changes 'save-screen list.txt' changes-up changes-up changes-go 'assert bits_per_element<8' \
  changes 'save-screen later.txt' changes-down changes-down changes-go changes 'save-screen again.txt'
is "$?:$(cat err.txt)" 0: "the list of changes is walked"
like "$(cat list.txt)" '^ +1 +int7,sym,tensor,minmax$' "it says what changed"
like "$(cat list.txt)" '^. *3 now +theme light$' "and where we are"
like "$(cat later.txt)" '^. *1 now +int7' "it goes back"
like "$(cat later.txt)" '^ +3 +theme light$' "and what was undone stays there"
like "$(cat again.txt)" '^. *3 now +theme light$' "and forth"
refuses 2 "unknown 'bit'; did you mean 'bits'" "a wrong thing to sweep over" 'over bit=2:8'
run bits-fewer repeat 'assert levels==64'
is "$?:$(cat err.txt)" 0: "repeat does the last change again"

# The screen as a picture.
run 'save-screen a.txt' 'save-screen a.svg' 'save-screen a.png'
is "$(wc -l <a.txt | tr -d ' ')" 24 "24 lines of text"
like "$(head -n 1 a.txt)" 'laplace' "with the tensor's name"
like "$(head -c 200 a.svg)" '<svg' "an SVG"
is "$(head -c 4 a.png | tail -c 3)" PNG "a PNG"
printf 'save-screen wide.txt\n' >script.qs
qscope synth: --script script.qs --screen 132x43
is "$(wc -l <wide.txt | tr -d ' ')" 43 "another size"
printf 'save-screen plain.txt\n' >script.qs
qscope synth: --script script.qs --ascii
is "$(tr -d '\000-\177' <plain.txt | wc -c | tr -d ' ')" 0 "--ascii: no other characters"
run help 'save-screen help.txt'
like "$(cat help.txt)" 'one-sided' "pages are saved, too"
run tensors 'list-show lapl' 'save-screen list.txt' list-open
is "$?" 0 "the list of tensors takes commands"
like "$(cat list.txt)" 'laplace' "and is saved"

run tensors 'save-figure all.png'
is "$?:$(cat err.txt)" 0: "the list of tensors has a figure"
is "$(qscope replay all.png --print)" "qscope synth:laplace,shape=64x64 -q int8,sym,tensor,minmax --view tensors" "and its recipe"
qscope plot synth:laplace,shape=64x64 --view tensors -o all2.png
ok "$(cmp -s all.png all2.png; echo $?)" "plot draws the same"

# A session is a script.
run error bits-fewer log-counts 'zoom -2:2' 'save-screen one.txt' 'save-session session.qs'
like "$(cat session.qs)" 'zoom -2:2' "the session has its commands"
echo 'save-screen two.txt' >>session.qs
qscope --script session.qs
is "$?" 0 "a session runs again"
ok "$(cmp -s one.txt two.txt; echo $?)" "and leads to the same screen"

# Every command of the table by its name: it is done, or the message names the line and says why not.
cat >table.c <<'END'
#define COMMAND(id, name, keys, group, hint, what, why, handler, argument) @ name @
#define COMMAND_TEXT(scope, id, name, keys, group, hint, text, what, why, handler)
#include "tui/screen/commands.def"
END
# shellcheck disable=SC2086 # QSCOPE_COMPILE is a command line
$QSCOPE_COMPILE -E -P table.c | sed -n 's/^@ "\([a-z-]*\)" @.*/\1/p' >names
ok "$([ "$(wc -l <names)" -gt 60 ]; echo $?)" "the commands are read"
wrong=
while read -r name; do
  for before in '' tensors checks session experiments; do
    case $name in
    list-*) [ "$before" = tensors ] || continue ;;
    checks-*) [ "$before" = checks ] || continue ;;
    session-*) [ "$before" = session ] || continue ;;
    experiments-*) [ "$before" = experiments ] || continue ;;
    *) [ -z "$before" ] || continue ;;
    esac
    printf '%s\n' "$before" "$name" 'save-screen screen.txt' | "$QSCOPE_PROGRAM" \
      synth:laplace,shape=16x16 --script - --screen 66x18 >out.txt 2>err.txt
    status=$?
    case "$status $(cat err.txt)" in
    '0 ' | '2 qscope: standard input:2: '*) ;;
    *) wrong="$wrong $name: $status $(cat err.txt);" ;;
    esac
  done
done <names
is "$wrong" "" "every command by script"

# The picture in the README is what the explorer looks like.
sed '/\.png$/d' "$QSCOPE_SRCDIR/tui/screen/explorer.qs" >explorer.qs
qscope --script explorer.qs --screen 100x30 --theme dark
is "$?" 0 "the script of the README's picture"
diff "$QSCOPE_SRCDIR/tui/screen/explorer.txt" explorer.txt >differences
ok "$?" "the picture is as the explorer looks; else: make screenshots"
sed 's/^/# /' differences

# Frames of scripts are timed.
printf 'bits-more\nbits-fewer\n' >script.qs
qscope synth: --script script.qs --trace-frames frames.tsv
like "$(cut -f 2,4 frames.tsv | tr '\t' ' ')" 'bits-more exact' "--trace-frames tells the commands"
done_testing
