// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/model/messages.hpp"

namespace ioswarm::snapshot {

/// A value of the reference's diff store (../shared/spec/state-and-snapshots.md section 4): gzip'd JSON
/// {"Height":n,"Entries":[{"Type":0,"Namespace":"Account","Key":"base64","Value":"base64"}],"DigestBytes":"base64"}.
/// Bytes may be null, which is none. Its digest is not looked at. Error bad_data, of which only `why` is
/// filled: no gzip, no JSON, another shape, or over the bounds of a diff (kMaxDiffRecordBytes, kMaxDiffEntries)
/// or of an entry (namespace 255 bytes, key and value as in state_database.hpp).
[[nodiscard]] Result<StateDiff> read_reference_diff(BytesView value);

/// The JSON alone; same errors.
[[nodiscard]] Result<StateDiff> parse_reference_diff(BytesView json);

}  // namespace ioswarm::snapshot
