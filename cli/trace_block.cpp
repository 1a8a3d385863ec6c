// SPDX-License-Identifier: Apache-2.0
#include "cli/trace_block.hpp"

#include <algorithm>
#include <ostream>
#include <unordered_set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/try.hpp"
#include "proto/node/evm.hpp"
#include "proto/node/evm_block.hpp"

namespace ioswarm::cli {
namespace {

using OrderedJson = nlohmann::ordered_json;

/// Limits for the state that a whole block may read. They are many times those of one transaction.
constexpr evm::ReadingBounds kBlockBounds{.rounds = 64,
                                          .accounts = 65'536,
                                          .slots = 262'144,
                                          .code_bytes = std::size_t{256} << 20,
                                          .work = 10'000'000,
                                          .time = std::chrono::seconds(60)};

using Entry = proto::Web3MinedBlock::Entry;

/// Runs the transactions of one block one after the other. Each sees the changes of those before it.
class BlockTracer {
  public:
    BlockTracer(JsonRpcClient& web3, const proto::Web3MinedBlock& block, const evm::Rules& rules)
        : name_(web3.name()),
          block_(block),
          rules_(rules),
          fetcher_(web3, block.context.number - 1, proto::Web3StateFetcher::Height::may_be_old) {}

    Result<BlockReport::Line> run(const Entry& entry) {
        BlockReport::Line line;
        line.hash = entry.transaction.hash;
        line.receipt = entry.receipt;
        if (entry.is_protocol_action) {
            line.kind = "protocol action";
            line.not_run = true;
            line.difference = "an action of the staking or rewarding protocol, which is not a contract";
            return line;
        }
        const evm::MinedRun run = evm::run_as_mined(executor_, entry.transaction.transaction, block_.context,
                                                    rules_, &entry.receipt, state_, fetcher_, kBlockBounds);
        const evm::Reading& reading = run.reading;
        if (reading.end == evm::ReadingEnd::fetch_failed) return fail(fetch_error(reading.error));
        IOSWARM_DO(check_nonce(entry));
        line.kind = to_string(run.kind);
        line.status = reading.outcome.status;
        line.gas_used = reading.outcome.gas_used;
        if (reading.end != evm::ReadingEnd::complete) {
            line.not_run = true;
            line.difference = "it needs more than the bound of " + std::string(to_string(reading.end));
            return line;
        }
        line.not_run = !reading.outcome.known();
        line.difference = difference(reading.outcome, entry.receipt);
        if (reading.outcome.known() && reading.outcome.minable()) evm::apply_changes(reading.outcome, state_);
        return line;
    }

  private:
    /// Checks the sender's nonce, to find out whether the node gave the state before the block. A node that is
    /// not an archive node may answer with the state of the tip.
    Status check_nonce(const Entry& entry) {
        const auto sender = before_.insert(entry.transaction.transaction.from);
        if (!sender.second) return {};
        const auto held = state_.account(entry.transaction.transaction.from);
        if (!held || held->nonce <= entry.transaction.nonce) return {};
        return fail(no_archive("the nonce of " + to_hex0x(entry.transaction.transaction.from.view()) +
                               " there is " + std::to_string(held->nonce) + ", its transaction's is " +
                               std::to_string(entry.transaction.nonce)));
    }

    Error fetch_error(const Error& error) const {
        return error.code == ErrorCode::out_of_range ? no_archive(error.why) : error;
    }

    Error no_archive(std::string why) const {
        return {ErrorCode::out_of_range, "cannot read the state before the block",
                "height " + std::to_string(block_.context.number - 1),
                name_ + " answers the tip only: " + std::move(why), "ask a node with archive state"};
    }

    const std::string name_;
    const proto::Web3MinedBlock& block_;
    const evm::Rules& rules_;
    proto::Web3StateFetcher fetcher_;
    evm::FetchedState state_;
    evm::Executor executor_;
    std::unordered_set<Address, FixedBytesHash> before_;  ///< senders whose nonce was checked
};

std::string verdict(const BlockReport::Line& line) {
    if (line.not_run) return "not run: " + line.difference;
    return line.difference.empty() ? "as its receipt says" : "DIFFERS: " + line.difference;
}

}  // namespace

std::size_t BlockReport::not_run() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(), [](const Line& line) { return line.not_run; }));
}

std::size_t BlockReport::different() const noexcept {
    return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [](const Line& line) {
        return !line.not_run && !line.difference.empty();
    }));
}

Result<BlockReport> trace_block(JsonRpcClient& web3, std::uint64_t height,
                                std::optional<std::uint64_t> prague_from) {
    if (height == 0) return fail(ErrorCode::usage, "trace", "--block", "block 0 contains no transactions");
    IOSWARM_TRY(const auto block, proto::web3_mined_block(web3, height));
    const evm::Rules& rules = evm::chain_rules(block.context.chain_id, height, prague_from);
    BlockReport report;
    report.block_height = height;
    report.state_height = height - 1;
    report.rules = rules.name;
    BlockTracer tracer(web3, block, rules);
    for (const Entry& entry : block.entries) {
        IOSWARM_TRY(auto line, tracer.run(entry));
        report.lines.push_back(std::move(line));
    }
    return report;
}

void print_block(std::ostream& out, const BlockReport& report) {
    out << fmt::format("block {}: {} transactions under the rules \"{}\", over the state of block {}\n",
                       report.block_height, report.lines.size(), report.rules, report.state_height);
    for (const BlockReport::Line& line : report.lines) {
        out << fmt::format("{} {:<15} status {:<3} gas {:<9} {}\n", to_hex0x(line.hash.view()), line.kind,
                           line.status, line.gas_used, verdict(line));
    }
    const std::size_t same = report.lines.size() - report.different() - report.not_run();
    out << fmt::format("{} as their receipts say, {} different, {} not run\n", same, report.different(),
                       report.not_run());
    if (report.different() != 0) {
        out << "Web3 cannot distinguish a slot that was set back to zero from one that was never written. A "
               "transaction that writes such a slot may cost other gas than here, and so may those after it.\n";
    }
}

void print_block_json(std::ostream& out, const BlockReport& report) {
    OrderedJson json{{"block_height", report.block_height},
                     {"state_height", report.state_height},
                     {"rules", report.rules},
                     {"different", report.different()},
                     {"not_run", report.not_run()},
                     {"transactions", OrderedJson::array()}};
    for (const BlockReport::Line& line : report.lines) {
        json["transactions"].push_back(
            {{"hash", to_hex0x(line.hash.view())},
             {"kind", line.kind},
             {"run", !line.not_run},
             {"status", line.status},
             {"gas_used", line.gas_used},
             {"receipt", {{"status", line.receipt.status}, {"gas_used", line.receipt.gas_used}}},
             {"difference", line.difference}});
    }
    out << json.dump() << '\n';
}

}  // namespace ioswarm::cli
