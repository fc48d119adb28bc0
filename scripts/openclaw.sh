#!/usr/bin/env bash
# Prints the path of OpenClaw's program, to be run by the Node of node24.sh. Installs it first into the cache if it is not
# there: about 650 MB. Its packages work without their install scripts.
set -euo pipefail

scripts="$(dirname "$0")"
node="$("$scripts/node24.sh")"
# npm runs under Node 24, which OpenClaw's packages ask for.
package="$(PATH="$(dirname "$node"):$PATH" "$scripts/cached-package.sh" openclaw openclaw 2026.9.6)"
echo "$package/openclaw.mjs"
