// SPDX-License-Identifier: Apache-2.0
#include "contracts/chain_evidence.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/try.hpp"

namespace ioswarm::contracts {
namespace {

constexpr std::size_t kEvidenceBatch = 16;
constexpr std::uint64_t kEvidenceBlocks = 256;

bool ends_evidence(const Error& error) {
    return error.code == ErrorCode::config || error.code == ErrorCode::cancelled;
}

std::optional<Receipt> one_of(std::vector<std::vector<Receipt>>& blocks, std::span<const Hash256> hashes) {
    for (std::vector<Receipt>& receipts : blocks) {
        for (Receipt& one : receipts) {
            if (std::ranges::find(hashes, one.transaction) != hashes.end()) return std::move(one);
        }
    }
    return std::nullopt;
}

}  // namespace

void ChainEvidence::begin(std::uint64_t from_block) {
    from_block_ = from_block;
    look_from_.assign(chain_.endpoint_count(), from_block);
    nonce_from_.assign(chain_.endpoint_count(), from_block);
}

Result<std::optional<std::string>> ChainEvidence::silence(std::size_t index) {
    ChainEndpoint& one = chain_.endpoint(index);
    const auto id = one.chain_id();
    if (!id) {
        if (ends_evidence(id.error())) return fail(id.error());
        return std::optional<std::string>(id.error().text());
    }
    if (*id != chain_.expected_chain_id()) {
        return fail(ErrorCode::config, "cannot use the endpoint", one.name(),
                    fmt::format("it serves chain {}, not {}", *id, chain_.expected_chain_id()),
                    "check the endpoints and the chain id");
    }
    return std::optional<std::string>();
}

/// Error not_found: the node does not offer receipts by hash.
Result<std::optional<Receipt>> ChainEvidence::by_hash(std::size_t index, std::span<const Hash256> hashes) {
    for (const Hash256& hash : hashes) {
        auto receipt = chain_.endpoint(index).receipt(hash);
        if (!receipt || *receipt) return receipt;
    }
    return std::nullopt;
}

Result<std::optional<Receipt>> ChainEvidence::by_blocks(std::size_t index, std::span<const Hash256> hashes,
                                                        std::uint64_t* from, bool* more) {
    if (hashes.empty()) return std::nullopt;
    ChainEndpoint& one = chain_.endpoint(index);
    IOSWARM_TRY(const auto tip, one.tip());
    const std::uint64_t end = std::min(tip, *from + kEvidenceBlocks - 1);
    std::size_t batch = kEvidenceBatch;
    while (*from <= end) {
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(batch, end - *from + 1));
        auto blocks = one.block_receipts(*from, count);
        if (!blocks) {
            // Full blocks can exceed the size limit of one answer. Then ask for fewer at a time.
            if (count == 1 || ends_evidence(blocks.error())) return fail(blocks.error());
            batch = count / 2;
            continue;
        }
        if (auto found = one_of(*blocks, hashes)) return found;
        *from += count;
    }
    *more = *from <= tip;
    return std::nullopt;
}

Result<ChainEvidence::Look> ChainEvidence::look(std::span<const Hash256> hashes) {
    Look out;
    out.complete = true;
    for (std::size_t i = 0; i < chain_.endpoint_count(); ++i) {
        const std::size_t at = (chain_.current() + i) % chain_.endpoint_count();
        IOSWARM_TRY(const auto silent, silence(at));
        if (silent) {
            out.complete = false;
            out.silent = *silent;
            continue;
        }
        bool more = false;
        auto found = by_hash(at, hashes);
        if (!found && found.error().code == ErrorCode::not_found) {
            found = by_blocks(at, hashes, &look_from_[at], &more);
        }
        if (!found) {
            if (ends_evidence(found.error())) return fail(found.error());
            out.complete = false;
            out.silent = found.error().text();
            continue;
        }
        if (*found) {
            out.receipt = std::move(**found);
            out.endpoint = chain_.endpoint(at).name();
            out.complete = false;
            look_from_[at] = std::min(look_from_[at], out.receipt->block);
            return out;
        }
        out.more = out.more || more;
        out.complete = out.complete && !more;
    }
    return out;
}

