#!/usr/bin/env bash
# Makes the operator's image without an image builder: the static binary alone in an empty root,
# run as user 65532. Prints the image's reference, whose tag is the binary's hash, so that a
# changed program is a changed image.
# usage: image.sh OUT.tar     IMAGE_PROFILE=release for a published one (default: image, quicker to build)
set -euo pipefail
. "$(dirname "$0")/lib.sh"
out=$1
profile=${IMAGE_PROFILE:-image}
triple=$(uname -m)-unknown-linux-gnu

command -v cargo >/dev/null || fail "cargo is needed to build the operator"
cd "$REPO"
say "cargo build --profile $profile (the first time 5 to 10 minutes, later under one)" >&2
# With --target, so that the static flag reaches the program and not the build scripts.
# Addresses to adjust at the start fill half a megabyte unless they are packed. The C library that is linked in has to know
# that: glibc does since 2.36, which Debian 12 has.
variable=CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$triple")_RUSTFLAGS
env "$variable=-C target-feature=+crt-static" \
  cargo rustc --quiet --profile "$profile" --locked --target "$triple" --bin schemaward -- \
  -C link-arg=-Wl,-z,pack-relative-relocs >&2
binary=${CARGO_TARGET_DIR:-target}/$triple/$profile/schemaward

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
install -m 755 "$binary" "$root/schemaward"
tag=$(sha256sum "$root/schemaward" | cut -c1-12)
mkdir -p "$(dirname "$out")"
"$HERE/mkimage.sh" "$IMAGE_NAME:$tag" "$root" "$out" 65532:65532 /schemaward
echo "$IMAGE_NAME:$tag"
