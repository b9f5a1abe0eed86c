#!/usr/bin/env bash
# Builds Schemaward as it was in an earlier commit, from this repository's own history, and prints the program's path: what
# tests/engines/postgres/skew.rs works with beside the program of this checkout. Prints nothing, and says why, where there is no history.
#
# usage: SCHEMAWARD_OLDER=$(testbed/servers/older.sh) cargo test --test engines skew
#
# Built once for a machine: what has been built lies in SCHEMAWARD_CACHE, by its commit. The dependencies are those that
# this checkout's own builds have compiled, where both ask for the same ones: then it takes as long as one crate.
set -euo pipefail
cd "$(dirname "$0")/../.."

# The last one before the ledger told its layout: versions 5 (PostgreSQL) and 4 of the ledger.
COMMIT=7e2b2b7d72b50c5fa64060f6325750b7ea504884
CACHE=${SCHEMAWARD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/schemaward}/older
program=$CACHE/$COMMIT/schemaward

if ! [ -x "$program" ]; then
  if ! git cat-file -e "$COMMIT^{commit}" 2>/dev/null; then
    echo "the older program is not built: this checkout's history does not reach back to commit ${COMMIT:0:7} (git fetch --unshallow)" >&2
    exit 0
  fi
  echo "building the program of commit ${COMMIT:0:7}, once for this machine" >&2
  target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
  mkdir -p "$CACHE/$COMMIT"
  exec 9>"$CACHE/$COMMIT/.lock" && flock 9
  # A path that stays the same: to cargo, another path is another crate.
  source=$CACHE/$COMMIT/source
  rm -rf "$source" && mkdir "$source"
  git archive "$COMMIT" | tar -x -C "$source"
  # Under a name of its own: the folder of what is built is shared, and holds this checkout's program under the usual one.
  printf '\n[[bin]]\nname = "schemaward-older"\npath = "src/main.rs"\n' >>"$source/Cargo.toml"
  (cd "$source" && CARGO_TARGET_DIR=$target cargo build --quiet --locked --bin schemaward-older >&2)
  cp "$target/debug/schemaward-older" "$program.new" && mv "$program.new" "$program"
  rm -rf "$source" "$target/debug/schemaward-older"
fi
echo "$program"
