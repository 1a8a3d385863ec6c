#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# For an agent's crontab: claims what the contract owes the wallet. Having nothing to claim is not an error and costs
# nothing.
#
#   17 4 * * 1  /usr/local/share/ioswarm/claim-rewards.sh /etc/ioswarm/agent.key io1...
set -eu

key=${1:?usage: claim-rewards.sh KEY_FILE CONTRACT}
contract=${2:?usage: claim-rewards.sh KEY_FILE CONTRACT}
ioswarm=${IOSWARM:-ioswarm}
chain=${CHAIN:---network mainnet}

# shellcheck disable=SC2086  # CHAIN is several words
exec "$ioswarm" claim --contract "$contract" --key-file "$key" $chain --yes
