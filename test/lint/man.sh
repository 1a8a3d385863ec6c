#!/bin/sh
# Every manual page is formatted without a complaint. Exits 77 (skipped) where there is no groff.
set -eu
cd "$(dirname "$0")/../.."
command -v groff >/dev/null || exit 77
complaints=$(for page in man/*; do groff -ww -man -Tutf8 -z "$page" 2>&1; done)
[ -z "$complaints" ] || { echo "$complaints" >&2; exit 1; }
