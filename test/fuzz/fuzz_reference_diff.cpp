// SPDX-License-Identifier: Apache-2.0
// A value of iotex-core's diff store either is refused with a reason, or can be read. A fuzzer does not find
// gzip's checksum by chance, so the input is read three times: as a stored value, as JSON without compression,
// and as JSON that is compressed here. A diff that was read encodes to a record that reads back as the same
// diff.

#include <cstdlib>

#include "core/diffs/diff_record.hpp"
#include "core/model/state_digest.hpp"
#include "snapshot/gzip/gzip.hpp"
#include "snapshot/store/reference_diff.hpp"
#include "test/fuzz/target.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;

namespace {

void check(const Result<StateDiff>& diff) {
    if (!diff) {
        if (diff.error().code != ErrorCode::bad_data || diff.error().why.empty()) std::abort();
        return;
    }
    (void)has_true_digest(*diff);
    const auto back = read_diff_record(diff_record(*diff));
    if (!back || !(*back == *diff)) std::abort();
}

}  // namespace

IOSWARM_FUZZ_TARGET(reference_diff) {
    const BytesView input(data, size);
    check(read_reference_diff(input));
    const auto parsed = parse_reference_diff(input);
    check(parsed);
    MemberCompressor compressor(Compression::fast);
    Bytes member;
    compressor.compress(input, member);
    const auto inflated = read_reference_diff(member);
    if (inflated.has_value() != parsed.has_value()) std::abort();
    if (parsed && !(*inflated == *parsed)) std::abort();
    return 0;
}
