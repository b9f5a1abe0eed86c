#!/bin/bash
# corpus.sh DIR: takes a folder of real PostgreSQL migrations through the cluster (ConfigMaps, a SchemaMigration,
# a run in a pod) and holds the schema that results, by pg_dump, against the one psql makes of the same files.
# The files stay where they are; nothing of them is kept. Needs a cluster: make cluster-up.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=${1:?usage: corpus.sh DIR (a folder of VERSION_name.sql files)}
[ -e "$root/.local/cluster.env" ] || { echo "corpus.sh: no cluster: run 'make cluster-up' first" >&2; exit 2; }
# shellcheck disable=SC1091
. "$root/.local/cluster.env"

id=$(printf '%s' "$dir" | sha256sum | cut -c1-8)
namespace=corpus-$id by_psql=corpus_${id}_psql by_schemaward=corpus_${id}_schemaward
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
# PART_BYTES keeps a ConfigMap below the API server's limit of 1 MiB for an object.
PART_BYTES=700000

url_of() { sed -E "s#^([a-z]+://[^/]+)/[^?]*#\1/$2#" <<<"$1"; } # URL DATABASE: the same server, another database
admin=$(url_of "$POSTGRES_URL" postgres)
for db in "$by_psql" "$by_schemaward"; do
  psql -qX "$admin" -c "DROP DATABASE IF EXISTS $db WITH (FORCE)" -c "CREATE DATABASE $db" 2>/dev/null
done

mapfile -t files < <(find "$dir" -maxdepth 1 -name '*.sql' ! -name '*.down.sql' -printf '%f\n' |
  awk -F_ '{print $1 "\t" $0}' | sort -n -k1,1 | cut -f2)
echo "corpus: ${#files[@]} files, $(cat "$dir"/*.sql | wc -c) bytes"

start=$(date +%s%N)
for f in "${files[@]}"; do
  PGOPTIONS='-c client_min_messages=warning' psql -qX -v ON_ERROR_STOP=1 "$(url_of "$POSTGRES_URL" "$by_psql")" -f "$dir/$f" >/dev/null
done
echo "psql:       $((($(date +%s%N) - start) / 1000000)) ms, a process a file"

kubectl delete namespace "$namespace" --ignore-not-found --wait >/dev/null
kubectl create namespace "$namespace" >/dev/null
kubectl label namespace "$namespace" pod-security.kubernetes.io/enforce=restricted >/dev/null
kubectl -n "$namespace" create secret generic database --from-literal=url="$(url_of "$POSTGRES_POD_URL" "$by_schemaward")" >/dev/null

part=0 size=0 args=()
flush() {
  [ ${#args[@]} -gt 0 ] || return 0
  kubectl -n "$namespace" create configmap "migrations-$part" "${args[@]}" >/dev/null
  echo "    - {name: migrations-$part}" >>"$work/sources"
  part=$((part + 1)) size=0 args=()
}
for f in "${files[@]}"; do
  bytes=$(stat -c %s "$dir/$f")
  [ $((size + bytes)) -le $PART_BYTES ] || flush
  args+=("--from-file=$dir/$f"); size=$((size + bytes))
done
flush

start=$(date +%s%N)
kubectl apply -f - >/dev/null <<Y
apiVersion: schemaward.dev/v1alpha1
kind: SchemaMigration
metadata: {name: corpus, namespace: $namespace}
spec:
  database: {engine: postgres, urlSecretRef: {name: database, key: url}}
  source:
    configMaps:
$(cat "$work/sources")
Y
ended() { # Ready or Stalled
  kubectl -n "$namespace" get schemamigration corpus -o jsonpath='{range .status.conditions[*]}{.type}={.status} {end}' |
    grep -qE 'Ready=True|Stalled=True'
}
until ended; do
  [ $((($(date +%s%N) - start) / 1000000000)) -lt "${TIMEOUT:-300}" ] || break
  kubectl -n "$namespace" wait schemamigration/corpus --for=condition=Ready --timeout=2s >/dev/null 2>&1 || true
done
echo "schemaward: $((($(date +%s%N) - start) / 1000000)) ms from kubectl apply to the verdict, pod start included"
kubectl -n "$namespace" get schemamigration corpus
kubectl -n "$namespace" wait schemamigration/corpus --for=condition=Ready --timeout=0 >/dev/null 2>&1 || {
  kubectl -n "$namespace" get schemamigration corpus -o jsonpath='{range .status.conditions[*]}{.type}={.status}: {.message}{"\n"}{end}' >&2
  exit 1
}

dump() { pg_dump --schema-only --no-owner --exclude-schema=schemaward "$(url_of "$POSTGRES_URL" "$1")" | grep -vE '^\\(un)?restrict '; }
dump "$by_psql" >"$work/psql.sql"
dump "$by_schemaward" >"$work/schemaward.sql"
if ! diff -u "$work/psql.sql" "$work/schemaward.sql" >"$work/diff"; then
  echo "the schemas differ:" >&2; head -40 "$work/diff" >&2; exit 1
fi
rows=$(psql -qXAt "$(url_of "$POSTGRES_URL" "$by_schemaward")" -c "SELECT count(*) FROM schemaward.schema_migrations WHERE success")
[ "$rows" = "${#files[@]}" ] || { echo "the ledger has $rows successes for ${#files[@]} files" >&2; exit 1; }
echo "equal: $(wc -l <"$work/psql.sql") lines of pg_dump --schema-only, $rows rows in the ledger"
kubectl delete namespace "$namespace" --wait=false >/dev/null
for db in "$by_psql" "$by_schemaward"; do psql -qX "$admin" -c "DROP DATABASE IF EXISTS $db WITH (FORCE)"; done
