#!/usr/bin/env bash
# Builds coredns (see main.go) into the folder $1.
set -euo pipefail
out=$1
cd "$(dirname "$0")"
export CGO_ENABLED=0 GOFLAGS="-buildvcs=false -trimpath"
go build -ldflags "-s -w" -o "$out/coredns" .
