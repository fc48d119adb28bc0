#!/usr/bin/env bash
# cached-package.sh NAME PACKAGE VERSION: prints the directory of a package of the npm registry. Installs it first into the
# cache, as NAME, if it is not there in that version. Install scripts are not run.
set -euo pipefail

name="$1" package="$2" version="$3"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/holdstill-ci/$name"
directory="node_modules/$package"

found="$(node -p 'require(process.argv[1]).version' "$cache/$directory/package.json" 2>/dev/null || true)"

if [[ "$found" != "$version" ]]; then
  mkdir -p "$(dirname "$cache")"
  # Installed beside and moved, so that an interrupted installation is never taken for a whole one.
  fresh="$(mktemp -d "$cache.XXXXXX")"
  trap 'rm -rf "$fresh"' EXIT
  npm install --prefix "$fresh" --ignore-scripts --no-audit --no-fund --loglevel=error "$package@$version" >&2
  rm -rf "$cache"
  mv -T "$fresh" "$cache"
fi

echo "$cache/$directory"
