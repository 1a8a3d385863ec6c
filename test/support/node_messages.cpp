// SPDX-License-Identifier: Apache-2.0
#include "test/support/node_messages.hpp"

#include "core/base/u256.hpp"
#include "core/base/wire.hpp"

namespace ioswarm::test {

using wire::Writer;

Bytes make_block_info(std::uint64_t height, const std::vector<Bytes>& actions,
                      const std::vector<FakeReceipt>& receipts) {
    Bytes timestamp;
    Writer(timestamp).put_uint(1, kFakeFirstSecond + height * 5);
    Bytes core;
    Writer(core).put_uint(1, 1);
    Writer(core).put_uint(2, height);
    Writer(core).put_bytes(3, timestamp);
    Writer(core).put_bytes(6, Bytes(32, 0xd1));
    Writer(core).put_bytes(10, to_big_endian(U256(1'000'000'000'000)));
    Bytes header;
    Writer(header).put_bytes(1, core);
    Bytes body;
    for (const Bytes& action : actions)
        Writer(body).always_bytes(1, action);
    Bytes block;
    Writer(block).put_bytes(1, header);
    Writer(block).put_bytes(2, body);
    Bytes info;
    Writer(info).put_bytes(1, block);
    for (const FakeReceipt& receipt : receipts) {
        Bytes out;
        Writer(out).put_uint(1, receipt.status);
        Writer(out).put_uint(2, receipt.height.value_or(height));
        Writer(out).put_bytes(3, receipt.action_hash);
        Writer(out).put_uint(4, 10'000);
        Writer(info).always_bytes(2, out);
    }
    return info;
}

Bytes make_stream_block(const Bytes& block_info, std::uint64_t named_height) {
    Bytes identifier;
    Writer(identifier).put_text(1, "00");
    Writer(identifier).put_uint(2, named_height);
    Bytes out;
    Writer(out).put_bytes(1, block_info);
    Writer(out).put_bytes(2, identifier);
    return out;
}

std::vector<Bytes> split_field_1(BytesView message) {
    std::vector<Bytes> out;
    wire::Reader reader(message);
    while (const auto field = reader.next()) {
        if (field->number == 1) out.push_back(to_bytes(field->bytes));
    }
    return out;
}

}  // namespace ioswarm::test
