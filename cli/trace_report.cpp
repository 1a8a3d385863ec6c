// SPDX-License-Identifier: Apache-2.0
#include "cli/trace_report.hpp"

#include <map>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ioswarm::cli {
namespace {

using ReportJson = nlohmann::ordered_json;
using evm::Outcome;
using evm::Word;

std::string hex(const Address& address) {
    return to_hex0x(address.view());
}
std::string hex(const Word& word) {
    return to_quantity(word.to_u256());
}

std::map<Address, std::vector<Word>> slots_by_account(const Outcome& outcome) {
    std::map<Address, std::vector<Word>> out;
    for (const Address& address : outcome.accounts)
        out[address];
    for (const evm::SlotId& slot : outcome.slots)
        out[slot.address].push_back(slot.key);
    return out;
}

ReportJson change_json(const evm::AccountChange& change) {
    ReportJson out{{"address", hex(change.address)}};
    if (change.came) out["came"] = true;
    if (change.removed) out["removed"] = true;
    if (change.balance) {
        out["balance"] = hex(*change.balance);
        out["balance_rau"] = to_decimal(change.balance->to_u256());
    }
    if (change.nonce) out["nonce"] = *change.nonce;
    if (change.code) out["code"] = to_hex0x(*change.code);
    out["slots"] = ReportJson::array();
    for (const evm::SlotChange& slot : change.slots) {
        out["slots"].push_back(
            {{"key", hex(slot.key)}, {"before", hex(slot.before)}, {"after", hex(slot.after)}});
    }
    return out;
}

ReportJson logs_json(const Outcome& outcome) {
    ReportJson out = ReportJson::array();
    for (const evm::Log& log : outcome.logs) {
        ReportJson one{
            {"address", hex(log.address)}, {"topics", ReportJson::array()}, {"data", to_hex0x(log.data)}};
        for (const Word& topic : log.topics)
            one["topics"].push_back(to_hex0x(topic.to_hash().view()));
        out.push_back(std::move(one));
    }
    return out;
}

void print_changes(std::ostream& out, const Outcome& outcome) {
    for (const evm::AccountChange& change : outcome.changes) {
        out << "change     " << hex(change.address);
        if (change.removed) out << " removed";
        if (change.came) out << " new";
        if (change.balance) out << " balance " << hex(*change.balance);
        if (change.nonce) out << " nonce " << *change.nonce;
        if (change.code) out << " code of " << change.code->size() << " bytes";
        out << '\n';
        for (const evm::SlotChange& slot : change.slots) {
            out << "           slot " << hex(slot.key) << ": " << hex(slot.before) << " -> " << hex(slot.after)
                << '\n';
        }
    }
}

}  // namespace

void print_trace(std::ostream& out, const TraceReport& report) {
    const Outcome& outcome = report.reading.outcome;
    out << fmt::format("{} ({}) under the rules \"{}\" in block {}, over the state of block {}\n",
                       report.subject, report.kind, report.rules, report.block_height, report.state_height);
    if (!outcome.minable()) {
        const std::string why = outcome.refused.empty() ? "the node stops with a panic" : outcome.refused;
        out << "status     in no block: " << why << '\n';
        return;
    }
    out << "status     " << outcome.status;
    if (outcome.failure.kind != evm::Failure::none) out << ": " << evm::failure_text(outcome.failure);
    out << "\ngas used   " << outcome.gas_used << '\n';
    if (!outcome.output.empty()) out << "output     " << to_hex0x(outcome.output) << '\n';
    if (outcome.created) out << "created    " << hex(*outcome.created) << '\n';
    for (const auto& [address, keys] : slots_by_account(outcome)) {
        out << "account    " << hex(address) << '\n';
        for (const Word& key : keys)
            out << "           slot " << hex(key) << '\n';
    }
    for (const evm::Log& log : outcome.logs) {
        out << "log        " << hex(log.address) << '\n';
        for (const Word& topic : log.topics)
            out << "           topic " << to_hex0x(topic.to_hash().view()) << '\n';
        if (!log.data.empty()) out << "           data " << to_hex0x(log.data) << '\n';
    }
    for (const evm::Transfer& transfer : outcome.transfers) {
        out << "transfer   " << hex(transfer.from) << " -> " << hex(transfer.to) << ": "
            << to_decimal(transfer.amount.to_u256()) << " rau\n";
    }
    print_changes(out, outcome);
}

void print_trace_json(std::ostream& out, const TraceReport& report) {
    const Outcome& outcome = report.reading.outcome;
    ReportJson json{{"subject", report.subject},
                    {"kind", report.kind},
                    {"rules", report.rules},
                    {"block_height", report.block_height},
                    {"state_height", report.state_height},
                    {"fetches", report.reading.rounds},
                    {"minable", outcome.minable()}};
    if (!outcome.minable()) {
        json["refused"] = outcome.refused.empty() ? "the node stops with a panic" : outcome.refused;
        out << json.dump() << '\n';
        return;
    }
    json["status"] = outcome.status;
    json["error"] = evm::failure_text(outcome.failure);
    json["gas_used"] = outcome.gas_used;
    json["output"] = to_hex0x(outcome.output);
    if (outcome.created) json["created"] = hex(*outcome.created);
    json["accounts"] = ReportJson::array();
    for (const auto& [address, keys] : slots_by_account(outcome)) {
        ReportJson one{{"address", hex(address)}, {"slots", ReportJson::array()}};
        for (const Word& key : keys)
            one["slots"].push_back(hex(key));
        json["accounts"].push_back(std::move(one));
    }
    json["logs"] = logs_json(outcome);
    json["transfers"] = ReportJson::array();
    for (const evm::Transfer& transfer : outcome.transfers) {
        json["transfers"].push_back({{"from", hex(transfer.from)},
                                     {"to", hex(transfer.to)},
                                     {"amount_rau", to_decimal(transfer.amount.to_u256())}});
    }
    json["changes"] = ReportJson::array();
    for (const evm::AccountChange& change : outcome.changes)
        json["changes"].push_back(change_json(change));
    out << json.dump() << '\n';
}

}  // namespace ioswarm::cli
