#!/usr/bin/env bash
# Runs the specs against real filesystems, systemd, OpenClaw and other backup programs: needs dist/ (npm run build). It
# installs what they use first where it can; specs that lack something are skipped, and say what.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/interop-setup.sh >&2 || echo "going on without what could not be installed" >&2
exec node_modules/.bin/mocha --config .mocharc.serial.json 'dist/spec/interop/**/*.spec.js'
