#!/bin/sh
# Lists the production files that have no test file of the same name, one line per folder. Many are tested through a
# neighbour, so the list is for reading and never fails.
set -eu
cd "$(dirname "$0")/../.."

tests=$(find test -name '*_test.cpp' | sed 's|.*/||; s|_test\.cpp$||')
find core proto snapshot contracts settlement cli -name '*.cpp' | sort |
    while read -r file; do
        name=$(basename "$file" .cpp)
        printf '%s\n' "$tests" | grep -qx "$name" || printf '%s %s\n' "$(dirname "$file")" "$name"
    done |
    awk '{ names[$1] = names[$1] " " $2 } END { for (folder in names) print "no test of the same name: " folder ":" names[folder] }' |
    sort