Result<ChainEvidence::NonceWord> ChainEvidence::nonce_used(std::uint64_t nonce,
                                                           std::span<const Hash256> hashes) {
    NonceWord out;
    out.state = Nonce::used;
    out.height = ~std::uint64_t{0};
    for (std::size_t i = 0; i < chain_.endpoint_count(); ++i) {
        IOSWARM_TRY(const auto silent, silence(i));
        const auto confirmed = silent ? Result<NonceAt>(fail(ErrorCode::unavailable, *silent))
                                      : chain_.endpoint(i).confirmed_nonce(wallet_);
        if (!confirmed) {
            if (ends_evidence(confirmed.error())) return fail(confirmed.error());
            out.silent = confirmed.error().text();
            if (out.state == Nonce::used) out.state = Nonce::unsure;
            continue;
        }
        out.height = std::min(out.height, confirmed->height);
        if (confirmed->nonce <= nonce) {
            nonce_from_.assign(chain_.endpoint_count(), from_block_);
            out.state = Nonce::open;
            out.confirmed = confirmed->nonce;
            return out;
        }
        bool more = false;
        auto found = by_blocks(i, hashes, &nonce_from_[i], &more);
        if (!found) {
            if (ends_evidence(found.error())) return fail(found.error());
            out.silent = found.error().text();
            if (out.state == Nonce::used) out.state = Nonce::unsure;
            continue;
        }
        if (*found) {
            out.state = Nonce::found;
            out.receipt = std::move(**found);
            out.endpoint = chain_.endpoint(i).name();
            nonce_from_.assign(chain_.endpoint_count(), from_block_);
            return out;
        }
        if (more) out.state = Nonce::reading;
    }
    if (out.state == Nonce::used) nonce_from_.assign(chain_.endpoint_count(), from_block_);
    return out;
}

/// Returns the receipt as this endpoint shows it: by its hash, or else from its block.
Result<std::optional<Receipt>> ChainEvidence::shown_by(std::size_t index, const Receipt& receipt) {
    ChainEndpoint& one = chain_.endpoint(index);
    auto shown = one.receipt(receipt.transaction);
    if (shown && *shown) return shown;
    if (!shown && ends_evidence(shown.error())) return shown;
    IOSWARM_TRY(auto blocks, one.block_receipts(receipt.block, 1));
    return one_of(blocks, {&receipt.transaction, 1});
}

Result<ChainEvidence::Said> ChainEvidence::ask(std::size_t index, const Receipt& receipt, std::uint64_t nonce) {
    ChainEndpoint& one = chain_.endpoint(index);
    Said out;
    const auto unheard = [&](const Error& error) -> Result<Said> {
        if (ends_evidence(error)) return fail(error);
        out.why = error.text();
        return out;
    };
    IOSWARM_TRY(const auto silent, silence(index));
    if (silent) {
        out.why = *silent;
        return out;
    }
    const auto confirmed = one.confirmed_nonce(wallet_);
    if (!confirmed) return unheard(confirmed.error());
    out.tip = confirmed->height;
    if (confirmed->height < receipt.block) {
        out.word = Word::behind;
        out.why = fmt::format("{} is at block {}, below {}", one.name(), confirmed->height, receipt.block);
        return out;
    }
    out.word = Word::contradicts;
    if (confirmed->nonce <= nonce) {
        out.why = fmt::format("{} says that nonce {} is not used", one.name(), nonce);
        return out;
    }
    const auto block = one.block(receipt.block);
    if (!block) {
        out.word = Word::silent;
        return unheard(block.error());
    }
    if (!*block || (*block)->hash != receipt.block_hash) {
        out.why = fmt::format("{} has another block {} than the receipt names", one.name(), receipt.block);
        return out;
    }
    const auto shown = shown_by(index, receipt);
    if (!shown) {
        out.word = Word::silent;
        return unheard(shown.error());
    }
    if (!*shown) {
        out.word = Word::knows_block;
        out.why = fmt::format("{} does not show the receipt", one.name());
        return out;
    }
    const Receipt& other = **shown;
    if (other.block != receipt.block || other.block_hash != receipt.block_hash ||
        other.status != receipt.status || other.gas_used != receipt.gas_used) {
        out.why = fmt::format("{} shows another receipt", one.name());
        return out;
    }
    out.word = Word::agrees;
    return out;
}

