#!/usr/bin/env bash
# Changes the pure core in one place at a time (cargo-mutants) and runs the unit tests: a change that none of them notices is
# something that no unit test is about. Prints those that survive.
#
# usage: mutants.sh all [FILTER]       every change, hours; FILTER: only those whose description matches
#        mutants.sh sample [COMMIT]    ten of them, chosen by the commit: another ten for each
#
# Exit code 0 unless the tests fail without any change: which survivors matter is for a person to say.
set -euo pipefail
cd "$(dirname "$0")/.."
repo=$PWD
core=(src/operator/decide.rs 'src/operator/decide/**' src/operator/status.rs 'src/plan/**' 'src/sql/**' 'src/migration/**')
sample=10

# Each change is one file: the rest of the crate is not compiled anew, in CI neither.
export CARGO_INCREMENTAL=1
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$repo/target}
CARGO_TARGET_DIR=$(realpath -m "$CARGO_TARGET_DIR")
PATH=$(scripts/cargo-tool.sh cargo-mutants):$PATH
files=()
for file in "${core[@]}"; do files+=(--file "$file"); done

# A copy under a path that stays the same: this checkout is left alone, and to cargo another path is another crate.
tree=$repo/.local/mutants/tree
mkdir -p "$tree"
find "$tree" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --preserve=timestamps -t "$tree"
cd "$tree"

chosen=()
case ${1:-} in
  all) [ -z "${2:-}" ] || chosen=(--re "$2") ;;
  sample)
    commit=$(git -C "$repo" rev-parse "${2:-HEAD}")
    count=$(cargo mutants --in-place --list "${files[@]}" | wc -l)
    shards=$(((count + sample - 1) / sample))
    chosen=(--shard "$((16#${commit:0:12} % shards))/$shards" --sharding round-robin)
    echo "ten of $count changes: those of commit ${commit:0:12}"
    ;;
  *) sed -n 's/^# usage: //p' "$repo/scripts/mutants.sh" >&2 && exit 2 ;;
esac

ended=0
cargo mutants --in-place --no-times --colors never --minimum-test-timeout 60 --cargo-arg=--lib --output "$repo/.local/mutants" \
  "${files[@]}" ${chosen[0]+"${chosen[@]}"} || ended=$?
case $ended in
  0 | 2 | 3) ;; # all caught; some survived; some never ended, which a test has noticed, too
  *) exit "$ended" ;;
esac
