// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "test/fuzz/fuzz_codec.hpp"
#include "test/fuzz/target.hpp"

IOSWARM_FUZZ_TARGET(protobuf) {
    ioswarm::fuzz::check_input(ioswarm::proto::Codec::protobuf, {data, size});
    return 0;
}
