#!/bin/sh
# ./dev lint [--all]: format, include directions, shell scripts, manual pages, and clang-tidy. Builds nothing.
# clang-tidy takes several seconds per file. It checks the files that changed since the merge base with origin/main, or
# every file with --all. Without origin/main, and when more than tidy_limit files changed, it is left out and that is said.
set -eu
cd "$(dirname "$0")/../.."

tidy_limit=40
status=0

sources=$(find core proto snapshot contracts settlement cli test -name '*.[ch]pp' | sort)
# shellcheck disable=SC2086  # a list of files without blanks
clang-format-14 --dry-run --Werror $sources || status=1
sh test/lint/includes.sh || status=1
scripts=$(find dev .ci packaging core proto snapshot contracts settlement cli test -type f ! -path '*/node_modules/*' \
    -exec grep -lE '^#!/(usr/bin/env |bin/)(ba)?sh' {} + | sort)
# shellcheck disable=SC2086
shellcheck $scripts || status=1
man_status=0
sh test/lint/man.sh || man_status=$?
case "$man_status" in
    0) ;;
    77) echo "lint: manual pages: skipped, groff is missing" >&2 ;;
    *) status=1 ;;
esac
sh test/lint/tests_by_name.sh

production='^(core|proto|snapshot|contracts|settlement|cli)/.*\.cpp$'
if [ "${1:-}" = --all ]; then
    files=$(printf '%s\n' "$sources" | grep -E "$production")
elif base=$(git merge-base HEAD origin/main 2>/dev/null); then
    files=$(git diff --name-only --diff-filter=d "$base" | grep -E "$production" || true)
    count=$(printf '%s' "$files" | grep -c . || true)
    if [ "$count" -gt "$tidy_limit" ]; then
        echo "lint: clang-tidy: left out, $count files changed since origin/main (run: ./dev lint --all)" >&2
        files=
    fi
else
    echo "lint: clang-tidy: left out, there is no origin/main to compare with (run: ./dev lint --all)" >&2
    files=
fi
if [ -n "$files" ]; then
    # clang-tidy reads how each file is compiled; in a unity build only the generated files would be listed.
    [ -f build/dev/compile_commands.json ] || cmake --preset dev >&2
    printf '%s\n' "$files" |
        xargs -P "$(nproc)" -n 4 clang-tidy-14 -p build/dev --quiet --extra-arg=-Wno-unknown-warning-option \
            --extra-arg=-Wno-unused-command-line-argument || status=1
fi
exit "$status"
