// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <optional>
#include <ostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/json_option.hpp"
#include "cli/trace_block.hpp"
#include "cli/trace_report.hpp"
#include "core/base/try.hpp"
#include "proto/node/evm.hpp"
#include "proto/node/evm_block.hpp"

namespace ioswarm::cli {
namespace {

using evm::Word;
using CallJson = nlohmann::json;

/// Gas limit of a call that names none: the chain's gas limit per block.
constexpr std::uint64_t kCallGas = 25'000'000;

struct TraceOptions {
    std::string hash;
    std::string call;
    std::string web3 = "http://127.0.0.1:15014";
    std::optional<std::uint64_t> block;
    std::optional<std::uint64_t> prague_from;
    bool at_tip = false;
    bool json = false;
};

Error trace_usage(std::string which, std::string why, std::string hint = {}) {
    return Error{ErrorCode::usage, "trace", std::move(which), std::move(why), std::move(hint)};
}

std::optional<Word> number_field(const CallJson& call, const char* key, Word otherwise) {
    const auto found = call.find(key);
    if (found == call.end()) return otherwise;
    if (!found->is_string()) return std::nullopt;
    const auto value = u256_from_quantity(found->get_ref<const std::string&>());
    return value ? std::optional(Word::from(*value)) : std::nullopt;
}

/// Parses the object that eth_call takes: from, to, value, gas, gasPrice, data or input, all in hexadecimal.
Result<evm::Transaction> parse_call(const std::string& text) {
    const CallJson call = CallJson::parse(text, nullptr, false);
    if (!call.is_object()) {
        return fail(
            trace_usage("--call", "not a JSON object", R"(for example: --call '{"to":"0x…","data":"0x…"}')"));
    }
    evm::Transaction out;
    for (const auto& [key, value] : call.items()) {
        if (key != "from" && key != "to" && key != "value" && key != "gas" && key != "gasPrice" &&
            key != "data" && key != "input") {
            return fail(
                trace_usage("--call", "unknown field " + key, "from, to, value, gas, gasPrice, data or input"));
        }
        if (!value.is_string()) return fail(trace_usage("--call", "the field " + key + " is not a text"));
    }
    const auto address = [&call](const char* key) {
        return fixed_from_hex<Address>(call.value(key, std::string()));
    };
    if (call.contains("from") && !address("from"))
        return fail(trace_usage("--call", "from is not an address in hex"));
    if (call.contains("to") && !address("to"))
        return fail(trace_usage("--call", "to is not an address in hex"));
    out.from = address("from").value_or(Address{});
    out.to = address("to");
    const auto value = number_field(call, "value", 0);
    const auto gas = number_field(call, "gas", kCallGas);
    const auto price = number_field(call, "gasPrice", 0);
    const auto data = from_hex(call.value(call.contains("data") ? "data" : "input", std::string()));
    if (!value || !gas || !price)
        return fail(trace_usage("--call", "value, gas or gasPrice is not a number in hex"));
    if (!data) return fail(trace_usage("--call", "data is not hex"));
    out.value = *value;
    out.gas_limit = gas->fits_64_bits() ? std::min(gas->low(), kCallGas) : kCallGas;
    out.fee_cap = *price;
    out.tip_cap = *price;
    out.data = *data;
    return out;
}

/// Ten seconds of scrypt and modexp.
constexpr std::uint64_t kTraceWork = 10'000'000;

/// Which transaction to run, in which block, and over which state.
struct Plan {
    TraceReport report;
    evm::Transaction transaction;
    evm::BlockContext block;
    proto::Web3StateFetcher::Height height = proto::Web3StateFetcher::Height::must_be_tip;
    /// The nonce that an older state must have for the sender; unset for a call.
    std::optional<std::uint64_t> sender_nonce;
};

Result<Plan> plan_call(const TraceOptions& options, JsonRpcClient& web3) {
    Plan plan;
    IOSWARM_TRY(auto transaction, parse_call(options.call));
    IOSWARM_TRY(const auto tip, proto::web3_next_block(web3));
    plan.transaction = std::move(transaction);
    plan.block = tip.next;
    // A node simulates a call with the gas price that the call names, so the block must not demand a higher
    // base fee.
    if (plan.transaction.fee_cap < plan.block.base_fee) plan.block.base_fee = plan.transaction.fee_cap;
    plan.report.subject = "call";
    plan.report.state_height = tip.height;
    return plan;
}

Result<Plan> plan_transaction(const TraceOptions& options, JsonRpcClient& web3) {
    const auto hash = fixed_from_hex<Hash256>(options.hash);
    if (!hash) return fail(trace_usage(options.hash, "not a transaction's hash: 0x and 64 hexadecimal digits"));
    IOSWARM_TRY(auto found, proto::web3_transaction(web3, *hash, options.block));
    IOSWARM_TRY(const auto tip, proto::web3_next_block(web3));
    Plan plan;
    plan.report.subject = to_hex0x(hash->view());
    plan.transaction = std::move(found.transaction);
    plan.block = tip.next;
    plan.report.state_height = tip.height;
    if (!found.height || options.at_tip) return plan;
    IOSWARM_TRY(const auto block, proto::web3_block_context(web3, *found.height));
    plan.block = block;
    plan.report.state_height = *found.height - 1;
    plan.height = proto::Web3StateFetcher::Height::may_be_old;
    plan.sender_nonce = found.nonce;
    return plan;
}

Error no_archive(const std::string& name, std::uint64_t height, std::string why) {
    return {ErrorCode::out_of_range, "cannot read the state before the transaction",
            "height " + std::to_string(height), name + " answers the tip only: " + std::move(why),
            "ask a node with archive state, trace while the transaction is pending, or give --at-tip to run it "
            "over "
            "the newest state"};
}

Result<TraceReport> run_plan(Plan plan, const TraceOptions& options, JsonRpcClient& web3) {
    const evm::Rules& rules = evm::chain_rules(plan.block.chain_id, plan.block.number, options.prague_from);
    plan.report.rules = rules.name;
    plan.report.block_height = plan.block.number;
    evm::Executor executor;
    evm::FetchedState state;
    proto::Web3StateFetcher fetcher(web3, plan.report.state_height, plan.height);
    evm::ReadingBounds bounds;
    // A person waits for the answer, so this may take longer than for agents.
    bounds.time = std::chrono::seconds(30);
    bounds.work = kTraceWork;
    auto& reading = plan.report.reading;
    if (options.call.empty()) {
        evm::MinedRun run =
            evm::run_as_mined(executor, plan.transaction, plan.block, rules, nullptr, state, fetcher, bounds);
        reading = std::move(run.reading);
        plan.report.kind = to_string(run.kind);
    } else {
        reading = evm::run_and_read(executor, plan.transaction, plan.block, rules, state, fetcher, bounds);
        plan.report.kind = plan.transaction.to ? "execution" : "creation";
    }
    if (reading.end == evm::ReadingEnd::fetch_failed) {
        const bool old = plan.sender_nonce && reading.error.code == ErrorCode::out_of_range;
        return fail(old ? no_archive(web3.name(), plan.report.state_height, reading.error.why) : reading.error);
    }
    const auto sender = state.account(plan.transaction.from);
    if (plan.sender_nonce && sender && sender->nonce > *plan.sender_nonce) {
        return fail(no_archive(web3.name(), plan.report.state_height,
                               "the sender's nonce there is " + std::to_string(sender->nonce) +
                                   ", the transaction's is " + std::to_string(*plan.sender_nonce)));
    }
    if (reading.end == evm::ReadingEnd::work) {
        return fail(ErrorCode::resource_exhausted, "cannot trace", plan.report.subject,
                    "its gas limit is above 50,000,000, or its calls of scrypt and modexp take more than 10 s",
                    "ask the node: debug_traceCall");
    }
    if (reading.end != evm::ReadingEnd::complete) {
        return fail(ErrorCode::resource_exhausted, "cannot trace", plan.report.subject,
                    "it needs more than the bound of " + std::string(evm::to_string(reading.end)));
    }
    if (!reading.outcome.known()) {
        return fail(ErrorCode::failed_precondition, "cannot trace", plan.report.subject,
                    "it calls a precompiled contract that is not simulated (bn254 pairing, point evaluation or "
                    "BLS12-381)",
                    "ask the node: debug_traceCall");
    }
    return std::move(plan.report);
}

ExitCode run_block(const TraceOptions& options, JsonRpcClient& web3, Io& io) {
    const auto report = trace_block(web3, *options.block, options.prague_from);
    if (!report) return report_error(io, report.error(), Concerns::peer);
    options.json ? print_block_json(io.out, *report) : print_block(io.out, *report);
    return report->different() == 0 ? ExitCode::ok : ExitCode::bad_data;
}

ExitCode run_trace(const TraceOptions& options, Io& io) {
    const bool whole_block = options.hash.empty() && options.call.empty() && options.block;
    if (!whole_block && options.hash.empty() == options.call.empty()) {
        return report_error(
            io, trace_usage("", "give a transaction's hash, or --call, or --block alone for a whole block"));
    }
    if (whole_block && options.at_tip) {
        return report_error(io, trace_usage("--at-tip", "a whole block runs over the state before it"));
    }
    auto http = HttpClient::create(options.web3);
    if (!http) return report_error(io, http.error());
    JsonRpcClient web3(std::move(*http));
    if (whole_block) return run_block(options, web3, io);
    auto plan = options.call.empty() ? plan_transaction(options, web3) : plan_call(options, web3);
    if (!plan) return report_error(io, plan.error(), Concerns::peer);
    const auto report = run_plan(std::move(*plan), options, web3);
    if (!report) return report_error(io, report.error(), Concerns::peer);
    options.json ? print_trace_json(io.out, *report) : print_trace(io.out, *report);
    return ExitCode::ok;
}

}  // namespace

Runner add_trace(CLI::App& app) {
    auto options = std::make_shared<TraceOptions>();
    app.add_option("hash", options->hash, "the transaction to trace")->type_name("HASH");
    app.add_option("--call", options->call, "execute this call instead, given in the form of eth_call")
        ->type_name("JSON");
    app.add_option("--web3", options->web3, "the node's web3 API (http://127.0.0.1:15014)")->type_name("URL");
    app.add_option("--block", options->block,
                   "the transaction's block, for a node without the gateway plugin; alone: compare a whole "
                   "block with its receipts")
        ->type_name("HEIGHT");
    app.add_option("--prague-from", options->prague_from,
                   "first height with the rules of Prague, on a private chain")
        ->type_name("HEIGHT");
    app.add_flag("--at-tip", options->at_tip, "execute a mined transaction on the newest state");
    add_json_option(app, options->json, "print JSON");
    return [options](Io& io) { return run_trace(*options, io); };
}

}  // namespace ioswarm::cli
