#!/bin/sh
# Installs the npm packages of the contract tests (the Solidity compiler and anvil) into DIRECTORY, in the exact
# versions of the lock file. Fails when the registry cannot be reached.
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
# Nothing to do if installed before: the stamp is a copy of the installed lock file and is written last.
if cmp -s "$source/package-lock.json" "$directory/installed.json"; then
    exit 0
fi
mkdir -p "$directory"
rm -f "$directory/installed.json"
cp "$source/package.json" "$source/package-lock.json" "$directory/"
cd "$directory"
# --ignore-scripts keeps downloaded code from running here. The programs are in the packages already.
if ! npm ci --ignore-scripts --no-audit --no-fund; then
    echo "npm could not install the packages of contracts/solidity/package-lock.json" \
        "(hint: the npm registry must be reachable; see npm's message above)" >&2
    exit 1
fi

# npm leaves an optional package out when its "engines" ask for a newer node, as anvil's do for the node of Debian 12.
# The package holds a program that needs no node, so it is fetched here, and checked against the lock file.
package="@foundry-rs/anvil-linux-$(dpkg --print-architecture)"
locked() { # FIELD: a field of the package in the lock file
    awk -v start="\"node_modules/$package\": {" -v field="\"$1\":" \
        'index($0, start) { inside = 1 } inside && $1 == field { gsub(/[",]/, "", $2); print $2; exit }' package-lock.json
}
if [ ! -x "node_modules/$package/bin/anvil" ]; then
    if ! tarball=$(npm pack --silent "$package@$(locked version)"); then
        echo "npm could not fetch $package (hint: the npm registry must be reachable; see npm's message above)" >&2
        exit 1
    fi
    found="sha512-$(openssl dgst -sha512 -binary "$tarball" | openssl base64 -A)"
    if [ "$found" != "$(locked integrity)" ]; then
        echo "$package is not what contracts/solidity/package-lock.json says: its digest is $found" \
            "(hint: delete $directory and try again)" >&2
        exit 1
    fi
    mkdir -p "node_modules/$package"
    tar -xzf "$tarball" -C "node_modules/$package" --strip-components=1
    rm "$tarball"
fi
cp package-lock.json installed.json
