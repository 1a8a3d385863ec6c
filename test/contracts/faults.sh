#!/bin/sh
# Checks that every deliberate fault in the contract makes the test fail that is named for it.
#
# Each faults/*.patch has one fault. Two lines above the patch tell what goes wrong ("Fault: ") and which test case must
# fail ("Noticed by: "). Each patch is applied alone to the unchanged contract, and only its test case is run. The same
# test cases must pass without a fault.
#
# usage: faults.sh PACKAGES CONTRACT_TEST, the directory that install_packages.sh filled and the test program
set -eu
packages=$1
program=$2
here=$(cd "$(dirname "$0")" && pwd)
source=$here/../../contracts/solidity/AgentRewardPool.sol
least=20

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Escapes commas, since a comma separates test names in a Catch2 test specification.
noticed_by() {
    sed -n 's/^Noticed by: //p' "$1" | sed 's/,/\\,/g'
}

# Prints the result for one fault: a line that begins with "noticed", "unnoticed" or "broken".
try_fault() {
    name=$(basename "$1" .patch)
    log=$work/$name.log
    if IOSWARM_CONTRACT_ARTIFACT=$work/$name.json "$program" "$(noticed_by "$1")" >"$log" 2>&1; then
        echo "unnoticed $name"
    elif grep -q 'unexpected exception' "$log" || ! grep -q '^assertions: ' "$log"; then
        echo "broken $name"
        sed 's/^/    /' "$log"
    else
        echo "noticed $name"
    fi
}

cp "$source" "$work/no-fault.sol"
faults=0
specification=
for fault in "$here"/faults/*.patch; do
    name=$(basename "$fault" .patch)
    if ! patch --silent --fuzz=0 --output="$work/$name.sol" "$source" "$fault"; then
        echo "$fault does not apply to the contract (hint: make the same change again and store the new difference)" >&2
        exit 1
    fi
    case $specification in
        *"$(noticed_by "$fault")"*) ;;
        *) specification=$specification${specification:+,}$(noticed_by "$fault") ;;
    esac
    faults=$((faults + 1))
done
if [ "$faults" -lt "$least" ]; then
    echo "only $faults faults, not $least" >&2
    exit 1
fi
node "$here/compile_faults.cjs" "$packages/node_modules" "$work"

if ! IOSWARM_CONTRACT_ARTIFACT=$work/no-fault.json "$program" "$specification" >"$work/no-fault.log" 2>&1; then
    echo "the test cases fail without any fault:" >&2
    cat "$work/no-fault.log" >&2
    exit 1
fi

# Runs two at a time; each starts its own chain.
first=$work/first
second=$work/second
turn=1
for fault in "$here"/faults/*.patch; do
    if [ "$turn" = 1 ]; then
        try_fault "$fault" >>"$first" &
        turn=2
    else
        try_fault "$fault" >>"$second"
        wait
        turn=1
    fi
done
wait
cat "$first" "$second"
noticed=$(cat "$first" "$second" | grep -c '^noticed ') || true
echo "$noticed of $faults faults were noticed"
[ "$noticed" = "$faults" ]
