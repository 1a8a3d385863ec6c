#!/bin/sh
# symbols.sh DDEB DEB: repacks the package of debug symbols that CPack made. CPack lists the files' checksums under their
# paths in the build folder, and leaves out the licence. Here the documentation is that of the program's package.
set -eu
ddeb=$1 deb=$2
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
dpkg-deb -R "$ddeb" "$stage/root"
version=$(dpkg-deb -f "$ddeb" Version)
sed -i '/^Depends:/d' "$stage/root/DEBIAN/control"
sed -i "s/^Version: .*/&\nDepends: ioswarm (= $version)/" "$stage/root/DEBIAN/control"
mkdir -p "$stage/root/usr/share/doc"
ln -s ioswarm "$stage/root/usr/share/doc/ioswarm-dbgsym"
(cd "$stage/root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$stage/md5sums"
mv "$stage/md5sums" "$stage/root/DEBIAN/md5sums"
chmod 755 "$stage/root/DEBIAN" "$stage/root/usr" "$stage/root/usr/share" "$stage/root/usr/share/doc"
chmod 644 "$stage/root/DEBIAN/md5sums"
dpkg-deb --root-owner-group -b "$stage/root" "$deb" >/dev/null
