// SPDX-License-Identifier: Apache-2.0
#include "proto/node/wire.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "core/base/try.hpp"
#include "core/base/wire.hpp"

namespace ioswarm::proto {
namespace {

using wire::Field;
using wire::Reader;
using wire::WireType;

/// Maximum number of elements in one list. A node's pool holds 32,000 actions by default, and its blocks hold
/// some thousands. An element takes sixteen bytes in memory, even if it is empty and takes two on the wire, so
/// a list uses at most 3.2 MB.
constexpr std::size_t kMaxElements = 200'000;

// The numbers of protobuf fields that are read below, named after their message.
namespace timestamp_field {
constexpr std::uint32_t kSeconds = 1;
constexpr std::uint32_t kNanos = 2;
}  // namespace timestamp_field
namespace header_core_field {
constexpr std::uint32_t kHeight = 2;
constexpr std::uint32_t kTimestamp = 3;
constexpr std::uint32_t kDeltaStateDigest = 6;
constexpr std::uint32_t kBaseFee = 10;
}  // namespace header_core_field
namespace receipt_field {
constexpr std::uint32_t kStatus = 1;
constexpr std::uint32_t kBlockHeight = 2;
constexpr std::uint32_t kActionHash = 3;
constexpr std::uint32_t kGasConsumed = 4;
}  // namespace receipt_field
namespace chain_meta_field {
constexpr std::uint32_t kHeight = 1;
constexpr std::uint32_t kChainId = 6;
}  // namespace chain_meta_field

Error bad(std::string which, std::string why) {
    return {ErrorCode::bad_data, "cannot read the node's answer", std::move(which), std::move(why), {}};
}

bool is_message(const Field& field, std::uint32_t number) {
    return field.number == number && field.type == WireType::length_delimited;
}

bool is_varint(const Field& field, std::uint32_t number) {
    return field.number == number && field.type == WireType::varint;
}

Status append_repeated(BytesView message, std::uint32_t number, const char* name, std::vector<BytesView>& out) {
    Reader reader(message);
    while (const auto field = reader.next()) {
        if (!is_message(*field, number)) continue;
        if (out.size() == kMaxElements)
            return fail(bad(name, "more than " + std::to_string(kMaxElements) + " elements"));
        out.push_back(field->bytes);
    }
    if (!reader.ok()) return fail(bad(name, "not a protobuf message"));
    return {};
}

Result<std::vector<BytesView>> repeated(BytesView message, std::uint32_t number, const char* name) {
    std::vector<BytesView> out;
    IOSWARM_DO(append_repeated(message, number, name, out));
    return out;
}

struct Header {
    std::uint64_t height = 0;
    std::chrono::system_clock::time_point time;
    U256 base_fee_rau;
    Bytes delta_state_digest;
};

Result<std::chrono::system_clock::time_point> read_timestamp(BytesView bytes) {
    std::uint64_t seconds = 0;
    std::uint64_t nanos = 0;
    Reader reader(bytes);
    while (const auto field = reader.next()) {
        if (is_varint(*field, timestamp_field::kSeconds)) seconds = field->scalar;
        if (is_varint(*field, timestamp_field::kNanos)) nanos = field->scalar;
    }
    if (!reader.ok() || seconds > kMaxTimestampSeconds || nanos >= 1'000'000'000) {
        return fail(bad("timestamp", "not a time between 1970 and 2255"));
    }
    using std::chrono::duration_cast;
    using SystemDuration = std::chrono::system_clock::duration;
    return std::chrono::system_clock::time_point(
        duration_cast<SystemDuration>(std::chrono::seconds(seconds) + std::chrono::nanoseconds(nanos)));
}

Result<Header> read_header_core(BytesView bytes) {
    Header header;
    Reader reader(bytes);
    while (const auto field = reader.next()) {
        if (is_varint(*field, header_core_field::kHeight)) header.height = field->scalar;
        if (is_message(*field, header_core_field::kTimestamp)) {
            IOSWARM_TRY(const auto time, read_timestamp(field->bytes));
            header.time = time;
        }
        if (is_message(*field, header_core_field::kDeltaStateDigest))
            header.delta_state_digest = to_bytes(field->bytes);
        if (is_message(*field, header_core_field::kBaseFee)) {
            const auto fee = u256_from_big_endian(field->bytes);
            if (!fee) return fail(bad("baseFee", "longer than 32 bytes"));
            header.base_fee_rau = *fee;
        }
    }
    if (!reader.ok()) return fail(bad("block header", "not a protobuf message"));
    return header;
}

struct BlockParts {
    BytesView header_core;
    bool has_header = false;
    std::vector<BytesView> actions;
};

/// Finds BlockHeader.core.
Status find_header_core(BytesView bytes, BlockParts& parts) {
    Reader reader(bytes);
    while (const auto field = reader.next()) {
        if (!is_message(*field, 1)) continue;
        parts.header_core = field->bytes;
        parts.has_header = true;
    }
    if (!reader.ok()) return fail(bad("block header", "not a protobuf message"));
    return {};
}

Result<BlockParts> read_block_parts(BytesView bytes) {
    BlockParts parts;
    Reader reader(bytes);
    while (const auto field = reader.next()) {
        Status status;
        // Block.header, and Block.body with its actions.
        if (is_message(*field, 1)) status = find_header_core(field->bytes, parts);
        if (is_message(*field, 2)) status = append_repeated(field->bytes, 1, "block body", parts.actions);
        if (!status) return fail(status.error());
    }
    if (!reader.ok()) return fail(bad("block", "not a protobuf message"));
    if (!parts.has_header) return fail(bad("block", "it has no header"));
    return parts;
}

Result<Receipt> read_receipt(BytesView bytes, std::uint64_t height) {
    Receipt receipt;
    bool has_hash = false;
    Reader reader(bytes);
    while (const auto field = reader.next()) {
        if (is_varint(*field, receipt_field::kStatus)) receipt.status = field->scalar;
        if (is_varint(*field, receipt_field::kBlockHeight) && field->scalar != height) {
            return fail(bad("receipt.blkHeight",
                            std::to_string(field->scalar) + " in block " + std::to_string(height)));
        }
        if (is_message(*field, receipt_field::kActionHash)) {
            const auto hash = Hash256::from(field->bytes);
            if (!hash) return fail(bad("receipt.actHash", "not 32 bytes long"));
            receipt.action_hash = *hash;
            has_hash = true;
        }
        if (is_varint(*field, receipt_field::kGasConsumed)) receipt.gas_consumed = field->scalar;
    }
    if (!reader.ok()) return fail(bad("receipt", "not a protobuf message"));
    if (!has_hash) return fail(bad("receipt", "it has no action hash"));
    return receipt;
}

/// Hashes the block's actions and looks for each hash among the receipts.
void match_actions(const std::vector<BytesView>& actions, const ChainIds& ids, NodeBlock& out) {
    std::unordered_set<Hash256, FixedBytesHash> hashes;
    for (const Receipt& receipt : out.block.receipts)
        hashes.insert(receipt.action_hash);
    out.actions = actions.size();
    for (const BytesView raw : actions) {
        const auto action = read_action(to_bytes(raw), ids);
        if (!action || !action->hash) {
            if (out.block.unhashable_actions++ == 0)
                out.first_unhashable = action ? action->kind : action.error().text();
        } else if (!hashes.contains(*action->hash)) {
            if (out.block.unmatched_actions++ == 0) out.first_unmatched = to_hex(action->hash->view());
        }
    }
}

}  // namespace

Bytes raw_blocks_request(std::uint64_t start, std::uint64_t count, bool with_receipts) {
    Bytes out;
    wire::Writer writer(out);
    writer.put_uint(1, start);
    writer.put_uint(2, count);
    writer.put_uint(3, with_receipts ? 1 : 0);
    return out;
}

Result<NodeChainMeta> read_chain_meta(BytesView response) {
    NodeChainMeta meta;
    IOSWARM_TRY(const auto metas, repeated(response, 1, "GetChainMetaResponse"));
    if (metas.empty()) return fail(bad("GetChainMetaResponse", "it has no chainMeta"));
    for (const BytesView bytes : metas) {
        Reader reader(bytes);
        while (const auto field = reader.next()) {
            if (is_varint(*field, chain_meta_field::kHeight)) meta.height = field->scalar;
            if (is_varint(*field, chain_meta_field::kChainId))
                meta.chain_id = static_cast<std::uint32_t>(field->scalar);
        }
        if (!reader.ok()) return fail(bad("chainMeta", "not a protobuf message"));
    }
    return meta;
}

Result<std::string> read_node_version(BytesView response) {
    constexpr std::size_t kLongest = 64;
    std::string version;
    Reader reader(response);
    while (const auto field = reader.next()) {
        if (!is_message(*field, 1)) continue;  // only field 1, serverMeta, is of interest
        Reader meta(field->bytes);
        while (const auto inner = meta.next()) {
            if (is_message(*inner, 1))
                version = as_text(inner->bytes.first(std::min(inner->bytes.size(), kLongest)));
        }
        if (!meta.ok()) return fail(bad("serverMeta", "not a protobuf message"));
    }
    if (!reader.ok()) return fail(bad("GetServerMeta", "not a protobuf message"));
    return version;
}

Result<std::vector<BytesView>> read_act_pool(BytesView response) {
    return repeated(response, 1, "GetActPoolActionsResponse");
}

Result<NodeBlock> read_block_info(BytesView block_info, const ChainIds& ids) {
    IOSWARM_TRY(const auto blocks, repeated(block_info, 1, "BlockInfo"));
    if (blocks.size() != 1) return fail(bad("BlockInfo", "it has no block, or several"));
    IOSWARM_TRY(const auto receipts, repeated(block_info, 2, "receipts"));
    IOSWARM_TRY(const auto parts, read_block_parts(blocks.front()));
    IOSWARM_TRY(auto header, read_header_core(parts.header_core));

    NodeBlock out;
    out.block.height = header.height;
    out.block.time = header.time;
    out.block.base_fee_rau = header.base_fee_rau;
    out.block.delta_state_digest = std::move(header.delta_state_digest);
    std::unordered_set<Hash256, FixedBytesHash> seen;
    for (const BytesView bytes : receipts) {
        IOSWARM_TRY(const auto receipt, read_receipt(bytes, header.height));
        if (!seen.insert(receipt.action_hash).second)
            return fail(bad("receipts", "two receipts for one action"));
        out.block.receipts.push_back(receipt);
    }
    match_actions(parts.actions, ids, out);
    return out;
}

Result<NodeBlock> read_stream_block(BytesView response, const ChainIds& ids) {
    BytesView info;
    std::uint64_t named_height = 0;
    Reader reader(response);
    while (const auto field = reader.next()) {
        if (is_message(*field, 1)) info = field->bytes;  // blockInfo
        if (!is_message(*field, 2)) continue;            // blockIdentifier: hash and height
        Reader identifier(field->bytes);
        while (const auto part = identifier.next()) {
            if (is_varint(*part, 2)) named_height = part->scalar;
        }
    }
    if (!reader.ok()) return fail(bad("StreamBlocksResponse", "not a protobuf message"));
    auto block = read_block_info(info, ids);
    if (block && named_height != 0 && named_height != block->block.height) {
        return fail(bad("blockIdentifier", "it names height " + std::to_string(named_height) + " for block " +
                                               std::to_string(block->block.height)));
    }
    return block;
}

Result<std::vector<NodeBlock>> read_raw_blocks(BytesView response, std::uint64_t start, std::uint64_t count,
                                               const ChainIds& ids) {
    IOSWARM_TRY(const auto infos, repeated(response, 1, "GetRawBlocksResponse"));
    if (infos.size() > count) return fail(bad("GetRawBlocksResponse", "more blocks than were asked for"));
    std::vector<NodeBlock> out;
    for (const BytesView info : infos) {
        IOSWARM_TRY(auto block, read_block_info(info, ids));
        if (block.block.height != start + out.size()) {
            return fail(bad("GetRawBlocksResponse", "height " + std::to_string(block.block.height) +
                                                        " instead of " + std::to_string(start + out.size())));
        }
        out.push_back(std::move(block));
    }
    return out;
}

Result<ChainTip> read_header_only(BytesView response, std::uint64_t height) {
    IOSWARM_TRY(const auto infos, repeated(response, 1, "GetRawBlocksResponse"));
    if (infos.size() != 1) return fail(bad("GetRawBlocksResponse", "expected exactly one block"));
    IOSWARM_TRY(const auto blocks, repeated(infos.front(), 1, "BlockInfo"));
    if (blocks.empty()) return fail(bad("BlockInfo", "it has no block"));
    IOSWARM_TRY(const auto parts, read_block_parts(blocks.front()));
    IOSWARM_TRY(const auto header, read_header_core(parts.header_core));
    if (header.height != height) {
        return fail(bad("GetRawBlocksResponse",
                        "height " + std::to_string(header.height) + " instead of " + std::to_string(height)));
    }
    return ChainTip{header.height, header.time, header.base_fee_rau};
}

}  // namespace ioswarm::proto
