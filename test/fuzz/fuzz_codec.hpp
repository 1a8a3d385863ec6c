// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>

#include "proto/codec/codec.hpp"
#include "proto/codec/schema.hpp"

namespace ioswarm::fuzz {

/// A message that could be decoded is encoded and decoded again in both encodings, and must stay equal.
template <typename M>
void check_message(proto::Codec codec, BytesView payload) {
    const auto message = proto::decode<M>(codec, payload);
    if (!message) {
        if (message.error().code != ErrorCode::invalid_argument || message.error().why.empty()) std::abort();
        return;
    }
    for (const auto other : {proto::Codec::protobuf, proto::Codec::json}) {
        const auto again = proto::decode<M>(other, proto::encode(other, *message));
        if (!again || *again != *message) std::abort();
    }
}

/// The first byte of the input chooses the message, in the order of IOSWARM_EACH_MESSAGE.
inline void check_input(proto::Codec codec, BytesView input) {
    if (input.empty()) return;
    const unsigned wanted = input.front();
    unsigned index = 0;
#define IOSWARM_TRY(M) \
    if (index++ == wanted) return check_message<M>(codec, input.subspan(1));
    IOSWARM_EACH_MESSAGE(IOSWARM_TRY)
#undef IOSWARM_TRY
}

}  // namespace ioswarm::fuzz
