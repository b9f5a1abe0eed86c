#!/usr/bin/env bash
# Writes .local/cluster.env: what tests need to know of the cluster, as lines that sh can source.
# usage: write-env.sh bed|existing IMAGE
set -euo pipefail
. "$(dirname "$0")/lib.sh"
kind=$1 image=$2

put() { printf "export %s='%s'\n" "$1" "${2//\'/\'\\\'\'}"; }
mkdir -p "$LOCAL"
{
  echo "# Written by make cluster-up. Use: . .local/cluster.env"
  put BED_KIND "$kind"
  # shellcheck disable=SC2016
  printf 'export PATH=%q:"$PATH"\n' "$LOCAL/bin"
  put IMAGE "$image"
  if [ "$kind" = existing ]; then
    put KUBECONFIG "$KUBECONFIG"
    put POSTGRES_URL "$POSTGRES_URL"
    put POSTGRES_POD_URL "$POSTGRES_POD_URL"
  else
    find_slot
    put KUBECONFIG "$KUBECONFIG_FILE"
    put POSTGRES_URL "postgres://postgres:$POSTGRES_PASSWORD@$NODE_IP:5432/postgres"
    put POSTGRES_POD_URL "postgres://postgres:$POSTGRES_PASSWORD@postgres.databases.svc:5432/postgres"
    put POSTGRES_BIN "$POSTGRES_BIN"
    put AUDIT_LOG "$AUDIT_LOG"
    put BED_ADDRESS "$BED_ADDRESS"
    put BED_NODE_ADDRESS "$NODE_IP"
    put BED_SLOT "$SLOT"
    put BED_DIR "$D"
    put BUSYBOX_IMAGE localhost/bed/busybox:1
  fi
} >"$ENV_FILE.new"
mv "$ENV_FILE.new" "$ENV_FILE"
