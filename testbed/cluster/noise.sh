#!/usr/bin/env bash
# The noise campaign: how long another namespace's run and a deletion take while N resources wait in one namespace, how
# many requests the operator makes for those that wait, and how much memory it takes. Prints a table.
#
# usage: noise.sh [N...]     (default 0 50 100 300 1000; the row of 0 is the time alone)
#
# NOISE says what they wait for: pods (default; a quota allows no pod), jobs (a quota allows no Job), secret (the Secret is
# missing; each has a pod, so at most 80), database (all name one Secret, whose one run sleeps), running (each runs a
# statement of ten minutes; at most 80). NOISE=sources is another campaign: N ConfigMaps of 1 MB, each with a content of its
# own, that active and suspended resources name (N in hundreds, default 1000), and how much memory the operator takes: the
# test of the same name, larger.
# VICTIMS is how many runs are measured at each N, one after the other (default 3; the table has the median).
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -e "$HERE/../../.local/cluster.env" ] || { echo "error: no test bed is up: make cluster-up" >&2; exit 1; }
. "$HERE/../../.local/cluster.env"
[ -n "${AUDIT_LOG:-}" ] || { echo "error: AUDIT_LOG is not set: the campaign needs the test bed's own cluster" >&2; exit 1; }
NOISE=${NOISE:-pods}
if [ "$NOISE" = sources ]; then
  cd "$HERE/../.."
  for count in "${@:-1000}"; do
    [[ "$count" =~ ^[1-9][0-9]*00$ ]] || { echo "error: NOISE=sources counts ConfigMaps in hundreds, and $count is none" >&2; exit 1; }
    SOURCES=$count cargo test --features cluster-tests --test noise -- --nocapture megabytes_and_more_of_sources
  done
  exit
fi
VICTIMS=${VICTIMS:-3}
[ $# -gt 0 ] || set -- 0 50 100 300 1000
RUN=$(date +%s)
OPERATOR=system:serviceaccount:schemaward-system:schemaward

now() { date +%s%N; }
tenths() { echo "$(($1 / 1000000000)).$(($1 / 100000000 % 10))"; }
sql() { "$POSTGRES_BIN/psql" -qAt "$POSTGRES_URL" -c "$1"; }
with_database() { sed -E "s#/[^/?]*(\?|\$)#/$2\1#" <<<"$1"; }

cleanup() {
  kubectl delete namespace -l noise-campaign="$RUN" --wait=false >/dev/null 2>&1 || true
  for database in $(sql "select datname from pg_database where datname like 'noise_${RUN}_%'" 2>/dev/null); do
    sql "drop database if exists $database with (force)" >/dev/null 2>&1 || true
  done
}
trap cleanup EXIT

namespace() { # NAME
  kubectl create namespace "$1" >/dev/null
  kubectl label namespace "$1" noise-campaign="$RUN" >/dev/null
}

database() { # NAMESPACE NAME: a database and a Secret with its URL
  sql "create database noise_${RUN}_$2"
  kubectl -n "$1" create secret generic "$2" --from-literal=url="$(with_database "$POSTGRES_POD_URL" "noise_${RUN}_$2")" >/dev/null
}

resource() { # NAME SECRET SQL [further lines of the spec]
  cat <<Y
---
apiVersion: schemaward.dev/v1alpha1
kind: SchemaMigration
metadata: {name: $1}
spec:
  database: {engine: postgres, urlSecretRef: {name: $2, key: url}}
  source: {inline: {files: {001_a.sql: "$3"}}}
${4:-}
Y
}

make_noise() { # NAMESPACE N
  local n
  case $NOISE in
    pods) kubectl -n "$1" create quota noise --hard=pods=0 >/dev/null ;;
    jobs) kubectl -n "$1" create quota noise --hard=count/jobs.batch=0 >/dev/null ;;
    database)
      database "$1" shared
      resource holder shared "select pg_sleep(3600);" | kubectl -n "$1" create -f - >/dev/null
      ;;
    running) database "$1" shared ;;
    secret) ;;
    *) echo "error: NOISE=$NOISE is none of pods, jobs, secret, database, running, sources" >&2; exit 1 ;;
  esac
  for n in $(seq "$2"); do
    case $NOISE in
      database) resource "n$n" shared "select 1;" "  history: {schema: ledger_$n, ignoreForeign: true}" ;;
      running) resource "n$n" "shared" "select pg_sleep(600);" "  history: {schema: ledger_$n, ignoreForeign: true}" ;;
      *) resource "n$n" "none-$n" "select 1;" ;;
    esac
  done | kubectl -n "$1" create -f - >/dev/null
}

