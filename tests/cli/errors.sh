#!/bin/sh
# What goes wrong, and what is said: exit status 2, 3 or 4, and one line that names the culprit.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

npy make good.npy f4 4 1 2 3 4
(fails 3 nothing x true >/dev/null; [ "$tap_failed" -eq 1 ])
ok $? "fails notices a success"

# 2: the request is wrong.
fails 2 "^qscope: unknown option '--jsno'; did you mean '--json'\?" "an option with a typo" qscope report good.npy --jsno
fails 2 "'--d' may be '--d" "an ambiguous option" qscope report good.npy --d 3
fails 2 "'--json' takes no value" "a value too many" qscope report good.npy --json=yes
fails 2 "unknown option '-x'" "an unknown letter" qscope report good.npy -x
fails 2 "'-q' needs a value" "a missing value" qscope report good.npy -q
fails 2 "did you mean 'report'\?" "a subcommand with a typo" qscope reprot
fails 2 "did you mean 'report'\?" "a subcommand with a typo, and its operand" qscope repot good.npy
fails 2 "'list' has no option '--view' .*plot" "an option of another subcommand" qscope list good.npy --view error
fails 2 "one word too many: 'more.npy'" "a second source" qscope inspect good.npy more.npy
fails 2 "exclude each other" "two styles" qscope report good.npy --json --csv
fails 2 "--quantizer: .*itn8.*did you mean .int8" "a format with a typo" qscope report good.npy -q itn8
fails 2 "--quantizer: .*grop.*group" "a word of a spec with a typo" qscope report good.npy -q int8,grop=64
fails 2 "--view: .*histogam.*histogram" "a view with a typo" qscope plot good.npy --view histogam -o f.png
fails 2 "--axis: expected a whole number" "an axis that is no number" qscope report good.npy --axis first
fails 2 "--range: expected LO:HI" "a range upside down" qscope plot good.npy --range 2:1 -o f.png
fails 2 "--size: expected a size such as 1600x1000 .pixels., 85x60mm" "a size in other units" qscope plot good.npy --size 8in -o f.png
fails 2 "160" "a figure too small to draw" qscope plot good.npy --size 20x20 -o f.png
fails 2 "--theme: expected one of light, dark; found 'blue'" "a theme that is none" qscope plot good.npy --theme blue -o f.png
fails 2 "--threads: expected a whole number from 1" "no thread at all" qscope report good.npy --threads 0
fails 2 "list: expected a SOURCE" "list of nothing" qscope list
fails 2 "report: expected a SOURCE" "report of nothing" qscope report
fails 2 "expected a file name that ends in .png, .svg or .pdf" "a figure as GIF" qscope plot good.npy -o f.gif
fails 2 "ends in .png" "a figure without a type" qscope plot good.npy -o figure
fails 2 "expected one -q for the view inspector, found 2" "a plot of two quantizers" qscope plot good.npy -q int8 -q int4 --view inspector -o f.png
fails 2 "at most 5 quantizers are compared, found 6" "six quantizers" qscope plot good.npy -q int8 -q int7 -q int6 -q int5 -q int4 -q int3 -o f.png
fails 2 "no such quantizer before the last" "--against what is not there" qscope plot good.npy -q int8 -q int4 --against B -o f.png
fails 2 "expected the letter" "--against no letter" qscope plot good.npy -q int8 -q int4 --against b -o f.png
fails 2 "needs two quantizers .*, or a second source" "a comparison with nothing" qscope plot good.npy --view compare -o f.png
fails 2 "expected one tensor, found [0-9]+ .*-t" "a plot of many tensors" qscope plot synth: -o f.png
fails 2 "replay: expected" "a replay of nothing" qscope replay
fails 2 "found [0-9]+ tensors and 2 quantizers" "codes of several results" qscope report good.npy -q int8 -q int4 --codes c.npy
fails 2 "^qscope: good.npy: good: channel=3: .*ax" "an axis that the tensor lacks" qscope report good.npy -q int8,channel=3
fails 2 "needs a terminal" "the explorer without a terminal" qscope good.npy
fails 2 "needs a terminal" "the gallery without a terminal" qscope
fails 2 "raw:good.npy,dtype=bf61: dtype=bf61: .*did you mean .bf16" "a stored type with a typo" qscope report raw:good.npy,dtype=bf61
fails 2 "raw:good.npy,dtpe=f32: unknown option .dtpe.*did you mean .dtype" "an option of raw: with a typo" qscope report raw:good.npy,dtpe=f32
fails 2 "raw:good.npy: expected dtype=" "raw: without a type" qscope list raw:good.npy
fails 2 "synth:.*(gausian|gaussian)" "a distribution with a typo" qscope report synth:gausian
fails 2 "replay: -t and -q belong" "a recipe and -q" qscope replay "plot synth:gaussian -q int8" -q int4 --print

