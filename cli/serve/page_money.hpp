// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "cli/settlement/notices.hpp"
#include "core/base/guarded.hpp"
#include "core/base/result.hpp"
#include "core/base/u256.hpp"
#include "core/ledger/ledger.hpp"
#include "core/ports/clock.hpp"

namespace ioswarm::cli {

/// A value that is read from the disk at most once in five seconds, however many ask for it. Thread-safe.
template <typename T>
class Remembered {
  public:
    /// While one caller reads, the others get the value before it.
    [[nodiscard]] std::shared_ptr<const T> get(Clock::Steady now, const std::function<T()>& read) {
        {
            auto state = state_.lock();
            const bool is_new = state->value && now - state->read_at < std::chrono::seconds(5);
            if (state->value && (is_new || state->is_reading)) return state->value;
            state->is_reading = true;
        }
        auto value = std::make_shared<const T>(read());
        auto state = state_.lock();
        state->is_reading = false;
        state->read_at = now;
        state->value = value;
        return value;
    }

  private:
    struct State {
        std::shared_ptr<const T> value;
        Clock::Steady read_at;
        bool is_reading = false;
    };
    Guarded<State> state_;
};

/// A closed epoch as the page shows it.
struct PageEpoch {
    EpochRow row;
    std::size_t paid_agents = 0;
    U256 amount_rau;  ///< sum of its payouts
    /// How many payouts are in each state: the words of /api/rewards.
    std::map<std::string, std::size_t> states;
    std::vector<std::string> transactions;  ///< hashes of the transactions that pay it
};

/// The newest closed epochs, or why they cannot be shown.
struct PageEpochs {
    std::vector<PageEpoch> newest_first;
    std::string problem;  ///< why the ledger cannot be read; empty = it was read
};

/// The settlement as the page shows it. Texts are for people and name no files of this machine.
struct PageSettlement {
    std::string problem;  ///< why it cannot be shown; the rest is then not set
    std::string halt;     ///< why the settler has halted; empty = it has not
    std::string hold;     ///< why it waits; empty = it does not
    std::string live;     ///< describes the transaction in progress; empty = none
    std::string wallet;
    std::string contract;
    std::size_t owed_payouts = 0;
    U256 owed_rau;
    U256 no_wallet_rau;
    U256 paid_rau;
};

/// The newest ten closed epochs. `settlements` may be null: no contract is set. Waits for the disk.
[[nodiscard]] PageEpochs read_page_epochs(const Ledger& ledger, std::uint64_t running_epoch,
                                          SettlementReader* settlements);
/// Waits for the disk.
[[nodiscard]] PageSettlement read_page_settlement(const std::filesystem::path& data_dir,
                                                  SettlementReader& settlements);

/// Reads an amount once per minute, on a thread of its own. Keeps none while it cannot be read.
class BalanceWatch {
  public:
    /// Error: the amount is not known now. May wait for the network, and must end soon after a stop request.
    using Read = std::function<Result<U256>(const std::stop_token&)>;
    explicit BalanceWatch(Read read, std::chrono::milliseconds interval = std::chrono::minutes(1));
    BalanceWatch(const BalanceWatch&) = delete;
    BalanceWatch& operator=(const BalanceWatch&) = delete;

    [[nodiscard]] std::optional<U256> balance_rau() const { return *balance_.lock(); }

  private:
    Guarded<std::optional<U256>> balance_;
    std::jthread thread_;
};

}  // namespace ioswarm::cli
