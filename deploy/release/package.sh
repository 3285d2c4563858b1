#!/bin/sh
# Makes what is published besides the image, of the binaries in a directory and in its directory `packages`: an archive, the Debian
# packages and a bill of materials for each binary. Runs at the root of the repository, as a step of the Dockerfile.
# Needs cargo-deb, auditable2cdx and dpkg-dev.
set -eu

directory="$(realpath "$1")"
packages="$directory/packages"
version="$("$directory/rulesync" --version | cut -d ' ' -f 2)"
name="rulesync-$version-linux-$(dpkg --print-architecture)"

# What both the archive and the packages have besides the binaries.
content="$directory/$name"
mkdir -p "$packages" "$content/completions"
"$directory/rulesync" man "$content/man"
gzip --no-name --best "$content"/man/*
for shell in bash fish zsh; do
    "$directory/rulesync" completion "$shell" >"$content/completions/$shell"
done

# cargo-deb takes binaries from where a release build leaves them.
mkdir -p target/release package-content
cp "$directory/rulesyncd" "$directory/rulesync" target/release
cp -r "$content"/* package-content
for package in rulesyncd rulesync; do
    cargo deb --no-build --no-strip --locked --package "$package" --output "$packages/"
done

for binary in rulesyncd rulesync; do
    auditable2cdx "$directory/$binary" >"$packages/$name-$binary.cdx.json"
done

cp "$directory/rulesyncd" "$directory/rulesync" LICENSE "$content"
# The same bytes of the same content.
tar --create --directory "$directory" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}" "$name" |
    gzip --no-name --best >"$packages/$name.tar.gz"
rm -r "$content"
