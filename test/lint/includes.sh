#!/bin/sh
# Checks the include directions (ARCHITECTURE.md): the folders that each folder may include, and the only place that may
# include each third-party header. Prints every include that breaks a rule, and every folder without a rule; exits 1 if
# there is one.
set -eu
cd "$(dirname "$0")/../.."

bad=0
ruled=' '
report() {
    if [ -n "$2" ]; then
        printf '%s\n%s\n' "$1" "$2" | sed '2,$s/^/    /' >&2
        bad=1
    fi
}

# allow FOLDER LAYER…: files in FOLDER (without subfolders) may include, with quotes, only files in FOLDER and in the
# LAYERs (without subfolders).
allow() {
    folder=$1
    shift
    ruled="$ruled$folder "
    layers=$(printf '%s|' "$@" "$folder")
    found=$(grep -nE '^#include "' "$folder"/*.hpp "$folder"/*.cpp 2>/dev/null |
        grep -vE "#include \"(${layers%|})/[a-z0-9_]+\.hpp\"" || true)
    report "$folder may include only: $*" "$found"
}

model='core/base core/metrics core/crypto core/model'
ports="$model core/ports"
stores="$ports core/sqlite core/ledger core/diffs core/net"
swarm="$ports core/evm core/ledger core/diffs core/net core/auth core/accounting core/coordinator"
core="$swarm core/sim"
# shellcheck disable=SC2086  # lists of folders
{
    allow core/base
    allow core/metrics core/base
    allow core/crypto core/base
    allow core/evm core/base core/crypto
    allow core/model core/base core/metrics core/crypto
    allow core/ports $model
    allow core/sqlite core/base
    allow core/ledger $ports core/sqlite
    allow core/diffs $ports core/sqlite
    allow core/net $ports
    allow core/auth $ports
    allow core/accounting $ports core/ledger core/auth
    allow core/coordinator $ports core/evm core/ledger core/diffs core/net core/auth core/accounting
    allow core/sim $swarm

    allow proto/codec $ports
    allow proto/grpc $ports
    allow proto/h2 $ports core/net proto/grpc
    allow proto/diffs $stores proto/codec proto/h2
    allow proto/node $stores core/evm proto/grpc
    allow proto/agents $core proto/codec proto/grpc
    allow proto/agent_port $swarm proto/codec proto/grpc

    allow snapshot/gzip $model
    allow snapshot/store $ports core/diffs snapshot/gzip
    allow snapshot/bolt $ports core/diffs snapshot/store
    allow snapshot/pebble $ports snapshot/store
    allow snapshot $ports core/diffs snapshot/gzip snapshot/store snapshot/bolt snapshot/pebble

    allow contracts $stores
    allow settlement $stores contracts

    allow cli/config $stores
    allow cli/page $ports core/net
    allow cli/version
    allow cli/wiring $core proto/agent_port
    commands="$stores cli/config cli"
    allow cli/contracts $commands contracts settlement
    allow cli/settlement $commands contracts settlement cli/contracts
    allow cli/serve $commands $core cli/version snapshot contracts settlement cli/settlement cli/page cli/wiring \
        proto/codec proto/grpc proto/diffs proto/node proto/agents proto/agent_port
    allow cli/snapshot $commands snapshot snapshot/gzip snapshot/store
    allow cli/diffs $commands snapshot snapshot/store proto/diffs proto/h2 proto/codec cli/serve
    allow cli/doctor $commands contracts proto/node cli/contracts cli/serve
    allow cli/sim $commands $core cli/version cli/wiring snapshot proto/codec proto/grpc proto/node proto/agents proto/agent_port
    allow cli $commands core/auth core/evm settlement snapshot proto/node cli/serve cli/version
}
for folder in $(find core proto snapshot contracts settlement cli -name '*.[ch]pp' -exec dirname {} + | sort -u); do
    case "$ruled" in
        *" $folder "*) ;;
        *) report "a folder has no rule here:" "$folder" ;;
    esac
done

# home 'header pattern' 'file regex' NAME: only files that match may include the headers; NAME is for the message. The one
# file that asks every library for its version may include them all.
home() {
    found=$(grep -rnE "^#include <($1)" core proto snapshot contracts settlement cli --include='*.hpp' --include='*.cpp' |
        grep -vE "^(cli/library_versions\.cpp|$2)" || true)
    report "$3 belongs to $2 only" "$found"
}
home 'CLI/' 'cli/' CLI11
home 'yaml-cpp/' 'cli/config/' yaml-cpp
home 'grpc|google/protobuf|nghttp2' 'proto/' 'gRPC, protobuf and nghttp2'
home 'sqlite3' 'core/sqlite/[a-z0-9_]*\.cpp' SQLite
home 'secp256k1|openssl/' 'core/crypto/[a-z_0-9]*\.cpp' 'secp256k1 and OpenSSL'
home 'curl/' 'core/net/[a-z0-9_]*\.cpp' libcurl
home 'boost/(asio|beast)' 'core/net/[a-z0-9_]*\.cpp' 'Boost.Asio and Boost.Beast'
home 'systemd/' 'cli/serve/service_notifier\.cpp' libsystemd
home 'prometheus/' '(core/metrics/[a-z0-9_]*\.cpp|cli/serve/metrics\.cpp)' prometheus-cpp
home 'zstd' '(core/diffs|snapshot/pebble|snapshot/gzip)/[a-z0-9_]*\.cpp' zstd
# web3_json.hpp is for the sources of proto/node alone, and the other two for those of cli, which would otherwise
# repeat their helpers.
home 'nlohmann/' '([a-z0-9_/]*\.cpp|proto/node/web3_json\.hpp|cli/serve/json_reply\.hpp|cli/json_fields\.hpp)' 'nlohmann-json'

exit "$bad"
