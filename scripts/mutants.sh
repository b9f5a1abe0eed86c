#!/usr/bin/env bash
# Changes the pure core in one place at a time (cargo-mutants) and runs the unit tests: a change that none of them notices is
# something that no unit test is about. Prints those that survive.
#
# usage: mutants.sh measure         every change of the operator's decisions and of the plan, and 300 of SQL and files: hours
#        mutants.sh all             every change, hours
#        mutants.sh sample [COMMIT] ten of all, chosen by the commit: another ten for each
#
# SEED=N with measure chooses other 300. ONLY=operator, plan or text: that part alone. FILTER=REGEX: only the changes whose
# description matches. RESUME=1: without those that a run before has caught. The results are in .local/mutants/PART/mutants.out.
#
# Exit code 0 unless the tests fail without any change: which survivors matter is for a person to say.
set -euo pipefail
cd "$(dirname "$0")/.."
repo=$PWD
sample=10
of_text=300

# Each part is compiled as a crate of the rooms that it needs, and no more: a change is then tried in seconds.
parts=(operator plan text)
declare -A rooms=(
  [operator]='report policy duration sql migration api operator'
  [plan]='report policy duration sql migration plan'
  [text]='report policy duration sql migration plan'
)
declare -A files=(
  [operator]='src/operator/decide.rs src/operator/decide/** src/operator/status.rs'
  [plan]='src/plan/**'
  [text]='src/sql/** src/migration/**'
)
# The tests of a part are those of its own rooms: a change that only other rooms' tests notice has survived.
declare -A tests=([operator]=operator:: [plan]=plan:: [text]='')
declare -A features=([operator]=operator [plan]='' [text]='')

# Each change is one file: the rest of the crate is not compiled anew, in CI neither. Nobody reads a backtrace here.
export CARGO_INCREMENTAL=1 CARGO_PROFILE_DEV_DEBUG=none RUST_BACKTRACE=0
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$repo/target}
CARGO_TARGET_DIR=$(realpath -m "$CARGO_TARGET_DIR")
PATH=$(scripts/cargo-tool.sh cargo-mutants):$PATH

# A copy under a path that stays the same, where lib.rs lists the part's rooms alone: this checkout is left as it is, and to
# cargo another path is another crate.
take_rooms() { # PART
  tree=$repo/.local/mutants/$1/tree
  mkdir -p "$tree"
  find "$tree" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
  git -C "$repo" ls-files -z --cached --others --exclude-standard |
    (cd "$repo" && xargs -0 cp --parents --preserve=timestamps -t "$tree")
  rm "$tree/src/main.rs"
  # shellcheck disable=SC2086 # a list of words
  printf 'pub mod %s;\n' ${rooms[$1]} >"$tree/src/lib.rs"
}

mutants() { # PART ARGUMENT...
  local arguments=(--in-place --cap-lints=true --no-default-features --features "${features[$1]}") patterns pattern
  # Read, not expanded: to the shell, ** ends at the first folder.
  read -ra patterns <<<"${files[$1]}"
  for pattern in "${patterns[@]}"; do arguments+=(--file "$pattern"); done
  [ -z "${FILTER:-}" ] || arguments+=(--re "$FILTER")
  [ -z "${RESUME:-}" ] || arguments+=(--iterate)
  (cd "$tree" && cargo mutants "${arguments[@]}" "${@:2}")
}

count() { # PART
  mutants "$1" --list | wc -l
}

run() { # PART ARGUMENT...
  local ended=0
  mutants "$1" --no-times --colors never --minimum-test-timeout 60 --cargo-arg=--lib --output "$repo/.local/mutants/$1" \
    "${@:2}" -- ${tests[$1]:+"${tests[$1]}"} || ended=$?
  case $ended in
    0 | 2 | 3) ;; # all caught; some survived; some never ended, which a test has noticed, too
    *) exit "$ended" ;;
  esac
}

shard() { # SHARDS NUMBER
  [ "$1" -le 1 ] || printf '%s\n' --shard "$(($2 % $1))/$1" --sharding round-robin
}

what=${1:-}
case $what in
  all | measure) ;;
  sample)
    commit=$(git rev-parse "${2:-HEAD}")
    total=0
    for part in "${parts[@]}"; do take_rooms "$part" && total=$((total + $(count "$part"))); done
    echo "ten of $total changes: those of commit ${commit:0:12}"
    ;;
  *) sed -n 's/^# usage: //p' "$repo/scripts/mutants.sh" >&2 && exit 2 ;;
esac
for part in "${parts[@]}"; do
  [ "${ONLY:-$part}" = "$part" ] || continue
  take_rooms "$part"
  chosen=()
  case $what-$part in
    measure-text) mapfile -t chosen < <(shard "$((($(count text) + of_text - 1) / of_text))" "${SEED:-0}") ;;
    sample-*) mapfile -t chosen < <(shard "$(((total + sample - 1) / sample))" "$((16#${commit:0:12}))") ;;
  esac
  printf '\n== %s\n' "$part"
  run "$part" ${chosen[0]+"${chosen[@]}"}
done
