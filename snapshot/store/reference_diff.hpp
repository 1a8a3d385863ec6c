// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/model/messages.hpp"

namespace ioswarm::snapshot {

/// Reads one value of the store in which an iotex-core node keeps its state diffs: JSON, compressed with gzip,
/// {"Height":n,"Entries":[{"Type":0,"Namespace":"Account","Key":"base64","Value":"base64"}],"DigestBytes":"base64"}.
/// Byte fields may be null, which means empty, and so may Entries. The digest is not checked. Error bad_data,
/// with only `why` filled in: not gzip; not JSON; a missing, repeated or unknown field; an empty namespace; a
/// type other than 0 or 1; above the limits of a diff (kMaxDiffRecordBytes, kMaxDiffEntries) or of an entry
/// (namespace 255 bytes, key and value as in state_database.hpp).
[[nodiscard]] Result<StateDiff> read_reference_diff(BytesView value);

/// Parses the JSON itself.
[[nodiscard]] Result<StateDiff> parse_reference_diff(BytesView json);

}  // namespace ioswarm::snapshot
