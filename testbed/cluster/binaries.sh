#!/usr/bin/env bash
# Builds the bed's Go programs (kubetest, coredns, helm), each kept in a cache by a hash of what
# it is made from, and links them into .local/bin. Does nothing where the cache has them.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

build() { # NAME "HOW LONG": the programs of testbed/cluster/NAME
  local name=$1 hash target temp log waited=0
  hash=$(cd "$HERE/$name" && find . -type f \( -name '*.go' -o -name 'go.*' -o -name build.sh \) -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
  target=$CACHE/$name-$hash
  if [ ! -d "$target" ]; then
    command -v go >/dev/null || fail "Go 1.26 or newer is needed to build $name"
    mkdir -p "$CACHE"
    exec 7>"$CACHE/$name.lock"
    flock 7
  fi
  if [ ! -d "$target" ]; then
    temp=$(mktemp -d "$CACHE/.$name-XXXXXX")
    log=$temp/build.log
    say "building $name (the first time on a machine: about $2)"
    "$HERE/$name/build.sh" "$temp" >"$log" 2>&1 7>&- 9>&- &
    while kill -0 $! 2>/dev/null; do
      sleep 1
      waited=$((waited + 1))
      [ $((waited % 60)) -ne 0 ] || say "  still building $name"
    done
    wait $! || { tail -n 20 "$log" >&2; rm -rf "$temp"; fail "building $name failed"; }
    rm "$log"
    mv "$temp" "$target"
    say "built $name"
  fi
  exec 7>&-
  touch "$target" # what has not been used for a month goes
  find "$CACHE" -maxdepth 1 -name "$name-*" -mtime +30 -exec rm -rf {} +
  find "$CACHE" -maxdepth 1 -name ".$name-*" -mtime +1 -exec rm -rf {} +
  for program in "$target"/*; do ln -sfn "$program" "$LOCAL/bin/$(basename "$program")"; done
}

mkdir -p "$LOCAL/bin"
for name in "${@:-kubetest coredns helm}"; do
  for one in $name; do
    case $one in
      kubetest) build kubetest "8 minutes"; ln -sfn kubetest "$LOCAL/bin/kubectl" ;;
      coredns) build coredns "1 minute" ;;
      helm) build helm "1 minute" ;;
    esac
  done
done
