#!/bin/sh
# qscope list, formats and calibrators.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

npy make small.npy f4 "3,2" 1 2 3 4 5 6
is "$(qscope list small.npy)" "name   stored  shape  elements  bytes
small  f32     3x2           6     24" "the table of a .npy"
is "$(qscope list small.npy --csv)" "name,stored,shape,elements,bytes
small,f32,3x2,6,24" "as comma-separated values"
is "$(qscope list small.npy --json | get source type tensors.# tensors.0.name tensors.0.stored \
  tensors.0.shape.0 tensors.0.shape.1 tensors.0.elements tensors.0.bytes | tr '\n' ' ')" \
  "small.npy npy 1 small f32 3 2 6 24 " "as JSON"
is "$(qscope list small.npy --json | get totals.tensors totals.elements totals.bytes totals.bits_per_element | tr '\n' ' ')" \
  "1 6 24 32 " "totals in JSON"
is "$("$QSCOPE_PROGRAM" list - --json <small.npy | get tensors.0.elements)" 6 "from standard input" 
printf 'a,b\n1,2\n3,4.5\n' >ab.csv
is "$("$QSCOPE_PROGRAM" report - -t b --json <ab.csv | get shape.0 max | tr '\n' ' ')" "2 4.5 " "a table on standard input"
is "$(cat ab.csv | "$QSCOPE_PROGRAM" list - --csv 2>/dev/null | sed -n 2p)" "stdin,f64,2x2,4,32,a row is a channel; axis 1 takes the columns" "from a pipe"
is "$("$QSCOPE_PROGRAM" list - <ab.csv 2>&1 >/dev/null)" "qscope: standard input: 2 rows of 2 numbers between commas, header in line 1" "its notes call it by a name"
is "$("$QSCOPE_PROGRAM" report - -t a -q int8 <ab.csv 2>/dev/null | head -n 1)" "standard input: a" "and so does a report"
is "$("$QSCOPE_PROGRAM" report - -t a -q int8 --json <ab.csv | get source)" "-" "but data have what was typed"
is "$("$QSCOPE_PROGRAM" report - -t zzzzz -q int8 <ab.csv 2>&1)" "qscope: standard input: no tensor \"zzzzz\"; there are 3: stdin, a, b" "messages, too"
printf '\0\200\77\0\100\0\300\0' >numbers,1.bin
is "$(qscope list 'raw:numbers,1.bin,dtype=bf16,offset=1' --csv 2>/dev/null | sed -n 2p)" '"numbers,1",bf16,3,3,6' "numbers without a header"
is "$(qscope list 'raw:numbers,1.bin,dtype=bf16,offset=1' 2>&1 >/dev/null)" "qscope: raw:numbers,1.bin,dtype=bf16,offset=1: 1 byte behind the tensor is not read" "what is behind them"
is "$(cat numbers,1.bin | "$QSCOPE_PROGRAM" report raw:-,dtype=bf16,offset=1,shape=3 --json | get min max source | tr '\n' ' ')" "-2 2 raw:-,dtype=bf16,offset=1,shape=3 " "and on standard input"
qscope plot raw:numbers,1.bin,dtype=i8,shape=?x4 -q int4 -o raw.png
is "$(qscope replay raw.png --print | cut -d ' ' -f 1-4)" "qscope 'raw:numbers,1.bin,dtype=i8,shape=?x4' -t numbers,1" "the recipe of a figure holds it"
npy make same.npy f4 3 1 2 -2
printf '\77\200\0\0\100\0\0\0\300\0\0\0' >same.bin
is "$(qscope diff raw:same.bin,dtype=f32,order=big same.npy --json | get tensors.0.elements tensors.0.identical | tr '\n' ' ')" "3 true " "diff of it"
is "$("$QSCOPE_PROGRAM" list - --json <"$QSCOPE_SRCDIR/tests/data/good/gguf-plain-numbers.gguf" | get type)" gguf "any file there"
qscope list synth: >gallery.txt
for name in gaussian laplace student-t uniform lognormal bimodal relu gelu llm-weight llm-activation; do
  like "$(grep "^$name " gallery.txt)" ' f32 .*[a-z]{4}' "the gallery describes $name"
done
is "$(qscope list synth: --json | get tensors.#)" "$(($(wc -l <gallery.txt) - 1))" "as many in JSON"

# What a source says about itself.
good=$QSCOPE_SRCDIR/tests/data/good
is "$(qscope list "$good/safetensors-metadata.safetensors" --metadata)" "key     value
format  pt" "the metadata as a table"
is "$(qscope list "$good/gguf-metadata.gguf" --metadata --json | get metadata.0.key metadata.0.value metadata.# tensors.# | tr '\n' ' ')" \
  "u8 1 16 $(qscope list "$good/gguf-metadata.gguf" --json | get tensors.#) " "as JSON, beside the tensors"
is "$(qscope list small.npy --metadata)" "key  value" "where there is none"

