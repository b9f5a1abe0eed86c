#!/usr/bin/env bash
# Applies the shop's migrations: all files of examples/shop/migrations, and those named.
# usage: apply.sh [FILE...]      kubectl must point at the cluster; NAMESPACE (default: default)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
namespace=${NAMESPACE:-default}

files=("$here"/migrations/*.sql "$@")
revision=$(cat "${files[@]}" | sha256sum | cut -c1-16)
kubectl create configmap shop-migrations -n "$namespace" --dry-run=client -o yaml "${files[@]/#/--from-file=}" |
  kubectl apply -n "$namespace" --server-side --force-conflicts -f -
sed "s/revision: .*/revision: \"$revision\"/" "$here/schemamigration.yaml" | kubectl apply -n "$namespace" -f -
