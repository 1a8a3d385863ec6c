// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "test/fuzz/fuzz_codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ioswarm::fuzz::check_input(ioswarm::proto::Codec::protobuf, {data, size});
    return 0;
}
