// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.hpp"
#include "core/base/try.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm::sqlite {

/// Calls `each`, which returns a Status, for every row of a statement that is already bound. Stops at the first
/// error. The statement can then be bound again.
template <typename Each>
[[nodiscard]] Status for_each_row(Statement& statement, Each each) {
    for (;;) {
        IOSWARM_TRY(const auto row, statement.step());
        if (!row) return {};
        if (Status status = each(); !status) {
            statement.reset();
            return status;
        }
    }
}

}  // namespace ioswarm::sqlite
