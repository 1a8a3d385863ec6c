// SPDX-License-Identifier: Apache-2.0
// A record of the diff log either is refused with a reason, or can be read. A diff that was read encodes to a
// record that reads back as the same diff.

#include <cstdlib>

#include "core/diffs/diff_record.hpp"
#include "core/model/state_digest.hpp"
#include "test/fuzz/target.hpp"

using namespace ioswarm;

IOSWARM_FUZZ_TARGET(diff_record) {
    const auto diff = read_diff_record({data, size});
    if (!diff) {
        if (diff.error().code != ErrorCode::bad_data || diff.error().why.empty()) std::abort();
        return 0;
    }
    (void)has_true_digest(*diff);
    const Bytes record = diff_record(*diff);
    const auto back = read_diff_record(record);
    if (!back || !(*back == *diff) || diff_record(*back) != record) std::abort();
    return 0;
}