# Whether all have been looked at and told what they wait for.
settled() { # NAMESPACE N
  local pattern
  case $NOISE in
    pods | jobs) pattern='exceeded quota|forbidden' ;;
    secret) pattern='not found' ;;
    database) pattern='Waiting for SchemaMigration' ;;
    running) pattern='statements have run|waiting for the lock' ;;
  esac
  local told
  told=$(kubectl -n "$1" get smig -o jsonpath='{range .items[*]}{.status.conditions[?(@.type=="Ready")].message}{"\n"}{end}' | grep -cE "$pattern" || true)
  [ "$told" -ge "$2" ]
}

# Of a thousand that wait the API server puts its log aside within the minute.
requests() { cat "$(dirname "$AUDIT_LOG")"/*.log | grep -c "\"username\":\"$OPERATOR\"" || true; }

# The operator's process: by its arguments and its bed's cgroup.
operator_pid() {
  local proc
  for proc in /proc/[0-9]*; do
    { tr '\0' ' ' <"$proc/cmdline" | grep -q '^/schemaward operator'; } 2>/dev/null || continue
    grep -q "schemaward-bed-${BED_SLOT:-0}" "$proc/cgroup" 2>/dev/null && { basename "$proc"; return; }
  done
}
memory() { awk '/VmHWM/ {printf "%.0f", $2 / 1024}' "/proc/$(operator_pid)/status" 2>/dev/null || echo '?'; }

# Seconds from apply to Ready of one run in a namespace and a database of its own.
victim() { # NAME
  database "$VICTIM_NAMESPACE" "$1"
  local begun
  begun=$(now)
  resource "$1" "$1" "create table a (id int); select pg_sleep(5);" | kubectl -n "$VICTIM_NAMESPACE" create -f - >/dev/null
  kubectl -n "$VICTIM_NAMESPACE" wait --for=condition=Ready "smig/$1" --timeout=600s >/dev/null || { echo 999.9; return; }
  tenths $(($(now) - begun))
}

# Seconds that the deletion of a resource takes whose run waits for a Secret.
deletion() { # NAME
  resource "$1" "missing-$1" "select 1;" | kubectl -n "$VICTIM_NAMESPACE" create -f - >/dev/null
  kubectl -n "$VICTIM_NAMESPACE" wait --for=jsonpath='{.status.run.name}' "smig/$1" --timeout=600s >/dev/null || true
  local begun
  begun=$(now)
  kubectl -n "$VICTIM_NAMESPACE" delete smig "$1" --timeout=600s >/dev/null || { echo 999.9; return; }
  tenths $(($(now) - begun))
}

median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

printf '%s, %s; noise: %s\n\n' "$(kubectl version -o json 2>/dev/null | sed -n 's/.*"gitVersion": "\(v[^"]*\)".*/Kubernetes \1/p' | tail -1)" "$(nproc) cores" "$NOISE"
printf '| waiting | all told after | a run beside it, while they start | a run beside it, later | a deletion | requests/s | limit | VmHWM |\n'
printf '| --- | --- | --- | --- | --- | --- | --- | --- |\n'
for count in "$@"; do
  VICTIM_NAMESPACE=victims-$RUN-$count
  namespace "$VICTIM_NAMESPACE"
  begun=$(now) after=- early=- rate=-
  if [ "$count" -gt 0 ]; then
    namespace "noise-$RUN-$count"
    make_noise "noise-$RUN-$count" "$count"
    early=$(victim "early$count")
    deadline=$((SECONDS + 1800))
    until settled "noise-$RUN-$count" "$count"; do
      [ $SECONDS -lt $deadline ] || { echo "not all $count have been told what they wait for within half an hour" >&2; break; }
      sleep 3
    done
    after=$(tenths $(($(now) - begun)))
    # The pauses have grown to their longest by then.
    sleep "${SETTLE:-130}"
    before=$(requests)
    sleep 60
    rate=$(awk -v n="$(($(requests) - before))" 'BEGIN {printf "%.1f", n / 60}')
  fi
  later=$(for n in $(seq "$VICTIMS"); do victim "v${count}x$n"; done | median)
  gone=$(for n in $(seq "$VICTIMS"); do deletion "d${count}x$n"; done | median)
  printf '| %s | %s s | %s s | %s s | %s s | %s | %s | %s MB |\n' \
    "$count" "$after" "$early" "$later" "$gone" "$rate" "$(awk -v n="$count" 'BEGIN {print n / 100}')" "$(memory)"
  [ "$count" -eq 0 ] || kubectl delete namespace "noise-$RUN-$count" --timeout=900s >/dev/null 2>&1 || true
done
