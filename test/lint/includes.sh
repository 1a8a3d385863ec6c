#!/bin/sh
# Who may include whom (architecture): each folder's allowed layers, and the one home of each third-party header.
# Prints every include that goes the wrong way; exits 1 when there is one.
set -eu
cd "$(dirname "$0")/../.."

bad=0
report() {
    if [ -n "$2" ]; then
        printf '%s\n%s\n' "$1" "$2" | sed '2,$s/^/    /' >&2
        bad=1
    fi
}

# allow FOLDER 'layer|layer|…': quoted includes of FOLDER's files must begin with one of the layers.
allow() {
    [ -d "$1" ] || return 0
    found=$(grep -rnE '^#include "' "$1" --include='*.hpp' --include='*.cpp' | grep -vE "#include \"($2)/" || true)
    report "$1 may include only: $2" "$found"
}

low='core/base'
allow core/base "$low"
low="$low|core/crypto"; allow core/crypto "$low"
allow core/evm "$low|core/evm"
low="$low|core/model"; allow core/model "$low"
low="$low|core/ports"; allow core/ports "$low"
allow core/sqlite 'core/base|core/sqlite'
for room in diffs ledger; do allow "core/$room" "$low|core/sqlite|core/$room"; done
allow core/net "$low|core/net"
allow core/coordinator "$low|core/evm|core/diffs|core/ledger|core/net|core/coordinator"
core="$low|core/evm|core/diffs|core/ledger|core/net|core/coordinator|core/sim"
allow core/sim "$core"
allow snapshot "$core|snapshot"
allow contracts "$core|core/sqlite|contracts"
allow settlement "$core|core/sqlite|contracts|settlement"
allow proto "$core|proto"
allow cli "$core|snapshot|contracts|settlement|proto|cli"

# home 'header pattern' 'folder regex' what
home() {
    found=$(grep -rnE "^#include <($1)" core proto snapshot contracts settlement cli --include='*.hpp' --include='*.cpp' \
        2>/dev/null | grep -vE "^($2)" || true)
    report "$3 belongs to $2 only" "$found"
}
home 'CLI/' 'cli/' CLI11
home 'yaml-cpp/' 'cli/' yaml-cpp
home 'grpc|google/protobuf|nghttp2' 'proto/' 'gRPC, protobuf and nghttp2'
home 'sqlite3' 'core/sqlite/[a-z0-9_]*\.cpp' SQLite
home 'secp256k1|openssl/' 'core/crypto/[a-z_0-9]*\.cpp' 'secp256k1 and OpenSSL'
home 'curl/|httplib' 'core/net/[a-z0-9_]*\.cpp' 'libcurl and cpp-httplib'
home 'zstd' '(core/diffs|snapshot)/[a-z0-9_]*\.cpp' zstd
home 'nlohmann/' '[a-z0-9_/]*\.cpp' 'nlohmann-json'

exit "$bad"
