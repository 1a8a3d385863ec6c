// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/model/messages.hpp"

namespace ioswarm::test {

inline constexpr auto kL1 = TaskLevel::l1_sig_verify;
inline constexpr auto kL2 = TaskLevel::l2_state_verify;
inline constexpr auto kL3 = TaskLevel::l3_full_execute;
inline constexpr auto kL4 = TaskLevel::l4_state_sync;

}  // namespace ioswarm::test
