#!/bin/sh
# autogen.sh deps: installs what is missing and nothing else, with whatever manager there is.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

# A machine of our own: a PATH with the few tools the script needs, and a manager that only notes
# what it is asked for. Nothing of what qscope needs is there: no compiler, no libraries.
mkdir machine
for tool in sh cut tr sed head find dirname mktemp cat rm mkdir grep; do
  ln -s "$(command -v $tool)" machine/$tool
done
pretend() # pretend NAME BODY: a command of this machine
{
  printf '#!/bin/sh\n%s\n' "$2" >"machine/$1"
  chmod +x "machine/$1"
}
pretend id 'echo 0'
autogen()
{
  PATH=$tmp/machine HOME=$tmp "$tmp/machine/sh" "$QSCOPE_SRCDIR/autogen.sh" "$@" </dev/null
}

autogen deps >out 2>&1
is "$?" 1 "without a manager: fails"
for word in compiler make autoreconf automake pkg-config gsl ncursesw cairo libpng jansson libzip cmocka vterm; do
  like "$(cat out)" "^  (command |library )?$word\$" "without a manager: names $word"
done

# manager NAME PACKAGE...: each of them is asked for, in one call that does not ask back.
manager()
{
  name=$1
  shift
  pretend "$name" "echo \"\$0 \$*\" >>$tmp/asked"
  : >asked
  autogen deps >out 2>&1
  is "$?" 1 "$name: notices that nothing came of it"
  like "$(cat out)" 'still missing' "$name: says so"
  for package in "$@"; do
    like "$(tr ' ' '\n' <asked)" "^$package\$" "$name: asks for $package"
    like "$(sed -n 's/.*installing: //p' out | tr ' ' '\n')" "^$package\$" "$name: announces $package"
  done
  rm "machine/$name"
}
pretend env 'while :; do case $1 in *=*) shift ;; *) break ;; esac; done; exec "$@"'
manager apt-get libgsl-dev libncurses-dev libcairo2-dev libpng-dev libjansson-dev libzip-dev libcmocka-dev libvterm-dev \
  gcc libc6-dev make autoconf automake pkg-config
pretend apt-get "echo \"\$*\" >>$tmp/order"
autogen deps >out 2>&1
is "$(head -n 1 order)" update "apt-get: lists first"
like "$(sed -n 2p order)" '^install -y ' "apt-get: does not ask back"
rm machine/apt-get
manager dnf gsl-devel ncurses-devel cairo-devel libpng-devel jansson-devel libzip-devel libcmocka-devel libvterm-devel
manager pacman gsl ncurses cairo libpng jansson libzip cmocka libvterm
manager zypper gsl-devel ncurses-devel cairo-devel libpng16-devel libjansson-devel libzip-devel libcmocka-devel
manager apk gsl-dev ncurses-dev cairo-dev libpng-dev jansson-dev libzip-dev cmocka-dev libvterm-dev musl-dev
manager brew gsl ncurses cairo libpng jansson libzip cmocka libvterm

# Not root: through sudo.
pretend id 'echo 1000'
pretend sudo "echo sudo >>$tmp/sudo; exec \"\$@\""
pretend dnf "exit 0"
autogen deps >out 2>&1
is "$(cat sudo)" sudo "not root: through sudo"

# All there: nothing to do, nothing to say.
for tool in cc make autoreconf automake pkg-config tput dnf; do
  pretend $tool 'exit 0'
done
pretend fc-list 'echo font'
pretend dnf "echo called >$tmp/called"
is "$(autogen deps 2>&1; echo $?)" 0 "all there: no word"
ok "$([ ! -e called ]; echo $?)" "all there: the manager is not called"
is "$(autogen deps ci 2>&1 | sed -n 's/.*installing: //p')" "clang xz" "deps ci asks for more"
autogen wrong >out 2>&1
is "$? $(grep -c '^Usage' out)" "2 1" "a wrong word gets the usage"
like "$(autogen --help)" 'autogen.sh run' "--help"
done_testing
