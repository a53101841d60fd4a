#!/bin/sh
# From a fresh clone to a running program. `./autogen.sh --help` tells how.
set -eu

here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
build=$here/build

usage()
{
  cat <<'END'
Usage: ./autogen.sh             make ./configure (autoreconf)
       ./autogen.sh deps [ci]   install what is missing, and where they exist the libraries for
                                MATLAB and HDF5 files; "ci" also what .ci/run needs
       ./autogen.sh run [ARG]   deps, configure, build in build/, then qscope ARG...
       ./autogen.sh check       deps, configure, build in build/, then make check
END
}

say()
{
  printf 'autogen.sh: %s\n' "$*" >&2
}

# --- what is needed, and what the package managers call it -------------------

# set | how to see that it is there | apt | dnf | pacman | zypper | apk | brew
needs()
{
  cat <<'END'
build|compiler            |gcc libc6-dev       |gcc glibc-devel      |gcc        |gcc glibc-devel      |gcc musl-dev       |gcc
build|command make        |make                |make                 |make       |make                 |make               |make
build|command autoreconf  |autoconf            |autoconf             |autoconf   |autoconf             |autoconf           |autoconf
build|command automake    |automake            |automake             |automake   |automake             |automake           |automake
build|command pkg-config  |pkg-config          |pkgconf-pkg-config   |pkgconf    |pkgconf-pkg-config   |pkgconf            |pkgconf
build|library gsl         |libgsl-dev          |gsl-devel            |gsl        |gsl-devel            |gsl-dev            |gsl
build|library ncursesw    |libncurses-dev      |ncurses-devel        |ncurses    |ncurses-devel        |ncurses-dev        |ncurses
build|library cairo       |libcairo2-dev       |cairo-devel          |cairo      |cairo-devel          |cairo-dev          |cairo
build|library libpng      |libpng-dev          |libpng-devel         |libpng     |libpng16-devel       |libpng-dev         |libpng
build|library jansson     |libjansson-dev      |jansson-devel        |jansson    |libjansson-devel     |jansson-dev        |jansson
build|library libzip      |libzip-dev          |libzip-devel         |libzip     |libzip-devel         |libzip-dev         |libzip
build|library cmocka      |libcmocka-dev       |libcmocka-devel      |cmocka     |libcmocka-devel      |cmocka-dev         |cmocka
build|library vterm       |libvterm-dev        |libvterm-devel       |libvterm   |libvterm-devel       |libvterm-dev       |libvterm
build|font                |fonts-dejavu-core   |dejavu-sans-fonts    |ttf-dejavu |dejavu-fonts         |font-dejavu        |font-dejavu
build|terminal            |ncurses-bin         |ncurses              |ncurses    |ncurses-utils        |ncurses            |ncurses
more |library matio       |libmatio-dev        |matio-devel          |libmatio   |matio-devel          |matio-dev          |libmatio
more |library hdf5        |libhdf5-dev         |hdf5-devel           |hdf5       |hdf5-devel           |hdf5-dev           |hdf5
more |library openblas    |libopenblas-dev     |openblas-devel       |openblas   |openblas-devel       |openblas-dev       |openblas
ci   |command clang       |clang               |clang                |clang      |clang                |clang compiler-rt  |llvm
ci   |command xz          |xz-utils            |xz                   |xz         |xz                   |xz                 |xz
END
}

# there KIND [NAME]: true when the thing can be used already.
there()
{
  case $1 in
  compiler)
    printf '#include <stdio.h>\n' | ${CC:-cc} -E - >/dev/null 2>&1 ;;
  command)
    command -v "$2" >/dev/null 2>&1 ;;
  library)
    pkg-config --exists "$2" 2>/dev/null ;;
  font)
    if command -v fc-list >/dev/null 2>&1; then
      [ -n "$(fc-list 2>/dev/null | head -n 1)" ]
    else
      [ -n "$(find /usr/share/fonts /usr/local/share/fonts "${HOME:-/}/.fonts" \
        /Library/Fonts /System/Library/Fonts -name '*.tt[fc]' 2>/dev/null | head -n 1)" ]
    fi ;;
  terminal)
    tput -T xterm-256color colors >/dev/null 2>&1 ;;
  esac
}

