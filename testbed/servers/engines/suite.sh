# shellcheck shell=bash disable=SC2016,SC2154
# Programs of another suite of Debian than this machine's: its packages and the libraries they need
# are laid into a folder of their own, and run by their own dynamic loader: no chroot, and nothing of
# the suite gets into the system. Sourced by mysql.sh and mariadb.sh.

SUITE=unstable

# The machine's own source of Debian's packages. Without package lists apt does not know which is
# which.
debian_source() {
  apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' | awk '$2 == "Debian" && $3 == "Debian" {print $1; exit}'
}

# Lays the packages, and all that they need, into WORK/root.
lay_packages() { # WORK PACKAGE...
  local apt=$1/apt root=$1/root uri deb
  shift
  uri=$(debian_source)
  if [ -z "$uri" ] && is_root; then
    apt-get -o DPkg::Lock::Timeout=120 -qq update
    uri=$(debian_source)
  fi
  [ -n "$uri" ] || fail "apt's sources name no mirror of Debian: add one, then apt-get update"
  # An apt of its own: no package counts as installed, so that all libraries come along, libc's too.
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$root"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $SUITE main" >"$apt/sources.list"
  : >"$apt/status"
  private_apt() {
    apt-get -q -o Dir::State="$apt" -o Dir::State::status="$apt/status" -o Dir::State::lists="$apt/lists" \
      -o Dir::Cache="$apt/cache" -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
      -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User= \
      -o Acquire::Languages=none -o APT::Install-Recommends=false -o Debug::NoLocking=1 -o Acquire::Retries=3 "$@"
  }
  private_apt update
  private_apt -y --download-only install "$@"
  for deb in "$apt"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --keep-directory-symlink --no-same-owner
  done
}

# Puts programs, each bin/NAME or sbin/NAME, into TARGET, with the libraries they were built for.
take_programs() { # TARGET ROOT PROGRAM...
  local target=$1 root=$2 program lib loader
  shift 2
  lib=usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch 2>/dev/null || echo "$(uname -m)-linux-gnu")
  mkdir -p "$target/bin" "$target/sbin" "$target/lib"
  find "$root/$lib" -maxdepth 1 \( -type f -o -type l \) -name '*.so*' -exec cp -a -t "$target/lib" {} +
  loader=$(find -L "$root/usr/lib64" "$root/$lib" -maxdepth 1 -name 'ld-linux*.so*' 2>/dev/null | head -n1)
  [ -n "$loader" ] || fail "no dynamic loader among the packages"
  cp -L "$loader" "$target/lib/loader"
  for program; do
    cp -aL "$root/usr/$program" "$target/$program.real"
    cat >"$target/$program" <<'W'
#!/bin/sh
# The program beside this one, with the libraries it was built for.
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/../lib/loader" --library-path "$here/../lib" "$here/$(basename "$0").real" "$@"
W
    chmod 755 "$target/$program"
  done
}
