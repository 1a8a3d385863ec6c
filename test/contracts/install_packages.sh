#!/bin/sh
# Installs the npm packages of the contract tests (the Solidity compiler and anvil) into DIRECTORY, exactly as the lock
# file names them. A registry that cannot be reached is a failure.
#
# usage: install_packages.sh DIRECTORY
set -eu
source=$(dirname "$0")/../../contracts/solidity
directory=$1

if ! command -v npm >/dev/null 2>&1; then
    echo "npm is missing, which installs the compiler and the chain that the contract tests run" \
        "(hint: ./dev test installs it; or: apt-get install nodejs npm)" >&2
    exit 1
fi
# Done already: the stamp is written last, and holds the lock file that was installed.
if cmp -s "$source/package-lock.json" "$directory/installed.json"; then
    exit 0
fi
mkdir -p "$directory"
rm -f "$directory/installed.json"
cp "$source/package.json" "$source/package-lock.json" "$directory/"
cd "$directory"
# Without scripts nothing of what is downloaded runs here; the programs are in the packages.
if ! npm ci --ignore-scripts --no-audit --no-fund; then
    echo "npm could not install the packages of contracts/solidity/package-lock.json" \
        "(hint: the npm registry must be reachable; see npm's message above)" >&2
    exit 1
fi
cp package-lock.json installed.json
