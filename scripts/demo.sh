#!/usr/bin/env bash
# The whole road, for a person to watch: a database, twelve migrations, one with a mistake, its fix.
# Runs against the test bed (make cluster-up) or, with CLUSTER=existing, any cluster. Each run starts
# with a new database and a new namespace, both named in what it prints.
set -euo pipefail
cd "$(dirname "$0")/.."
namespace=shop-demo
database=shop_demo
role=shop_demo
resource=schemamigration/shop

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
note() { printf '   %s\n' "$*"; }
fail() {
  printf '\nerror: %s\n' "$*" >&2
  if kubectl get "$resource" -n "$namespace" >/dev/null 2>&1; then
    kubectl describe "$resource" -n "$namespace" >&2 || true
    echo "---- the operator's last lines" >&2
    kubectl logs -n schemaward-system -l app.kubernetes.io/name=schemaward --tail=20 >&2 || true
  fi
  exit 1
}
shown() { # COMMAND...: prints the command, then runs it
  printf '   $ %s\n' "$*"
  "$@"
}

# ---- the database -----------------------------------------------------------------------

sql() { # URL ARGUMENT...: psql, from wherever there is one
  local url=$1
  shift
  if [ -x "${POSTGRES_BIN:-}/psql" ]; then
    "$POSTGRES_BIN/psql" "$url" -X -q -v ON_ERROR_STOP=1 "$@"
  elif command -v psql >/dev/null; then
    psql "$url" -X -q -v ON_ERROR_STOP=1 "$@"
  else
    fail "psql is not installed (Debian: apt-get install postgresql-client)"
  fi
}
with_login() { # URL: the same server, with the demo's user, password and database
  local address=${1#*@}
  printf 'postgres://%s:%s@%s/%s' "$role" "$password" "${address%%/*}" "$database"
}
make_database() {
  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  sql "$POSTGRES_URL" -c 'SET client_min_messages = warning' \
    -c "DROP DATABASE IF EXISTS $database WITH (FORCE)" -c "DROP ROLE IF EXISTS $role" \
    -c "CREATE ROLE $role LOGIN PASSWORD '$password'" -c "CREATE DATABASE $database OWNER $role" >/dev/null
}
ledger() { # psql's arguments for the ledger as a person asks for it
  sql "$(with_login "$POSTGRES_URL")" -c 'SET search_path = schemaward' "$@"
}

# ---- the resource -----------------------------------------------------------------------

field() { kubectl get "$resource" -n "$namespace" -o "jsonpath={$1}" 2>/dev/null || true; }

# What the resource says now, by the rules of kstatus: Current, Failed or InProgress; then a line for people.
state() {
  field '.metadata.generation}{"\t"}{.status.observedGeneration}{"\t"}{.status.conditions[?(@.type=="Ready")].status}{"\t"}{.status.conditions[?(@.type=="Stalled")].status}{"\t"}{.status.run.progress.version}{"\t"}{.status.run.progress.statement}{"\t"}{.status.run.progress.statements}{"\t"}{.status.currentVersion}{"\t"}{.status.conditions[?(@.type=="Ready")].reason}{"\t"}{.status.conditions[?(@.type=="Ready")].message' |
    awk -F '\t' '{
      word = "InProgress"
      if ($1 == $2 && $4 == "True") word = "Failed"; else if ($1 == $2 && $3 == "True") word = "Current"
      line = $9 ": " $10
      if ($5 != "") line = "version " $5 ", statement " $6 " of " $7
      else if ($9 == "") line = "waiting for the operator"
      print word "\t" line
    }'
}
# wait_until WORD: shows each change until the resource is Current or Failed, and fails where it is the other.
wait_until() {
  local wanted=$1 end=$((SECONDS + 180)) word='' line='' last=''
  while [ $SECONDS -lt $end ]; do
    IFS=$'\t' read -r word line < <(state) || true
    if [ -n "$line" ] && [ "$line" != "$last" ]; then
      printf '   %3d s  %s\n' "$((SECONDS - begun))" "$line"
      last=$line
    fi
    case $word in
      "$wanted") return 0 ;;
      Current | Failed) fail "the resource is $word; this step expects $wanted" ;;
    esac
    sleep 0.3
  done
  fail "the resource is not $wanted after 180 s"
}
expect() { # WHAT FIELD VALUE
  local found
  found=$(field "$2")
  [ "$found" = "$3" ] || fail "$1 is '$found', and should be '$3'"
}

# ---- the story --------------------------------------------------------------------------

begun=$SECONDS
step "A cluster with PostgreSQL and the operator"
testbed/cluster/up.sh
# shellcheck source=/dev/null
. .local/cluster.env
[ -n "${IMAGE:-}" ] || fail "no operator is installed in the cluster"

step "A new database, and a namespace with the Secret that holds its URL"
kubectl delete namespace "$namespace" --ignore-not-found --timeout=120s >/dev/null || fail "the namespace $namespace of an earlier demo does not go away"
make_database
kubectl create namespace "$namespace" >/dev/null
kubectl create secret generic shop-db -n "$namespace" --from-literal="url=$(with_login "$POSTGRES_POD_URL")" >/dev/null
note "database $database, namespace $namespace, secret shop-db"

step "Twelve migrations"
shown kubectl apply -n "$namespace" -k examples/shop/migrations
wait_until Current
expect "the version" .status.currentVersion 012

step "What kubectl says"
shown kubectl get "$resource" -n "$namespace"
echo
shown kubectl describe "$resource" -n "$namespace"

step "What the database says: SELECT * FROM get_migration_history()"
ledger -c 'SELECT * FROM get_migration_history()'

step "A thirteenth migration, with a mistake"
shown kubectl apply -n "$namespace" -k examples/shop/mistake
wait_until Failed
shown kubectl get "$resource" -n "$namespace"
for name in file line statement code message; do
  note "lastError.$name: $(field ".status.lastError.$name")"
done
note "that line is: $(sed -n "$(field .status.lastError.line)p" examples/shop/mistake/013_reviews.sql)"
expect "the file of the error" .status.lastError.file 013_reviews.sql
expect "the line of the error" .status.lastError.line 12
expect "the statement of the error" .status.lastError.statement 2
expect "the SQLSTATE" .status.lastError.code 42703
expect "the version" .status.currentVersion 012
[ -z "$(sql "$(with_login "$POSTGRES_URL")" -At -c "SELECT 1 FROM pg_class WHERE relname = 'reviews'")" ] ||
  fail "the failed migration left its table behind"
note "the whole file was rolled back: there is no table reviews"

step "The fix"
shown kubectl apply -n "$namespace" -k examples/shop/fix
wait_until Current
expect "the version" .status.currentVersion 013
shown kubectl get "$resource" -n "$namespace"
ledger -c 'SELECT * FROM get_migration_history()'

step "Done in $((SECONDS - begun)) s. To look around:"
cat <<TEXT
   . .local/cluster.env                                  # kubectl, helm and the cluster's address
   kubectl get schemamigrations,jobs,pods -n $namespace
   kubectl get events -n $namespace
   kubectl logs -n schemaward-system deployment/schemaward
   PGOPTIONS='-c search_path=public,schemaward' psql "\${POSTGRES_URL%/*}/$database"

   To stop it: make cluster-down$([ "${CLUSTER:-}" = existing ] && printf ' CLUSTER=existing; kubectl delete namespace %s' "$namespace")
TEXT
