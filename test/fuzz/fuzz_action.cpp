// SPDX-License-Identifier: Apache-2.0
// read_action() either fails with bad_data, or returns an action with unchanged bytes. Its canonical form reads
// as the same action and has itself as canonical form.

#include <cstdlib>

#include "core/crypto/keccak.hpp"
#include "core/model/action.hpp"
#include "core/model/action_parts.hpp"
#include "test/fuzz/target.hpp"

using namespace ioswarm;

IOSWARM_FUZZ_TARGET(action) {
    const Bytes raw(data, data + size);
    const auto action = read_action(raw, ChainIds{4689});
    if (!action) {
        if (action.error().code != ErrorCode::bad_data || action.error().which.empty()) std::abort();
        return 0;
    }
    if (action->raw != raw || action->kind.empty()) std::abort();
    const auto parts = take_apart(raw);
    const auto again = take_apart(parts->canonical);
    if (!again || again->canonical != parts->canonical) std::abort();
    const auto reread = read_action(parts->canonical, ChainIds{4689});
    if (!reread || reread->hash != action->hash || reread->evm_tx != action->evm_tx) std::abort();
    return 0;
}
