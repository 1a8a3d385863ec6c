// SPDX-License-Identifier: Apache-2.0
#include "snapshot/account_record.hpp"

#include "core/base/wire.hpp"

namespace ioswarm::snapshot {

Result<AccountRecord> read_account_record(BytesView bytes) {
    AccountRecord out;
    wire::Reader reader(bytes);
    while (const auto field = reader.next()) {
        switch (field->number) {
            case 1:
                out.nonce = field->scalar;
                break;
            case 2:
                out.balance_rau = as_text(field->bytes);
                break;
            case 3:
                out.storage_root = to_bytes(field->bytes);
                break;
            case 4:
                out.code_hash = to_bytes(field->bytes);
                break;
            case 5:
                out.is_candidate = field->scalar != 0;
                break;
            case 6:
                out.voting_weight = to_bytes(field->bytes);
                break;
            case 7:
                out.type = field->scalar;
                break;
            default:
                break;
        }
    }
    if (!reader.ok())
        return fail(ErrorCode::bad_data, "cannot decode the account", {},
                    "its record is not a protobuf message");
    return out;
}

}  // namespace ioswarm::snapshot
