#!/usr/bin/env bash
# Prints the path of OpenClaw's program, to be run by the Node of node24.sh. Installs it first into the cache if it is not
# there: from the npm registry, about 650 MB.
set -euo pipefail

version=2026.9.6
cache="${XDG_CACHE_HOME:-$HOME/.cache}/holdstill-ci/openclaw"
package="node_modules/openclaw"

node="$("$(dirname "$0")/node24.sh")"
found="$("$node" -p 'require(process.argv[1]).version' "$cache/$package/package.json" 2>/dev/null || true)"

if [[ "$found" != "$version" ]]; then
  mkdir -p "$(dirname "$cache")"
  # Installed beside and moved, so that an interrupted installation is never taken for a whole one.
  fresh="$(mktemp -d "$cache.XXXXXX")"
  trap 'rm -rf "$fresh"' EXIT
  # npm runs under Node 24, which OpenClaw's packages ask for. They work without their install scripts.
  PATH="$(dirname "$node"):$PATH" npm install --prefix "$fresh" --ignore-scripts --no-audit --no-fund --loglevel=error \
    "openclaw@$version" >&2
  rm -rf "$cache"
  mv -T "$fresh" "$cache"
fi

echo "$cache/$package/openclaw.mjs"
