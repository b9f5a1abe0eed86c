#!/usr/bin/env bash
# Builds the image as it would be published and looks into it: one static program, nothing else, not
# root, under 20 MB.
set -euo pipefail
cd "$(dirname "$0")/.."
limit=20000000
fail() { echo "not ok: $*" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
IMAGE_PROFILE=release testbed/cluster/image.sh "$work/image.tar" >/dev/null
bytes=$(stat -c %s "$work/image.tar")
[ "$bytes" -lt "$limit" ] || fail "the image has $bytes bytes; $limit are the limit"
tar -xf "$work/image.tar" -C "$work"
grep -q '"User":"65532:65532"' "$work/config.json" || fail "the image does not run as user 65532"
grep -q '"Entrypoint":\["/schemaward"\]' "$work/config.json" || fail "the image does not start /schemaward"
contents=$(tar -tf "$work/layer.tar" | grep -v '/$')
[ "$contents" = ./schemaward ] || fail "the image holds more than the program: $contents"
tar -xf "$work/layer.tar" -C "$work"
# A program with an interpreter (PT_INTERP) asks for a dynamic loader, which an empty root has not.
! readelf -l "$work/schemaward" | grep -q INTERP || fail "the program is not static"
chroot "$work" /schemaward --version >/dev/null || fail "the program does not start in an empty root"
echo "ok: the image has $bytes bytes and holds one static program"
