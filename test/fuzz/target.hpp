// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// Begins the function that a fuzzer calls with each input: IOSWARM_FUZZ_TARGET(name) { … return 0; }. Its
/// arguments are `data` and `size`. With libFuzzer every target is a program of its own. The program that
/// replays the corpora holds all targets, and finds them by name.
#ifdef IOSWARM_FUZZ_REPLAY

namespace ioswarm::fuzz {

using Target = int (*)(const std::uint8_t* data, std::size_t size);

/// Makes a target known to the replaying program before its main() runs.
struct AddTarget {
    AddTarget(const char* name, Target target);
};

}  // namespace ioswarm::fuzz

#define IOSWARM_FUZZ_TARGET(name)                                            \
    static int fuzz_##name(const std::uint8_t* data, std::size_t size);      \
    static const ioswarm::fuzz::AddTarget added_##name{#name, &fuzz_##name}; \
    static int fuzz_##name(const std::uint8_t* data, std::size_t size)

#else

#define IOSWARM_FUZZ_TARGET(name) \
    extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)

#endif
