// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/evm/reading.hpp"

namespace ioswarm::test {

/// The state that transaction runs read: accounts, code and slots as set by the test. Reads are counted. Set it
/// up before use; then any thread may read it.
class FakeRunState final : public evm::StateFetchers {
  public:
    void set(const Address& address, std::uint64_t balance, std::uint64_t nonce = 0,
             const std::string& code = {}) {
        evm::AccountRecord record;
        record.exists = true;
        record.balance = balance;
        record.nonce = nonce;
        if (!code.empty()) record.code = std::make_shared<const evm::Code>(*from_hex(code));
        accounts_[address] = std::move(record);
    }
    void set_slot(const Address& address, std::uint64_t key, std::uint64_t value) {
        slots_[{address, key}] = value;
    }

    [[nodiscard]] std::unique_ptr<evm::StateFetcher> at(std::uint64_t height,
                                                        std::stop_token /*stop*/) override {
        return std::make_unique<Fetcher>(*this, height);
    }

    /// Reads at other heights get out_of_range; empty: any height can be read.
    std::optional<std::uint64_t> tip;
    std::atomic<bool> fails{false};
    std::atomic<unsigned> fetches{0};
    std::atomic<unsigned> accounts_read{0};
    std::atomic<unsigned> slots_read{0};

  private:
    class Fetcher final : public evm::StateFetcher {
      public:
        Fetcher(FakeRunState& from, std::uint64_t height) : from_(from), height_(height) {}

        [[nodiscard]] Status fetch(const evm::Missing& missing, evm::FetchedState& state) override {
            ++from_.fetches;
            if (from_.fails) return fail(ErrorCode::unavailable, "cannot read state", {}, "away");
            if (from_.tip && *from_.tip != height_)
                return fail(ErrorCode::out_of_range, "cannot read state", {}, "the tip has moved");
            for (const Address& address : missing.accounts) {
                ++from_.accounts_read;
                const auto found = from_.accounts_.find(address);
                state.put(address, found == from_.accounts_.end() ? evm::AccountRecord{} : found->second);
            }
            for (const evm::SlotId& slot : missing.slots) {
                ++from_.slots_read;
                const auto found = from_.slots_.find({slot.address, slot.key.low()});
                const std::uint64_t value = found == from_.slots_.end() ? 0 : found->second;
                state.put(slot.address, slot.key, {value, value != 0});
            }
            for (const std::uint64_t height : missing.block_hashes)
                state.put_block_hash(height, {});
            return {};
        }

      private:
        FakeRunState& from_;
        std::uint64_t height_;
    };

    std::map<Address, evm::AccountRecord> accounts_;
    std::map<std::pair<Address, std::uint64_t>, std::uint64_t> slots_;
};

}  // namespace ioswarm::test
