#!/usr/bin/env bash
# Prints the path of s3rver, a server that speaks S3 and keeps what it is given in a directory. Installs it first into the
# cache if it is not there: from the npm registry, about 10 MB.
set -euo pipefail

version=3.7.1
cache="${XDG_CACHE_HOME:-$HOME/.cache}/holdstill-ci/s3rver"
package="node_modules/s3rver"

found="$(node -p 'require(process.argv[1]).version' "$cache/$package/package.json" 2>/dev/null || true)"

if [[ "$found" != "$version" ]]; then
  mkdir -p "$(dirname "$cache")"
  # Installed beside and moved, so that an interrupted installation is never taken for a whole one.
  fresh="$(mktemp -d "$cache.XXXXXX")"
  trap 'rm -rf "$fresh"' EXIT
  npm install --prefix "$fresh" --ignore-scripts --no-audit --no-fund --loglevel=error "s3rver@$version" >&2
  rm -rf "$cache"
  mv -T "$fresh" "$cache"
fi

echo "$cache/$package/bin/s3rver.js"
