// SPDX-License-Identifier: Apache-2.0
#include "settlement/init.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "contracts/reward_pool.hpp"
#include "core/base/decimal.hpp"
#include "core/base/try.hpp"
#include "settlement/plan_parts.hpp"
#include "settlement/pool.hpp"

namespace ioswarm::settlement {
namespace {

constexpr const char* kCannotInit = "cannot begin to settle";

Status check_ledger_chain(const LedgerFacts& ledger, std::uint64_t chain_id) {
    if (ledger.may_be_paid_on(chain_id)) return {};
    return fail(ErrorCode::config, kCannotInit, {},
                fmt::format("the ledger belongs to {}, and the endpoint serves chain {}", ledger.chain->text(),
                            chain_id),
                "check rewardRpcUrl and dataDir");
}

/// Checks that the wallet is the contract's coordinator and has no unmined transaction. Returns its next nonce.
Result<std::uint64_t> check_wallet(contracts::ChainClient& chain, RewardPool& pool,
                                   const InitRequest& request) {
    IOSWARM_TRY(const auto coordinator, pool.coordinator());
    const std::string wallet = to_hex0x(request.wallet.view());
    if (coordinator != request.wallet) {
        return fail(ErrorCode::failed_check, kCannotInit, to_hex0x(request.contract.view()),
                    fmt::format("its coordinator is {}, and the key's wallet is {}",
                                to_hex0x(coordinator.view()), wallet),
                    "use the coordinator's key (rewardSignerKeyFile)");
    }
    IOSWARM_TRY(const auto confirmed, chain.confirmed_nonce(request.wallet));
    IOSWARM_TRY(const auto pooled, chain.pool_nonce(request.wallet));
    if (pooled > confirmed.nonce) {
        return fail(ErrorCode::try_again, kCannotInit, "wallet " + wallet,
                    fmt::format("{} of its transactions are not mined yet", pooled - confirmed.nonce),
                    "wait until they are, and run it again; nothing else may send from this wallet");
    }
    return confirmed.nonce;
}

/// The first block at which the contract has code. 0 when the node does not know old states.
Result<std::uint64_t> creation_block(contracts::ChainClient& chain, const Address& contract) {
    IOSWARM_TRY(const auto tip, chain.tip());
    std::uint64_t without = 0;
    std::uint64_t with = tip;
    while (without + 1 < with) {
        const std::uint64_t middle = without + (with - without) / 2;
        const auto code = chain.code_at(contract, middle);
        if (!code && code.error().code == ErrorCode::failed_precondition) return 0;
        // When several endpoints refuse, the error that ChainClient makes of their errors has no specific code.
        // If the endpoints still answer (tip()), they refused because they have no old states.
        if (!code && chain.tip()) return 0;
        if (!code) return fail(code.error());
        (code->empty() ? without : with) = middle;
    }
    return with <= 1 ? 0 : with;
}

Status set_pool_from_block(contracts::ChainClient& chain, const InitRequest& request, InitProposal& out) {
    if (out.identity.pool == PoolVersion::v3) return {};
    if (request.pool_from_block) {
        out.identity.pool_from_block = *request.pool_from_block;
        out.pool_from_how = "given with --pool-from-block";
        return {};
    }
    IOSWARM_TRY(const auto found, creation_block(chain, request.contract));
    out.identity.pool_from_block = found;
    out.pool_from_how = found == 0 ? "all blocks are searched for the contract's logs, since the node keeps no "
                                     "old states; --pool-from-block makes it faster"
                                   : "the first block at which the contract has code";
    return {};
}

/// The first epoch to settle: the requested one, else the lowest with a waiting payout, else the running one.
Result<std::uint64_t> first_epoch(const LedgerFacts& ledger, const InitRequest& request) {
    if (!request.from_epoch) return ledger.waiting.empty() ? ledger.next_epoch : ledger.waiting.front().epoch;
    if (*request.from_epoch <= ledger.next_epoch) return *request.from_epoch;
    return fail(ErrorCode::invalid_argument, kCannotInit, fmt::format("epoch {}", *request.from_epoch),
                fmt::format("the ledger's running epoch is {}", ledger.next_epoch),
                "give a lower --from-epoch");
}

/// Transactions that nobody can tell from settlements may have paid what the ledger still lists as waiting:
/// through another contract, or from a settlement.db that was lost before serve had read it.
Status check_unknown_sends(const LedgerFacts& facts, const InitRequest& request, std::uint64_t first_nonce) {
    const bool can_be_paid =
        std::ranges::any_of(facts.waiting, [](const OwedPayout& payout) { return payout.wallet.has_value(); });
    if (request.from_epoch || first_nonce <= request.known_sends || !can_be_paid) return {};
    const std::uint64_t oldest = facts.waiting.front().epoch;
    return fail(
        ErrorCode::failed_precondition, kCannotInit, "wallet " + to_hex0x(request.wallet.view()),
        fmt::format("{} of its transactions may be settlements that paid some of the waiting payouts already",
                    first_nonce - request.known_sends),
        fmt::format("give --from-epoch with the first epoch that is not paid; if none of them is, that is "
                    "--from-epoch {}",
                    oldest));
}

/// Finds out which waiting payouts are paid already, so that none is paid twice. With --rebuild it reads them
/// from the chain. Returns an error when payouts may be paid already and it cannot be found out which.
Status set_settled(contracts::ChainClient& chain, LedgerPayouts& ledger, const LedgerFacts& facts,
                   const InitRequest& request, RewardPool& pool, InitProposal& out) {
    if (out.identity.pool != PoolVersion::v3) {
        if (request.rebuild && !request.from_epoch) {
            return fail(ErrorCode::failed_precondition, kCannotInit, {},
                        "a contract of version 2 does not tell which epochs were paid",
                        "look up the last settlement, and give --from-epoch with the epoch behind it");
        }
        return check_unknown_sends(facts, request, out.identity.first_nonce);
    }
    if (request.from_epoch && !request.rebuild) return {};
    IOSWARM_TRY(const auto state, pool.facts());
    // The logs of a contract that has never settled say nothing about what another contract paid.
    if (state.last_epoch == 0) return check_unknown_sends(facts, request, out.identity.first_nonce);
    if (request.rebuild) {
        IOSWARM_TRY(out.settled, find_settled(chain, ledger, out.identity));
        return {};
    }
    if (!may_be_settled(facts.waiting, state.last_epoch)) return {};
    return fail(ErrorCode::failed_precondition, kCannotInit, to_hex0x(request.contract.view()),
                fmt::format("the contract has settled ids up to {}, so some of the waiting payouts may be paid "
                            "already",
                            state.last_epoch),
                "give --rebuild to find out which, or --from-epoch with the first epoch that is not paid");
}

/// Every endpoint must agree about what the proposal was made from. If one that is behind said what is paid,
/// and another one the wallet's nonce, payouts that are paid would be paid again, and nothing would notice it.
Status check_endpoints(contracts::ChainClient& chain, const SettlementIdentity& identity,
                       std::uint64_t last_epoch) {
    const auto differs = [](const std::string& endpoint, std::string why) {
        return fail(ErrorCode::try_again, kCannotInit, endpoint, std::move(why),
                    "every endpoint must say the same: wait until all have caught up, and run it again");
    };
    contracts::CallRequest request;
    request.to = identity.contract;
    request.data = contracts::last_epoch_call();
    for (std::size_t i = 0; i < chain.endpoint_count(); ++i) {
        contracts::ChainEndpoint& one = chain.endpoint(i);
        const auto confirmed = one.confirmed_nonce(identity.wallet);
        if (!confirmed) return differs(one.name(), confirmed.error().text());
        if (confirmed->nonce != identity.first_nonce) {
            return differs(one.name(),
                           fmt::format("it counts {} transactions of the wallet, and {} were counted before",
                                       confirmed->nonce, identity.first_nonce));
        }
        if (identity.pool != PoolVersion::v3) continue;
        const auto outcome = one.call(request);
        const auto last =
            outcome ? contracts::read_pool_uint(outcome->data) : Result<U256>(fail(outcome.error()));
        if (!last) return differs(one.name(), last.error().text());
        if (*last != last_epoch) {
            return differs(one.name(),
                           fmt::format("it says that the contract's last id is {}, and it was {} before",
                                       to_decimal(*last), last_epoch));
        }
    }
    return {};
}

/// Fills in the numbers and sums of `out` that are shown to the operator.
void count(const LedgerFacts& ledger, InitProposal& out) {
    std::set<std::pair<std::uint64_t, std::string_view>> paid;
    for (const SettledBefore& one : out.settled) {
        for (const CoveredPayout& payout : one.planned.payouts)
            paid.emplace(payout.epoch, payout.agent_id);
    }
    U256 left_out;
    for (const OwedPayout& payout : ledger.waiting) {
        if (payout.epoch < out.identity.first_epoch) {
            left_out += payout.amount_rau;
            continue;
        }
        if (paid.contains({payout.epoch, payout.agent_id})) {
            ++out.settled_payouts;
            out.settled_rau += payout.amount_rau;
        } else if (payout.wallet) {
            ++out.payouts;
            out.payouts_rau += payout.amount_rau;
        } else {
            ++out.without_wallet;
            out.without_wallet_rau += payout.amount_rau;
        }
    }
    if (left_out != U256()) {
        out.warnings.push_back(
            fmt::format("{} IOTX of epochs before epoch {} are left out and will never be paid",
                        rau_to_iotx(left_out), out.identity.first_epoch));
    }
}

}  // namespace

bool may_be_settled(const std::vector<OwedPayout>& waiting, std::uint64_t last_epoch) {
    if (last_epoch == 0) return false;
    return std::ranges::any_of(waiting, [&](const OwedPayout& payout) {
        return (payout.wallet || payout.unusable_wallet) && payout.last_height <= last_epoch + kMaxParts - 1;
    });
}

Result<InitProposal> propose_init(contracts::ChainClient& chain, LedgerPayouts& ledger,
                                  const InitRequest& request) {
    IOSWARM_DO(chain.check_chain());
    IOSWARM_TRY(auto facts, ledger.read(0));
    use_payable_wallets(facts.waiting, request.contract);
    if (!facts.altered.empty()) return fail(altered_ledger(facts.altered));
    IOSWARM_DO(check_ledger_chain(facts, chain.expected_chain_id()));

    InitProposal out;
    out.identity.chain_id = chain.expected_chain_id();
    out.identity.contract = request.contract;
    out.identity.wallet = request.wallet;
    out.identity.created_ms = request.now_ms;
    IOSWARM_TRY(out.identity.pool, RewardPool::version_at(chain, request.contract));
    IOSWARM_TRY(out.identity.first_epoch, first_epoch(facts, request));
    RewardPool pool(chain, out.identity);
    IOSWARM_TRY(out.identity.first_nonce, check_wallet(chain, pool, request));
    PoolFacts before;
    if (out.identity.pool == PoolVersion::v3) {
        IOSWARM_TRY(before, pool.facts());
    }
    IOSWARM_DO(set_pool_from_block(chain, request, out));
    IOSWARM_DO(set_settled(chain, ledger, facts, request, pool, out));
    IOSWARM_DO(check_endpoints(chain, out.identity, before.last_epoch));
    count(facts, out);
    return out;
}

}  // namespace ioswarm::settlement
