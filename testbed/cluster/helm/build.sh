#!/usr/bin/env bash
# Builds helm, at the version that go.mod pins, into the folder $1.
set -euo pipefail
out=$1
cd "$(dirname "$0")"
export CGO_ENABLED=0 GOFLAGS="-buildvcs=false -trimpath"
version=$(go list -m -f '{{.Version}}' helm.sh/helm/v4)
go build -ldflags "-s -w -X helm.sh/helm/v4/internal/version.version=$version" \
  -o "$out/helm" helm.sh/helm/v4/cmd/helm
