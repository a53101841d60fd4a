#!/bin/sh
# Names and paths that mean harm: each gives a listing without control characters, or one line that
# says why not; nothing blocks, nothing is read outside the folder.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

# safetensors HEADER BYTES: a file on standard output, its data zeros.
safetensors()
{
  length=$(printf '%s' "$1" | wc -c)
  printf '%b' "$(awk -v n="$length" 'BEGIN { for (i = 0; i < 8; i++) { printf "\\0%03o", n % 256; n = int(n / 256) } }')"
  printf '%s' "$1"
  head -c "$2" /dev/zero
}

# clean NAME FILE...: no control character but the newline, no byte that is not UTF-8.
clean()
{
  name=$1
  shift
  found=$(LC_ALL=C tr -d '\12\40-\176\200-\377' <"$1" | wc -c)
  is "$found" 0 "$name: no control character"
  found=$(LC_ALL=C grep -c "$(printf '\302[\200-\237]\|\342\200[\213-\217\252-\256]')" "$1")
  is "$found" 0 "$name: nothing that reorders text, no C1"
}

# In time: a command that waits for a pipe or a terminal would wait for ever.
in_time()
{
  timeout 20 "$QSCOPE_PROGRAM" "$@" </dev/null
}
printf 'a\033b\n' >dirty.txt
(clean x dirty.txt >/dev/null; [ "$tap_failed" -eq 1 ])
ok $? "clean notices an escape sequence"

# --- names in the file --------------------------------------------------------------------------
evil='a\u001b[31m\u001b]0;title\u0007\u009b2J\r\n\u202e\u200b.w'
entry='{"dtype":"F32","shape":[2,8],"data_offsets":[0,64]}'
safetensors "{\"$evil\":$entry}" 64 >evil.safetensors
qscope list evil.safetensors >list.txt 2>&1
clean "list" list.txt
like "$(cat list.txt)" 'a\\x1b\[31m\\x1b\]0;title\\x07\\xc2\\x9b2J\\x0d\\x0a\\xe2\\x80\\xae\\xe2\\x80\\x8b\.w' "list shows the bytes"
is "$(wc -l <list.txt)" 2 "in one line"
qscope list evil.safetensors --csv >list.csv
clean "list --csv" list.csv
qscope list evil.safetensors --json >list.json
clean "list --json" list.json
for style in "" --json; do
  qscope report evil.safetensors -q int8 $style >report.txt 2>&1
  is "$?" 0 "report $style"
  clean "report $style" report.txt
done
qscope report evil.safetensors -q int8 --csv >report.csv
clean "report --csv" report.csv
qscope inspect evil.safetensors >inspect.txt 2>&1
clean "inspect" inspect.txt
qscope board evil.safetensors >board.txt 2>&1
clean "board" board.txt
qscope sweep evil.safetensors --over bits=2:4 >sweep.txt 2>&1
clean "sweep" sweep.txt
qscope plot evil.safetensors -q int8 -o evil.png >plot.txt 2>&1
is "$?" 0 "plot"
clean "plot" plot.txt
qscope replay evil.png --print >recipe.txt 2>&1
is "$?" 0 "the recipe of the figure"
clean "recipe" recipe.txt
in_time replay evil.png -o again.png 2>again.txt
in_time report evil.safetensors -t "$(printf 'x\033[2J')" >error.txt 2>&1
is "$?" 3 "a name on the command line"
clean "its message" error.txt
cp evil.safetensors "$(printf 'file\033[31m.safetensors')"
qscope list file*.safetensors --json >name.txt 2>&1
clean "the file's own name" name.txt
in_time list "$(printf 'no\033[31msuch\nfile')" >name.txt 2>&1
clean "a missing file's name" name.txt

# A name of a megabyte, twice.
long=$(head -c 1000000 /dev/zero | tr '\0' 'n')
safetensors "{\"$long\":$entry}" 64 >long.safetensors
in_time list long.safetensors >long.txt 2>&1
is "$?" 0 "a name of a megabyte is listed"
in_time report long.safetensors -q int8 --json >long.txt 2>&1
is "$?" 0 "and reported"
in_time plot long.safetensors -q int8 -o long.png >long.txt 2>&1
is "$?" 0 "and drawn"
in_time report long.safetensors -t nothing >long.txt 2>&1
is "$? $([ "$(wc -c <long.txt)" -lt 2000 ]; echo $?)" "3 0" "a message does not repeat it"
safetensors "{\"$long\":$entry,\"$long\":$entry}" 64 >twice.safetensors
fails 3 "duplicate" "a name twice" in_time list twice.safetensors
fails 3 "NUL" "a name with a NUL" in_time list "$QSCOPE_TEST_DATA/bad/safetensors-name-with-nul.safetensors"

