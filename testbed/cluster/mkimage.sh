#!/usr/bin/env bash
# Packs a folder as a one-layer image in docker-archive form, which `ctr images import`,
# `docker load` and `skopeo` take. Needs no image builder and no registry.
# usage: mkimage.sh REF[,REF...] ROOTFS OUT.tar USER ENTRYPOINT [ARG...]   (USER may be "")
set -euo pipefail
refs=$1 rootfs=$2 out=$3 user=$4
shift 4

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pack() { tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner "$@"; }
json_list() { # "a","b" from the arguments
  local list=
  for item in "$@"; do list+="${list:+,}\"$item\""; done
  printf '%s' "$list"
}

pack -C "$rootfs" -cf "$work/layer.tar" .
digest=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cat >"$work/config.json" <<J
{"architecture":"amd64","os":"linux","config":{"User":"$user","Env":["PATH=$path"],"Entrypoint":[$(json_list "$@")],"WorkingDir":"/"},"rootfs":{"type":"layers","diff_ids":["sha256:$digest"]},"history":[{"created":"1970-01-01T00:00:00Z","created_by":"mkimage.sh"}]}
J
IFS=, read -ra tags <<<"$refs"
printf '[{"Config":"config.json","RepoTags":[%s],"Layers":["layer.tar"]}]' "$(json_list "${tags[@]}")" \
  >"$work/manifest.json"
pack -C "$work" -cf "$out" manifest.json config.json layer.tar
