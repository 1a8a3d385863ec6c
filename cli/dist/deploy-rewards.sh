#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Deploys the reward contract: first shows the cost, then sends the transaction. Running it twice deploys only once.
#
#   deploy-rewards.sh KEY_FILE COORDINATOR
#
# KEY_FILE holds the key of the wallet that pays for the deployment (64 hex digits, mode 0600). COORDINATOR is the
# address of the key that will settle. Set CHAIN to choose another chain, IOSWARM to run another program.
set -eu

key=${1:?usage: deploy-rewards.sh KEY_FILE COORDINATOR}
coordinator=${2:?usage: deploy-rewards.sh KEY_FILE COORDINATOR}
ioswarm=${IOSWARM:-ioswarm}
chain=${CHAIN:---network testnet}

# shellcheck disable=SC2086  # CHAIN is several words
"$ioswarm" deploy --coordinator "$coordinator" --key-file "$key" $chain --dry-run
# shellcheck disable=SC2086
"$ioswarm" deploy --coordinator "$coordinator" --key-file "$key" $chain --yes
