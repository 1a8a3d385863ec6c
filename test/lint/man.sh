#!/bin/sh
# Checks that groff formats every manual page without a warning. Exits with 77 (skipped) when there is no groff.
set -eu
cd "$(dirname "$0")/../.."
command -v groff >/dev/null || exit 77
complaints=$(for page in man/*; do groff -ww -man -Tutf8 -z "$page" 2>&1; done)
[ -z "$complaints" ] || { echo "$complaints" >&2; exit 1; }
