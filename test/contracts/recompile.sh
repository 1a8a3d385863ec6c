#!/bin/sh
# Checks that compiling the source gives the committed artifact, byte for byte.
#
# usage: recompile.sh PACKAGES, the directory that install_packages.sh filled
set -eu
packages=$1
contracts=$(dirname "$0")/../../contracts
made=$packages/AgentRewardPool.json

node "$contracts/solidity/compile.cjs" "$packages/node_modules" "$contracts/solidity/AgentRewardPool.sol" "$made"
if ! cmp "$contracts/AgentRewardPool.json" "$made"; then
    echo "contracts/AgentRewardPool.json is not what contracts/solidity/AgentRewardPool.sol compiles to" \
        "(hint: after a change of the contract run: cp $made $contracts/)" >&2
    exit 1
fi
