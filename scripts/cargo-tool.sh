#!/usr/bin/env bash
# Installs a tool of Rust's in the version that this repository uses, once for a machine, and prints the folder of its program.
#
# usage: PATH=$(scripts/cargo-tool.sh cargo-deny):$PATH cargo deny …
#
# What is installed is kept in SCHEMAWARD_CACHE by name and version; a new version here is compiled anew.
set -euo pipefail
case ${1:-} in
  cargo-deny) version=0.20.2 ;;
  cargo-mutants) version=27.1.0 ;;
  *) sed -n 's/^# usage: //p' "$0" >&2 && exit 2 ;;
esac
tools=${SCHEMAWARD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/schemaward}/tools
root=$tools/$1-$version
if ! [ -x "$root/bin/$1" ]; then
  mkdir -p "$tools"
  exec 7>"$tools/$1.lock"
  flock 7
  if ! [ -x "$root/bin/$1" ]; then # another run may have done it while this one waited
    echo "compiling $1 $version, once for this machine: 2 to 6 minutes on 2 cores" >&2
    build=$(mktemp -d "$tools/.build-XXXXXX")
    trap 'rm -rf "$build"' EXIT
    # Its dependencies are others, and so are its flags: nothing of it belongs among what this checkout has compiled.
    env -u RUSTFLAGS CARGO_TARGET_DIR="$build" cargo install --quiet --locked --root "$root" "$1@$version" >&2 7>&-
  fi
fi
echo "$root/bin"
