#!/usr/bin/env bash
# Lets the operator of this checkout's last commit take over a cluster that an earlier commit's has made: what is settled stays
# so and gets no Job, a run that is going on ends well and once, what waits for its database runs. See docs/upgrading.md.
#
# usage: upgrade.sh [COMMIT]    the earlier one; without it, the last whose Jobs name no task
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
earlier=${1:-26204ed}
now=$(git -C "$here" rev-parse HEAD)
tree=${SCHEMAWARD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/schemaward}/upgrade
namespace=upgrade

step() { printf '\n== %s\n' "$*"; }
fail() {
  printf 'error: %s\n' "$*" >&2
  kubectl get schemamigrations,jobs,pods -n "$namespace" >&2 || true
  exit 1
}
sql() { "$POSTGRES_BIN/psql" -X -q -t -A -v ON_ERROR_STOP=1 "$@"; }
resource() { # NAME SQL
  cat <<YAML
---
apiVersion: schemaward.dev/v1alpha1
kind: SchemaMigration
metadata: {name: $1, namespace: $namespace}
spec:
  database: {engine: postgres, urlSecretRef: {name: $3, key: url}}
  source: {inline: {files: {"001_a.sql": "$2"}}}
YAML
}
secret() { # NAME DATABASE
  kubectl create secret generic "$1" -n "$namespace" --from-literal=url="${POSTGRES_POD_URL%/*}/$2" >/dev/null
}
standing() { # NAME
  kubectl get schemamigration "$1" -n "$namespace" \
    -o jsonpath='{range .status.conditions[?(@.status=="True")]}{.type}={.reason} {end}'
}
jobs() { kubectl get jobs -n "$namespace" -o jsonpath='{range .items[*]}{.metadata.name} {.metadata.uid}{"\n"}{end}' | sort; }
await() { # WHAT SECONDS COMMAND...
  local what=$1 until=$((SECONDS + $2))
  until "${@:3}"; do
    [ "$SECONDS" -lt "$until" ] || fail "not in time: $what"
    sleep 0.5
  done
}
has() { [[ "$(standing "$1")" == *"$2"* ]]; }

cleanup() {
  (cd "$tree" && make --no-print-directory cluster-down) || true
  git -C "$here" worktree remove --force "$tree" || true
}

step "a cluster with the operator of $earlier"
[ ! -e "$tree" ] || git -C "$here" worktree remove --force "$tree"
git -C "$here" worktree add --quiet --detach "$tree" "$earlier"
trap cleanup EXIT
cd "$tree"
make --no-print-directory cluster-up
. .local/cluster.env

step "one resource that is ready, one that is stalled, one at work, one that waits for its database"
kubectl create namespace "$namespace" >/dev/null
for database in ready stalled busy; do
  sql "$POSTGRES_URL" -c "CREATE DATABASE upgrade_$database"
  secret "$database" "upgrade_$database"
done
resource ready 'create table a (id int);' ready | kubectl apply -f - >/dev/null
resource stalled 'create table oops (;' stalled | kubectl apply -f - >/dev/null
await "ready" 120 has ready Ready=
await "stalled" 120 has stalled Stalled=
busy='create table a (id int); do $x$ begin while not exists (select from go) loop perform pg_sleep(0.5); end loop; end $x$;'
sql "${POSTGRES_URL%/*}/upgrade_busy" -c "CREATE TABLE go (id int)"
resource busy "$busy" busy | kubectl apply -f - >/dev/null
await "busy runs" 120 has busy Reconciling=Running
resource waits "$busy" busy | kubectl apply -f - >/dev/null
await "waits waits" 120 has waits WaitingForDatabase
before_jobs=$(jobs)
declare -A before
for name in ready stalled busy waits; do before[$name]=$(standing $name) && echo "$name: ${before[$name]}"; done
[ "$(kubectl get jobs -n "$namespace" -o jsonpath='{.items[*].metadata.annotations.schemaward\.dev/task}')" = "" ] ||
  fail "the earlier version names tasks already: there is nothing to take over"

step "the operator of ${now:0:7} takes over"
git checkout --quiet --detach "$now"
make --no-print-directory cluster-reload
has busy Reconciling=Running || fail "the run has ended before the new operator saw it: $(standing busy)"
[ "$(jobs)" = "$before_jobs" ] || fail "Jobs were started or ended: $(jobs)"
sql "${POSTGRES_URL%/*}/upgrade_busy" -c "INSERT INTO go VALUES (1)"
await "busy ends well" 120 has busy Ready=
busy_job=$(grep '^busy-' <<<"$before_jobs")
grep -qxF "$busy_job" <<<"$(jobs)" || fail "the run's Job is another one"
await "waits runs, and finds all applied" 120 has waits Ready=
for name in ready stalled; do
  [ "$(standing $name)" = "${before[$name]}" ] || fail "$name was ${before[$name]}, and is $(standing $name)"
done
new=$(comm -13 <(echo "$before_jobs") <(jobs) | cut -d' ' -f1)
[[ "$new" =~ ^waits-[^[:space:]]+$ ]] || fail "Jobs that nothing asked for: $new"
[ "$(sql "${POSTGRES_URL%/*}/upgrade_busy" -c "select count(*) from schemaward.schema_migrations where success")" = 1 ] ||
  fail "the ledger does not have the file once"
for name in ready stalled busy waits; do echo "$name: ${before[$name]}→ $(standing $name)"; done
echo "new Jobs: $new"
