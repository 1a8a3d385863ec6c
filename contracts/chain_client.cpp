// SPDX-License-Identifier: Apache-2.0
#include "contracts/chain_client.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/try.hpp"

namespace ioswarm::contracts {
namespace {

constexpr const char* kCannotUse = "cannot use the endpoint";
constexpr std::size_t kBlocksPerBatch = 16;
constexpr std::size_t kBlocksPerScan = 256;

}  // namespace

ChainClient::ChainClient(std::vector<std::unique_ptr<RpcEndpoint>> endpoints, std::uint64_t chain_id,
                         std::stop_token stop)
    : chain_id_(chain_id) {
    slots_.reserve(endpoints.size());
    for (auto& one : endpoints)
        slots_.push_back({ChainEndpoint(std::move(one), stop), false});
}

Status ChainClient::check_slot(Slot& slot) const {
    if (slot.checked) return {};
    IOSWARM_TRY(const auto id, slot.endpoint.chain_id());
    if (id != chain_id_) {
        return fail(ErrorCode::config, kCannotUse, slot.endpoint.name(),
                    fmt::format("it serves chain {}, not {}", id, chain_id_),
                    "nothing was signed; check --network, --rpc and --chain-id");
    }
    slot.checked = true;
    return {};
}

template <typename Call>
auto ChainClient::with_endpoint(Call call) -> decltype(call(std::declval<ChainEndpoint&>())) {
    Error last;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        const std::size_t at = (current_ + i) % slots_.size();
        Slot& slot = slots_[at];
        if (Status checked = check_slot(slot); !checked) {
            if (!is_endpoint_failure(checked.error())) return fail(std::move(checked).error());
            last = std::move(checked).error();
            continue;
        }
        auto out = call(slot.endpoint);
        if (out || !is_endpoint_failure(out.error()) || out.error().code == ErrorCode::not_found) {
            current_ = at;
            return out;
        }
        last = out.error();
        slot.checked = false;
    }
    if (slots_.size() == 1) return fail(std::move(last));
    return fail(ErrorCode::unavailable, "no endpoint answers", {}, last.text());
}

Status ChainClient::check_chain() {
    for (Slot& slot : slots_)
        slot.checked = false;
    IOSWARM_DO(with_endpoint([](ChainEndpoint& endpoint) { return endpoint.chain_id(); }));
    return {};
}

Result<std::uint64_t> ChainClient::tip() {
    return with_endpoint([](ChainEndpoint& e) { return e.tip(); });
}
Result<U256> ChainClient::gas_price() {
    return with_endpoint([](ChainEndpoint& e) { return e.gas_price(); });
}
Result<U256> ChainClient::priority_fee() {
    return with_endpoint([](ChainEndpoint& e) { return e.priority_fee(); });
}
Result<U256> ChainClient::balance(const Address& account) {
    return with_endpoint([&](ChainEndpoint& e) { return e.balance(account); });
}
Result<std::uint64_t> ChainClient::pool_nonce(const Address& account) {
    return with_endpoint([&](ChainEndpoint& e) { return e.pool_nonce(account); });
}
Result<NonceAt> ChainClient::confirmed_nonce(const Address& account) {
    return with_endpoint([&](ChainEndpoint& e) { return e.confirmed_nonce(account); });
}
Result<Bytes> ChainClient::code(const Address& account) {
    return with_endpoint([&](ChainEndpoint& e) { return e.code(account); });
}
Result<Bytes> ChainClient::code_at(const Address& account, std::uint64_t height) {
    return with_endpoint([&](ChainEndpoint& e) { return e.code_at(account, height); });
}
Result<CallOutcome> ChainClient::call(const CallRequest& request) {
    return with_endpoint([&](ChainEndpoint& e) { return e.call(request); });
}
Result<std::optional<std::uint64_t>> ChainClient::estimate_gas(const CallRequest& request) {
    return with_endpoint([&](ChainEndpoint& e) { return e.estimate_gas(request); });
}
Result<std::optional<BlockInfo>> ChainClient::block(std::uint64_t height) {
    return with_endpoint([&](ChainEndpoint& e) { return e.block(height); });
}
Result<std::optional<MinedTransaction>> ChainClient::transaction_in(std::uint64_t height, const Hash256& hash) {
    return with_endpoint([&](ChainEndpoint& e) { return e.transaction_in(height, hash); });
}
Result<std::vector<ChainLog>> ChainClient::logs(const LogFilter& filter) {
    return with_endpoint([&](ChainEndpoint& e) { return e.logs(filter); });
}

SendResult ChainClient::send(const RawEthTx& transaction) {
    SendResult last{SendOutcome::unknown, "no endpoint was asked", false};
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        const std::size_t at = (current_ + i) % slots_.size();
        Slot& slot = slots_[at];
        if (const Status checked = check_slot(slot); !checked) {
            last.why = checked.error().text();
            if (checked.error().code != ErrorCode::config) continue;
            last.outcome = SendOutcome::wrong_chain;
            return last;
        }
        SendResult result = slot.endpoint.send(transaction);
        result.maybe_kept = result.maybe_kept || last.maybe_kept;
        if (result.outcome != SendOutcome::unknown) {
            current_ = at;
            return result;
        }
        slot.checked = false;
        last = std::move(result);
    }
    return last;
}

Result<std::optional<Receipt>> ChainClient::find_receipt(std::span<const Hash256> transactions,
                                                         std::uint64_t* scan_from) {
    for (const Hash256& one : transactions) {
        auto found = with_endpoint([&](ChainEndpoint& e) { return e.receipt(one); });
        if (!found && found.error().code == ErrorCode::not_found)
            return scan_for_receipt(transactions, scan_from);
        if (!found || *found) return found;
    }
    return std::nullopt;
}

Result<std::optional<Receipt>> ChainClient::scan_for_receipt(std::span<const Hash256> transactions,
                                                             std::uint64_t* scan_from) {
    IOSWARM_TRY(const auto top, tip());
    std::size_t batch = kBlocksPerBatch;
    const std::uint64_t end = std::min<std::uint64_t>(top, *scan_from + kBlocksPerScan - 1);
    while (*scan_from <= end) {
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(batch, end - *scan_from + 1));
        auto blocks = with_endpoint([&](ChainEndpoint& e) { return e.block_receipts(*scan_from, count); });
        if (!blocks) {
            // Full blocks can exceed the size limit of one answer, so ask for fewer blocks at a time.
            if (count == 1) return fail(blocks.error());
            batch = count / 2;
            continue;
        }
        for (std::vector<Receipt>& receipts : *blocks) {
            for (Receipt& one : receipts) {
                if (std::ranges::find(transactions, one.transaction) != transactions.end())
                    return std::optional<Receipt>(std::move(one));
            }
        }
        *scan_from += count;
    }
    return std::nullopt;
}

}  // namespace ioswarm::contracts