Result<ChainEvidence::Judgement> ChainEvidence::judge(const Receipt& receipt, std::uint64_t nonce,
                                                      std::uint64_t blocks, bool deep) {
    Judgement out;
    bool all_heard = true;
    bool all_show_it = true;
    std::uint64_t tip = ~std::uint64_t{0};
    for (std::size_t i = 0; i < chain_.endpoint_count(); ++i) {
        IOSWARM_TRY(const auto said, ask(i, receipt, nonce));
        if (!said.why.empty()) out.why = said.why;
        all_show_it = all_show_it && said.word == Word::agrees;
        if (said.word == Word::contradicts) {
            out.finality = Finality::disputed;
            return out;
        }
        if (said.word == Word::silent || said.word == Word::behind) {
            all_heard = false;
            continue;
        }
        tip = std::min(tip, said.tip);
        if (said.word == Word::agrees) ++out.agreeing;
    }
    if (out.agreeing == 0) return out;
    out.depth = tip - receipt.block;
    const bool is_deep = out.depth >= blocks;
    const bool by_two = out.agreeing >= 2 && (!deep || is_deep);
    const bool by_one = all_heard && is_deep && (!deep || all_show_it);
    if (by_two || by_one) {
        out.finality = Finality::final;
    } else if (!is_deep && (all_heard || deep)) {
        out.why = fmt::format("{} of {} blocks are on top of it", out.depth, blocks);
    }
    return out;
}

Result<bool> ChainEvidence::all_confirm_above(std::uint64_t nonce) {
    for (std::size_t i = 0; i < chain_.endpoint_count(); ++i) {
        IOSWARM_TRY(const auto silent, silence(i));
        if (silent) return false;
        const auto confirmed = chain_.endpoint(i).confirmed_nonce(wallet_);
        if (!confirmed && ends_evidence(confirmed.error())) return fail(confirmed.error());
        if (!confirmed || confirmed->nonce <= nonce) return false;
    }
    return true;
}

Result<std::optional<NonceAt>> ChainEvidence::highest_confirmed() {
    NonceAt out{0, ~std::uint64_t{0}};
    for (std::size_t i = 0; i < chain_.endpoint_count(); ++i) {
        IOSWARM_TRY(const auto silent, silence(i));
        if (silent) return std::nullopt;
        const auto confirmed = chain_.endpoint(i).confirmed_nonce(wallet_);
        if (!confirmed && ends_evidence(confirmed.error())) return fail(confirmed.error());
        if (!confirmed) return std::nullopt;
        out.nonce = std::max(out.nonce, confirmed->nonce);
        out.height = std::min(out.height, confirmed->height);
    }
    return std::optional(out);
}

Result<ChainEvidence::Buried> ChainEvidence::buried(std::uint64_t first_nonce, std::uint64_t blocks,
                                                    std::span<const Hash256> own) {
    Buried out;
    const auto is_other = [&](const MinedTransaction& one) {
        return one.nonce >= first_nonce && std::ranges::find(own, one.hash) == own.end();
    };
    for (std::size_t i = 0; i < chain_.endpoint_count(); ++i) {
        ChainEndpoint& one = chain_.endpoint(i);
        IOSWARM_TRY(const auto silent, silence(i));
        const auto tip = silent ? Result<std::uint64_t>(fail(ErrorCode::unavailable, *silent)) : one.tip();
        if (!tip && ends_evidence(tip.error())) return fail(tip.error());
        if (!tip) {
            out.silent = tip.error().text();
            return out;
        }
        const std::uint64_t first = *tip >= blocks ? *tip - blocks + 1 : 1;
        for (std::uint64_t height = first; height <= *tip; ++height) {
            const auto sent = one.transactions_from(wallet_, height);
            if (!sent && ends_evidence(sent.error())) return fail(sent.error());
            if (!sent) {
                out.silent = sent.error().text();
                return out;
            }
            if (std::ranges::none_of(*sent, is_other)) continue;
            out.at = height;
            out.tip = *tip;
            return out;
        }
    }
    out.is_deep = true;
    return out;
}

bool ChainEvidence::send_to_others(const RawEthTx& transaction) {
    bool kept = false;
    const std::size_t asked = chain_.current();
    for (std::size_t i = 0; i < chain_.endpoint_count(); ++i) {
        if (i == asked) continue;
        const SendResult sent = chain_.endpoint(i).send(transaction);
        kept = kept || sent.outcome == SendOutcome::accepted || sent.outcome == SendOutcome::known;
    }
    return kept;
}

}  // namespace ioswarm::contracts
