#!/usr/bin/env bash
# The first minute, for a person to watch: builds the program and takes an embedded SQLite database through the example's
# migrations, one with a mistake, and its fix. Installs nothing, starts no server, and writes only to .local/try.
# README.md shows what it prints, and a test compares the two. Set for that test: SCHEMAWARD, a program that is built already, and
# TRY_DIR, a folder to work in.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() {
  printf '\nerror: %s\n' "$*" >&2
  exit 1
}
shown() { # EXIT-CODE COMMAND...: prints the command, runs it, and fails where it does not end with that code
  local wanted=$1 ended=0
  shift
  printf '$ %s\n' "$*"
  "$@" 2>&1 || ended=$?
  [ "$ended" = "$wanted" ] || fail "this ended with $ended; the expected exit code is $wanted"
}

if [ -z "${SCHEMAWARD:-}" ]; then
  command -v cargo >/dev/null || fail "cargo is not installed; Schemaward builds with Rust 1.95 or newer"
  begun=$SECONDS
  cargo build --locked
  printf '\nbuilt in %s s\n\n' "$((SECONDS - begun))"
  SCHEMAWARD=$(realpath -m "${CARGO_TARGET_DIR:-target}")/debug/schemaward
fi
folder=$(realpath -m "${TRY_DIR:-.local/try}")
rm -rf "$folder/migrations" "$folder/mistake" "$folder/fix" "$folder"/shop.db*
mkdir -p "$folder"
cp -R examples/sqlite/migrations examples/sqlite/mistake examples/sqlite/fix "$folder"
cd "$folder"
PATH=$(dirname "$SCHEMAWARD"):$PATH
unset "${!SCHEMAWARD_@}"

shown 0 export DATABASE_URL=sqlite:shop.db
shown 0 schemaward migrate
shown 0 cp mistake/004_customer_phone.sql migrations/
shown 1 schemaward migrate
shown 0 schemaward status
shown 0 cp fix/004_customer_phone.sql migrations/
shown 0 schemaward migrate
shown 0 schemaward rollback --to 003 --yes

if [ -z "${TRY_DIR:-}" ]; then
  cat <<TEXT

To look around:
  cd .local/try
  export DATABASE_URL=sqlite:shop.db PATH=$(dirname "$SCHEMAWARD"):\$PATH
  schemaward plan        # also: status, history, verify, new, --help
TEXT
fi