# 3: input that cannot be read.
fails 3 "^qscope: nowhere.npy: .*[Nn]o such file" "a missing file" qscope report nowhere.npy
fails 3 "good.npy: .*wieght" "a missing tensor" qscope report good.npy -t wieght
fails 3 "synth:.*gausian.*gaussian" "a tensor with a typo" qscope report synth: -t gausian
fails 3 "no\*such" "a pattern that fits nothing" qscope report synth: -t 'no*such'
fails 3 "^qscope: .*\.png: " "a figure that is none" qscope replay nothing.png --print
cp good.npy picture.png
fails 3 "^qscope: picture.png: " "a figure that is no PNG" qscope replay picture.png --print
: >empty.npy
fails 3 "^qscope: empty.npy: " "an empty file" qscope list empty.npy
fails 3 "standard input|^qscope: -" "an empty standard input" qscope list -
found=0
for file in "$QSCOPE_TEST_DATA"/bad/*; do
  [ -e "$file" ] || continue
  found=$((found + 1))
  fails 3 "^qscope: .*$(basename "$file" | cut -c 1-20)" "bad/$(basename "$file")" qscope list "$file"
done
[ ! -d "$QSCOPE_TEST_DATA/bad" ] || ok "$([ "$found" -gt 0 ]; echo $?)" "there are bad files to try"

# Libraries that are loaded when a file needs them, and are not there (an empty file hides them).
mkdir hidden
for file in keras.h5 matlab-5.mat; do
  case $file in *.h5) library=libhdf5 ;; *) library=libmatio ;; esac
  so=$(qscope --version -v | sed -n "s/.*by \\($library[^)]*\\)).*/\\1/p")
  [ -n "$so" ] || { skip "$file without $library" "a build without $library"; continue; }
  : >"hidden/$so"
  fails 3 "$file: needs $library \(package .*\), which cannot be loaded: .*$so" "$file without $library" \
    env LD_LIBRARY_PATH="$PWD/hidden" "$QSCOPE_PROGRAM" list "$QSCOPE_TEST_DATA/optional/$file"
  is "$(LD_LIBRARY_PATH="$PWD/hidden" qscope list good.npy | grep -c '^good')" 1 "other files open without $library"
done

# 4: output that cannot be written; nothing partial, nothing lost.
fails 4 "cannot be written: No such file" "codes into no folder" qscope report good.npy --codes nowhere/c.npy -o /dev/null
fails 4 "cannot be written: No such file" "a report into no folder" qscope report good.npy -o nowhere/r.txt
fails 4 "nowhere/f.png" "a figure into no folder" qscope plot good.npy -o nowhere/f.png
is "$(find . -name '.qscope*' -o -name 'c.npy' -o -name '*.tmp*')" "" "nothing partial is left"
if [ -c /dev/full ]; then
  qscope list good.npy >/dev/full 2>err.txt
  is "$? $(cat err.txt)" "4 qscope: standard output: cannot be written: No space left on device" "a full disk behind list"
  qscope report good.npy --json >/dev/full 2>err.txt
  is "$? $(grep -c 'cannot be written: No space left' err.txt)" "4 1" "a full disk behind report"
  fails 4 "/dev/full: cannot be written: No space left" "a full disk behind --codes" qscope report good.npy --codes /dev/full -o /dev/null
  ok "$([ -c /dev/full ]; echo $?)" "and the device is still one"
else
  skip "a full disk" "there is no /dev/full"
fi
if [ "$(id -u)" -ne 0 ]; then
  mkdir locked && chmod a-w locked
  fails 4 "locked/c.npy: cannot be written: Permission denied" "a locked folder" qscope report good.npy --codes locked/c.npy -o /dev/null
else
  skip "a locked folder" "root may write everywhere"
fi
echo precious >kept.npy
cp good.npy link-target.npy
ln -s link-target.npy link.npy
qscope report good.npy --dequantized link.npy >/dev/null
ok "$([ -L link.npy ] && [ "$(npy info link-target.npy)" = "<f4 (4,)" ]; echo $?)" "a link is written through"
qscope report nowhere.npy --codes kept.npy 2>/dev/null
is "$(cat kept.npy)" precious "an old file survives a failure"

# A tensor that fails does not take the others along: numbers of six bits between two floats.
header='{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[8,11]},"c":{"dtype":"F32","shape":[1],"data_offsets":[11,15]}}'
{
  printf '%b\000\000\000\000\000\000\000' "\\0$(printf %o "${#header}")"
  printf '%s\000\000\200\077\000\000\000\100aaa\000\000\100\100' "$header"
} >mixed.safetensors
qscope report mixed.safetensors --json -o several.json 2>err.txt
is "$? $(get '#' 0.tensor 1.tensor 1.max <several.json | tr '\n' ' ')" "3 2 a c 3 " "the others are reported"
is "$(cat err.txt)" "qscope: mixed.safetensors: b: values stored as f6_e2m3 cannot be decoded" "and the failure is named"
fails 3 "mixed.safetensors: b: .*f6_e2m3" "that tensor alone" qscope report mixed.safetensors -t b
done_testing
