#!/usr/bin/env bash
# Prints the path of s3rver, a server that speaks S3 and keeps what it is given in a directory. Installs it first into the
# cache if it is not there: about 10 MB.
set -euo pipefail

package="$("$(dirname "$0")/cached-package.sh" s3rver s3rver 3.7.1)"
echo "$package/bin/s3rver.js"
