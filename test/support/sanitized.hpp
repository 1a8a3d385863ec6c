// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ioswarm::test {

/// Whether the tests are built with a sanitizer. Tests that kill a process hundreds of times then kill it fewer
/// times: each fork copies the sanitizer's tables, and what a sanitizer finds it finds at the first kills too.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace ioswarm::test
