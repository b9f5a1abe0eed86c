#!/usr/bin/env bash
# Builds kubetest (etcd, the Kubernetes components, kubectl) and pause into the folder $1.
set -euo pipefail
out=$1
cd "$(dirname "$0")"
export CGO_ENABLED=0 GOFLAGS="-buildvcs=false -trimpath"
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${version#v1.}
minor=${minor%%.*}
flags="-s -w"
# Both packages hold a version of their own, and either unstamped says v0.0.0.
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  flags+=" -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$minor"
  flags+=" -X $package.gitTreeState=clean -X $package.gitCommit=0000000000000000000000000000000000000000"
  flags+=" -X $package.buildDate=2026-01-01T00:00:00Z"
done
go build -ldflags "$flags" -o "$out/kubetest" .
go build -ldflags "-s -w" -o "$out/pause" ./pause
