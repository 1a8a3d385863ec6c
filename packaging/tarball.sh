#!/bin/sh
# tarball.sh BUILD VERSION OUT: writes OUT/ioswarm-VERSION-linux-ARCH.tar.gz. Unpacked over /usr/local it is the same as
# `./dev install`. SHA256SUMS in it lists its files.
set -eu
build=$1 version=$2 out=$3
name=ioswarm-$version-linux-$(dpkg --print-architecture)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
DESTDIR='' IOSWARM_RUN_PREFIX=/usr/local cmake --install "$build" --prefix "$stage/$name" --strip >/dev/null
(cd "$stage/$name" && find . -type f -printf '%P\0' | sort -z | xargs -0 sha256sum) >"$stage/SHA256SUMS"
mv "$stage/SHA256SUMS" "$stage/$name/"
mkdir -p "$out"
# The same input gives the same bytes.
tar -C "$stage" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}" -cf - "$name" |
    gzip -9 -n >"$out/$name.tar.gz"
echo "$out/$name.tar.gz"
