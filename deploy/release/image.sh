#!/bin/sh
# Builds the image and what is made beside it, for the architecture of this machine, and gives the images of all architectures one
# name. Needs docker with buildx and a builder of its own (`docker buildx create --use`), and jq.
#
#   image.sh artifacts DIRECTORY               what is published besides the image
#   image.sh push IMAGE VERSION REVISION       pushes the image without a tag, and prints its digest
#   image.sh tag IMAGE "TAG…" DIGEST_FILE…     gives the images with these digests tags, and prints the digest of them all
set -eu

case "$1" in
    artifacts)
        docker buildx build --target artifacts --output "type=local,dest=$2" .
        ;;
    push)
        metadata="$(mktemp)"
        docker buildx build --target image --build-arg "VERSION=$3" --build-arg "REVISION=$4" \
            --sbom=true --provenance=mode=max --metadata-file "$metadata" \
            --output "type=image,name=$2,push-by-digest=true,name-canonical=true,push=true" . >&2
        jq --exit-status --raw-output '."containerimage.digest"' "$metadata"
        rm "$metadata"
        ;;
    tag)
        image="$2" tags="$3"
        shift 3
        for digest in "$@"; do
            set -- "$@" "$image@$(cat "$digest")"
            shift
        done
        for tag in $tags; do
            set -- --tag "$image:$tag" "$@"
        done
        docker buildx imagetools create "$@" >&2
        docker buildx imagetools inspect "$image:${tags%% *}" --format '{{json .Manifest}}' | jq --exit-status --raw-output .digest
        ;;
    *)
        echo "image.sh: unknown: $1" >&2
        exit 64
        ;;
esac
