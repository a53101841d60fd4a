#!/bin/sh
# Help, manual and README speak of every subcommand and option, and of none that is not there.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

manual=$QSCOPE_SRCDIR/tui/qscope.1
readme=$QSCOPE_SRCDIR/README.md
qscope --help >help.txt
commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' help.txt)
options=$(sed -n '/^Options:/,/^$/s/^  \(-., \| *\)--\([a-z-]*\).*/\2/p' help.txt | sort -u)
is "$(echo "$commands" | tr '\n' ' ')" "explore list report inspect plot sweep board diff layer theory experiment formats calibrators presets methods replay " "the subcommands of --help"
ok "$([ "$(echo "$options" | wc -l)" -gt 20 ]; echo $?)" "the options of --help are found"

# mentions FILE WORD: as a word of its own; the manual writes - as \-.
mentions()
{
  sed 's/\\-/-/g' "$1" | grep -Eq -- "(^|[^a-z-])$2([^a-z-]|\$)"
}
mentions help.txt --no-such-option
is "$?" 1 "a word that is not there is not found"

for command in $commands; do
  grep -Eq "^\.BI? $command( |\$)" "$manual"
  ok "$?" "the manual knows $command"
  mentions "$readme" "$command"
  ok "$?" "the README knows $command"
  qscope "$command" --help >own.txt
  is "$?" 0 "$command --help"
  [ "$command" = explore ] || like "$(head -n 1 own.txt)" "^Usage: qscope $command" "$command --help says how to call it"
done
for option in $options; do
  mentions "$manual" "--$option"
  ok "$?" "the manual knows --$option"
done
for option in $(sed 's/\\-/-/g' "$manual" | grep -Eo -- '--[a-z][a-z-]+' | sort -u); do
  like "$options" "^${option#--}\$" "$option of the manual exists"
done
is "$(qscope --version)" "qscope $(sed -n 's/^AC_INIT(\[qscope\], \[\([0-9.]*\)\].*/\1/p' "$QSCOPE_SRCDIR/configure.ac")" "--version"
like "$(qscope --version -v)" 'kernels: baseline' "--version -v tells the kernels"
like "$(QSCOPE_ISA=baseline "$QSCOPE_PROGRAM" --version -v)" 'baseline \(in use\)' "QSCOPE_ISA caps them"
like "$(qscope --version -v)" 'libraries: GSL [0-9.]+, Jansson [0-9.]+, libzip [0-9.]+, Cairo [0-9.]+, libpng [0-9.]+, ncurses [0-9.]+' "--version -v tells the libraries"
like "$(qscope --version -v)" 'also reads: (no )?HDF5 .*libhdf5.*, (no )?MATLAB .*libmatio' "and which of the libraries that are not needed"
like "$(cat "$QSCOPE_SRCDIR/NEWS")" "$(qscope --version | cut -d ' ' -f 2)" "NEWS knows this version"
is "$(qscope replay "$QSCOPE_SRCDIR/tui/figure/example.png" --print)" \
  "qscope synth:laplace -t laplace -q int4,sym,tensor,mse --view histogram --log" "the picture of the README carries its recipe"
if command -v man >/dev/null 2>&1 && man --help 2>&1 | grep -q -- --warnings; then
  is "$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l "$manual" 2>&1 >/dev/null)" "" "the manual is sound"
else
  skip "the manual is sound" "no man here"
fi
done_testing