# Sorted, filtered, as a tree, with statistics.
is "$(qscope list synth: --filter 'name:gauss' --csv | sed 1d | cut -d, -f1 | head -1)" "gaussian" "a filter by name"
is "$(qscope list synth: --sort name --csv | sed 1d | cut -d, -f1 | LC_ALL=C sort -c; echo $?)" 0 "sorted by name"
is "$(qscope list synth: --sort name,reverse --csv | sed 1d | cut -d, -f1 | LC_ALL=C sort -rc; echo $?)" 0 "and backwards"
is "$(qscope list small.npy --filter 'size>6' --json | get tensors.# totals.tensors | tr '\n' ' ')" "0 0 " "nothing passes"
is "$(qscope list small.npy --stats --json | get tensors.0.absmax tensors.0.role | tr '\n' ' ')" "6 weight " "statistics in JSON"
like "$(qscope list small.npy --stats)" "sqnr_db" "statistics in the table"
is "$(qscope list synth:gaussian -q int8,percentile=99 --filter 'clip>0.9% clip<1.1%' --json | get tensors.#)" 1 "a filter by the share that is clipped: one in a hundred by definition"
is "$(qscope list synth:gaussian -q int8 --filter 'clip>0' --json | get tensors.#)" 0 "minmax clips nothing"
like "$(qscope list small.npy --filter 'kurtosis>10')" "^name " "a filter by a statistic computes it"
qscope list small.npy --filter 'dtpe:f32' 2>err
is "$? $(cat err)" "2 qscope: list: --filter: position 1: 'dtpe' is no property of a tensor; did you mean dtype?" \
  "a wrong filter"
qscope list small.npy --sort kurt 2>err
is "$? $(cat err)" "2 qscope: list: --sort: no column 'kurt'; did you mean kurtosis?" "a wrong column"
qscope list small.npy --tree --json 2>err
is "$?" 2 "a tree is for people"

# A name from a file never reaches the terminal raw, and never breaks JSON.
printf '\033[31mred\n.npy' >name
cp small.npy "$(cat name)"
is "$(qscope list "$(cat name)" | tr -d '[:print:]\n' | wc -c)" 0 "control characters are escaped"
is "$(qscope list "$(cat name)" --json | get tensors.0.elements)" 6 "and JSON stays JSON"
bad=$(printf 'bad\377name.npy')
if cp small.npy "$bad" 2>/dev/null; then
  is "$(qscope report "$bad" --json | get tensor)" 'bad\xffname' "invalid UTF-8 is escaped in JSON"
else
  skip "invalid UTF-8 is escaped in JSON" "this file system wants UTF-8"
fi

for word in int1 int2 int3 int4 int5 int6 int7 int8 int12 int16 e4m3 e5m2 e3m4 e2m5 e2m3 e2m1 nf4 bf16 tf32 e8m0; do
  like "$(qscope formats)" "(^| )$word " "formats lists $word"
done
is "$(qscope formats --json | get '#')" "$(($(qscope formats | wc -l) - 1))" "formats as JSON"
for word in minmax percentile entropy mse; do
  like "$(qscope calibrators)" "^$word" "calibrators lists $word"
done
is "$(qscope calibrators --json | get '#')" "$(($(qscope calibrators | wc -l) - 3))" "calibrators and scale rules as JSON"
like "$(qscope calibrators)" "^half-range +sym" "calibrators lists scale rules"
like "$(qscope presets)" "^pytorch-qint8 " "presets lists pytorch-qint8"
is "$(qscope presets --json | get 0.expanded)" \
  "int8,sym,tensor,minmax,scale-rule=pytorch,arithmetic=reciprocal" "what a preset stands for"
is "$(qscope presets --json | get '#')" "$(qscope presets | grep -c '^[a-z]')" "presets as JSON"

# The eight magnitudes of E2M1 as CONVENTIONS lists them.
is "$(qscope formats --values fp4 --csv | sed 1d | cut -d, -f3 | tr '\n' ' ')" \
  "0 0.5 1 1.5 2 3 4 6 -0 -0.5 -1 -1.5 -2 -3 -4 -6 " "all values of E2M1"
is "$(qscope formats --values e5m2 | awk '$1 == "0x7c" || $1 == "0xff" { printf "%s %s ", $2, $3 }')" \
  "01111100 inf 11111111 nan " "infinity and NaN of E5M2"
is "$(qscope formats --values e4m3 --json | get 'values.#') $(qscope formats --values e4m3 --json | get max)" "256 448" \
  "values as JSON"
qscope formats --values tf32 2>err
is "$? $(cat err)" "2 qscope: --values: tf32 has 19 bits; formats of up to 16 are listed" "too many codes to list"
qscope formats --values e4x3 2>err
is "$?" 2 "an unknown format"
like "$(cat err)" "did you mean" "an unknown format has a neighbour"
npy make book.npy f4 5 -3 -0.5 0.25 1 8
is "$(qscope formats --values codebook=book.npy --csv | sed 1d | cut -d, -f3 | tr '\n' ' ')" "-3 -0.5 0.25 1 8 nan nan nan " \
  "the values of a codebook"
npy make book.npy f4 3 1 0 2
qscope report synth:gaussian -q codebook=book.npy 2>err
is "$?" 3 "a codebook that is not sorted"
like "$(cat err)" "level 1 \(0\) is not above level 0 \(1\)" "a codebook that is not sorted: why"
qscope report synth:gaussian -q tf32 --codes c.npy 2>err
is "$?" 2 "tf32 has no codes to save"
done_testing
