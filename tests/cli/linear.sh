#!/bin/sh
# qscope --linear: lines in, sentences out.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

# session NAME: the lines of standard input through the program; what it says goes to NAME.
session()
{
  "$QSCOPE_PROGRAM" synth:llm-activation --axis 1 --linear >"$1" 2>"$1.err"
}
# says FILE TEXT
says()
{
  ok "$(grep -q -F -- "$2" "$1"; echo $?)" "$1: $2"
}

cat >lines <<'END'
bits-fewer
int4,group=32
board
read
channels
read
bits-nore
next-panel
tensors
checks
zoom-in

where
END
session all <lines
ok "$?" "the end of the lines is the end"
ok "$([ ! -s all.err ]; echo $?)" "nothing on standard error"
ok "$(LC_ALL=C grep -q '[[:cntrl:]]' all; echo $((1 - $?)))" "no control characters"
ok "$(grep -q '+--\|--+\|─\|│' all; echo $((1 - $?)))" "no boxes"

# The numbers are those of the report.
for spec in int8 int7 int4,group=32; do
  sqnr=$(qscope report synth:llm-activation --axis 1 -q $spec --json | get metrics.sqnr_db | awk '{ printf "%.2f", $1 }')
  says all "SQNR $sqnr dB"
done
says all 'Tensor llm-activation: 1024x1024, f32.'
says all 'less than before'
says all 'more than before'
says all 'View Board:'
says all 'Across: clip threshold'
says all 'all error: begins with'
says all '476 (57.2'
says all "no command is called 'bits-nore'; did you mean 'bits-more'?"
says all 'Tensors  1 of 1'
says all 'checks of int4'
says all 'The same state again: qscope synth:llm-activation -q int4,sym,group=32,minmax'

# Menus: the same numbers in every run; what a command needs is asked for.
# number NAME: of the command called so, in the menu of the knobs.
# Messages name keys: they work here, too; in a menu a number is its number.
printf '3\na\nB\nx\ns\nint5\n5\n:\nmenu\n3\n' | session keys
says keys 'View Channels:'
says keys 'pinned as A: turn a knob, 5 compares, x exchanges.'
says keys 'A and B are exchanged.'
says keys 'int5,sym,tensor,minmax: SQNR'
says keys 'View Compare:'
ok "$(grep -c '^A key alone' keys | grep -qx 2; echo $?)" "the key of the palette gets the help"
ok "$(grep -q '^1. ' keys && ! grep -q "no command" keys; echo $?)" "and in a menu numbers choose"

printf 'menu\n1\n' | session knobs
says knobs '1. Knobs'
number()
{
  awk -F '[.:] *' -v name="$1" '$2 == name { print $1 }' knobs
}
printf 'menu\n1\n%s\n99\n0\n0\n' "$(number bits-more)" | session menu
says menu 'int9,sym,tensor,minmax: SQNR'
says menu 'Out of the menu.'
printf 'menu\n1\n%s\nint6,asym\n%s\n\nquit\n' "$(number quantizer)" "$(number quantizer)" |
  session asked
says asked 'quantizer: type SPEC'
says asked 'int6,asym,tensor,minmax: SQNR'

# Every view's cursor says where it is.
printf '%s\n' format-view pan-left pan-left channels pan-right 'cursor 2' heat-map heat-sort inspector 'cursor 3,1' \
  board pan-right | session places
says places 'int8: 127, number 127 of 127, the largest; in the data '
says places 'channel 2: max |x| '
says places 'mean squared error, the channels with the worst first.'
says places ', element 1: x = '
says places ': clips at '

printf '' | session none
ok "$?" "no line at all"
fails 2 'cannot be both' "not commands and numbers at once" qscope - --linear
done_testing
