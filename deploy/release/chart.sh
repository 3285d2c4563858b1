#!/bin/sh
# Packs the chart, pushes it to a registry and prints its digest. Needs helm, logged in.
#
#   chart.sh oci://REGISTRY/PATH
set -eu

directory="$(mktemp -d)"
helm package deploy/charts/rulesync --destination "$directory" >&2
# helm prints `Digest: sha256:…` to one of its outputs, which one depends on its version.
output="$(helm push "$directory"/rulesync-*.tgz "$1" 2>&1)"
printf '%s\n' "$output" >&2
rm -r "$directory"
digest="$(printf '%s\n' "$output" | sed -n 's/^Digest: \(sha256:[0-9a-f]*\)$/\1/p')"
[ -n "$digest" ] || {
    echo "chart.sh: helm has not said the digest" >&2
    exit 1
}
printf '%s\n' "$digest"
