#!/bin/sh
# ./dev lint: checks formatting, names, bug patterns and include directions. It builds nothing.
set -eu
cd "$(dirname "$0")/../.."

files=$(git ls-files '*.cpp' '*.hpp')
status=0
[ -f build/release/compile_commands.json ] || cmake --preset release >&2
# shellcheck disable=SC2086  # a list of files
clang-format-14 --dry-run --Werror $files || status=1
sh test/lint/includes.sh || status=1
git ls-files 'core/*.cpp' 'proto/*.cpp' 'snapshot/*.cpp' 'contracts/*.cpp' 'cli/*.cpp' |
    xargs -P "$(nproc)" -n 4 clang-tidy-14 -p build/release --quiet --extra-arg=-Wno-unknown-warning-option || status=1
exit "$status"
