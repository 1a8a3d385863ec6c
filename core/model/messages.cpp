// SPDX-License-Identifier: Apache-2.0
#include "core/model/messages.hpp"

namespace ioswarm {

const char* to_string(TaskLevel level) noexcept {
    switch (level) {
        case TaskLevel::l1_sig_verify:
            return "L1";
        case TaskLevel::l2_state_verify:
            return "L2";
        case TaskLevel::l3_full_execute:
            return "L3";
        case TaskLevel::l4_state_sync:
            return "L4";
    }
    return "L?";
}

}  // namespace ioswarm