# The same in the other files whose names are not bounded by their kind.
printf '%s,b\n1,2\n3,4\n' "$long" >long.csv
in_time list long.csv >long.txt 2>&1
is "$? $([ "$(wc -c <long.txt)" -lt 2000 ]; echo $?)" "0 0" "a column's name of a megabyte is listed, cut"
mkdir names && npy make "names/$(printf 'a\033[31m').npy" f4 2 1 2
in_time list names >names.txt 2>&1
is "$?" 0 "a file's name with an escape sequence is a tensor's"
clean "its list" names.txt
in_time report names -q int8 >names.txt 2>&1
clean "its report" names.txt

# --- paths --------------------------------------------------------------------------------------
mkdir outside inside
safetensors "{\"secret\":$entry}" 64 >outside/secret.safetensors
i=0
for path in ../outside/secret.safetensors "$tmp/outside/secret.safetensors" ./../outside/secret.safetensors \
  inside/../../outside/secret.safetensors '' . ..; do
  i=$((i + 1))
  printf '{"weight_map":{"secret":"%s"}}' "$path" >inside/model.safetensors.index.json
  fails 3 "expected the name of a file in the same folder" "a shard elsewhere ($i)" in_time list inside
done
ln -s loop.safetensors loop.safetensors
fails 3 "loop.safetensors: cannot open: Too many levels of symbolic links" "a link to itself" in_time list loop.safetensors
mkdir circle && ln -s ../circle circle/circle
fails 3 "circle: " "a folder in itself" in_time list circle

# --- what is no file ----------------------------------------------------------------------------
for suffix in npy npz safetensors gguf pt onnx bin csv txt mat h5 dat; do
  mkfifo "pipe.$suffix"
  fails 3 "pipe.$suffix: .*(pipe|FIFO)" "a pipe called .$suffix" in_time list "pipe.$suffix"
  ln -s "round.$suffix" "round.$suffix"
  fails 3 "round.$suffix: cannot open: Too many levels" "a link to itself called .$suffix" in_time list "round.$suffix"
  : >"empty.$suffix"
  fails 3 "empty.$suffix: the file is empty" "nothing in a file called .$suffix" in_time list "empty.$suffix"
done
fails 3 "pipe.npy: no session has looked at it yet" "a pipe that is no session" in_time pipe.npy --restore
fails 3 "pipe.bin: .*pipe" "a pipe as raw:" in_time list raw:pipe.bin,dtype=u8
mkdir folder.npy
fails 3 "folder.npy: " "a folder called .npy" in_time list folder.npy
for device in /dev/null /dev/zero /dev/tty /dev/full; do
  [ -c "$device" ] || continue
  fails 3 "$device: " "$device" in_time list "$device"
done
ln -s /dev/zero zero.npy
fails 3 "zero.npy: .*character device" "a link to a device" in_time list zero.npy
mkdir shards
mkfifo shards/model.safetensors
fails 3 "model.safetensors: .*pipe" "a pipe among shards" in_time list shards
[ ! -r /proc/self/status ] || fails 3 "/proc/self/status: " "a file of /proc, whose size is 0" in_time list /proc/self/status
[ ! -d /proc/self ] || fails 3 "/proc/self" "a folder of /proc" in_time list /proc/self
if [ "$(id -u)" -ne 0 ]; then
  npy make locked.npy f4 4 1 2 3 4
  chmod 0 locked.npy
  fails 3 "locked.npy: cannot open: Permission denied" "a file that may not be read" in_time list locked.npy
else
  skip "a file that may not be read" "root may read everything"
fi

# A file that grows while it is read: what was there is what counts.
npy make growing.npy f4 4 1 2 3 4
(i=0; while [ $i -lt 200 ]; do printf 'xxxxxxxxxxxxxxxx'; i=$((i + 1)); done >>growing.npy) &
in_time report growing.npy -q int8 --json >growing.json
is "$? $(get count <growing.json)" "0 4" "a file that grows"
wait
done_testing
