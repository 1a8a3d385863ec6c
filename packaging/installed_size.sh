#!/bin/sh
# installed_size.sh DEB: corrects the field Installed-Size. CPack counts the program once per link to it, so apt would
# announce 30 times the space. Debian's rule: each file's size rounded up to KiB, and 1 KiB for everything else.
set -eu
deb=$1
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
dpkg-deb -R "$deb" "$stage/root"
size=$(cd "$stage/root" && find . -path ./DEBIAN -prune -o -printf '%y %s\n' |
    awk '{ kib += $1 == "f" ? int(($2 + 1023) / 1024) : 1 } END { print kib }')
sed -i "s/^Installed-Size: .*/Installed-Size: $size/" "$stage/root/DEBIAN/control"
dpkg-deb --root-owner-group -b "$stage/root" "$deb" >/dev/null