# manager_column: the column of `needs` for the package manager of this machine, 0 without one.
manager_column()
{
  column=3
  for manager in apt-get dnf pacman zypper apk brew; do
    if command -v "$manager" >/dev/null 2>&1; then
      echo "$column"
      return
    fi
    column=$((column + 1))
  done
  echo 0
}

# missing COLUMN [ci]: what is not there, by package name (column 0: by what it is).
missing()
{
  needs | while IFS='|' read -r set probe packages; do
    set=${set%% *}
    [ "$set" = build ] || [ "$set" = "${2:-}" ] || continue
    # shellcheck disable=SC2086 # the probe is a kind and a name
    there $probe && continue
    if [ "$1" -eq 0 ]; then
      # shellcheck disable=SC2086 # without the blanks of the table
      echo $probe
    else
      printf '%s\n' "$packages" | cut -d '|' -f "$(($1 - 2))"
    fi
  done
}

as_root()
{
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

# install COLUMN PACKAGE...
install()
{
  manager=$1
  shift
  case $manager in
  3)
    as_root apt-get update
    as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y --no-install-recommends "$@" ;;
  4) as_root dnf install -y "$@" ;;
  5) as_root pacman -Sy --needed --noconfirm "$@" ;;
  6) as_root zypper --non-interactive install "$@" ;;
  7) as_root apk add "$@" ;;
  8) brew install "$@" ;;
  esac
}

deps()
{
  lacking=$(missing 0 "${1:-}")
  [ -n "$lacking" ] || return 0
  manager=$(manager_column)
  if [ "$manager" -eq 0 ]; then
    say "no package manager that I know (apt, dnf, pacman, zypper, apk, brew); please install:"
    printf '%s\n' "$lacking" | sed 's/^/  /' >&2
    return 1
  fi
  packages=$(missing "$manager" "${1:-}" | tr '\n' ' ')
  # shellcheck disable=SC2086 # a list of words
  set -- "${1:-}" $packages
  mode=$1
  shift
  say "installing: $*"
  install "$manager" "$@" </dev/null
  lacking=$(missing 0 "$mode")
  if [ -n "$lacking" ]; then
    say "still missing after the installation:"
    printf '%s\n' "$lacking" | sed 's/^/  /' >&2
    return 1
  fi
}

# What is good to have: each is tried, and none is needed.
more()
{
  manager=$(manager_column)
  [ "$manager" -eq 0 ] && return 0
  for package in $(missing "$manager" more); do
    say "installing: $package"
    install "$manager" "$package" </dev/null || say "$package: not available; built without it"
  done
}

# --- from source to program ----------------------------------------------------

bootstrap()
{
  (cd "$here" && autoreconf --install --force)
}

processors()
{
  getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2
}

# Once there is a Makefile, its own rules remake configure and themselves when they are stale.
compile()
{
  { [ -f "$here/configure" ] || bootstrap; } &&
    mkdir -p "$build" &&
    { [ -f "$build/Makefile" ] || (cd "$build" && "$here/configure"); } &&
    make -s -C "$build" -j "$(processors)" all
}

# Runs CALL with its chatter kept back; all of it is shown when CALL fails.
quietly()
{
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    rm -f "$log"
  else
    cat "$log" >&2
    rm -f "$log"
    say "failed: $*"
    return 1
  fi
}

case ${1:-} in
'')
  bootstrap ;;
deps)
  deps "${2:-}"
  more ;;
run)
  shift
  deps
  [ -x "$build/qscope" ] || say "building in $build (once)"
  quietly compile
  exec "$build/qscope" "$@" ;;
check)
  deps
  compile
  make -C "$build" -j "$(processors)" check ;;
-h | --help)
  usage ;;
*)
  usage >&2
  exit 2 ;;
esac
