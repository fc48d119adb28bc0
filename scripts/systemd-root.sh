#!/usr/bin/env bash
# Prints the path of a root directory with a small Debian and its systemd, to be copied and booted in a container.
# Installs it first into the cache if it is not there: from Debian's packages, about 250 MB. Needs root.
set -euo pipefail

suite=bookworm
cache="${XDG_CACHE_HOME:-$HOME/.cache}/holdstill-ci/systemd-$suite"

if [[ ! -e "$cache/etc/os-release" ]]; then
  mkdir -p "$(dirname "$cache")"
  # Installed beside and moved, so that an interrupted installation is never taken for a whole one.
  fresh="$(mktemp -d "$cache.XXXXXX")"
  trap 'rm -rf "$fresh"' EXIT
  debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,libpam-systemd "$suite" "$fresh" >&2
  chmod 755 "$fresh"
  # Each machine that is booted from a copy gets an id of its own.
  rm -f "$fresh/etc/machine-id" "$fresh/var/lib/dbus/machine-id"
  rm -rf "$fresh"/var/cache/apt/archives/*.deb
  rm -rf "$cache"
  mv -T "$fresh" "$cache"
fi

echo "$cache"
