// SPDX-License-Identifier: Apache-2.0
#include "proto/codec/codec.hpp"

#include <array>

#include "proto/codec/json_codec.hpp"
#include "proto/codec/protobuf_codec.hpp"

namespace ioswarm::proto {

Codec codec_of(BytesView payload) noexcept {
    return !payload.empty() && payload.front() == '{' ? Codec::json : Codec::protobuf;
}

template <typename M>
Result<M> decode(Codec codec, BytesView payload) {
    Fault fault;
    M message;
    const bool good = codec == Codec::json
                          ? JsonDecoder(payload, fault).whole(message)
                          : ProtobufDecoder(payload.size(), fault).read_message(payload, message);
    if (!good) return fail(fault.to_error(Schema<M>::kName));
    return message;
}

template <typename M>
Bytes encode(Codec codec, const M& message) {
    if (codec == Codec::protobuf) return ProtobufEncoder::whole(message);
    JsonWriter writer(JsonSize::of(message));
    JsonEncoder(writer).write(message);
    return writer.take();
}

#define IOSWARM_INSTANTIATE(M)                                    \
    template Result<M> decode<M>(Codec codec, BytesView payload); \
    template Bytes encode<M>(Codec codec, const M& message);
IOSWARM_EACH_MESSAGE(IOSWARM_INSTANTIATE)
#undef IOSWARM_INSTANTIATE

}  // namespace ioswarm::proto
