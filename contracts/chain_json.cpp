// SPDX-License-Identifier: Apache-2.0
#include "contracts/chain_json.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/base/try.hpp"

namespace ioswarm::contracts {
namespace {

using Json = nlohmann::json;

tl::unexpected<Error> bad_answer(std::string why) {
    return fail(ErrorCode::bad_data, "cannot read the node's answer", {}, std::move(why));
}

/// Reads fields of an object. The first fault is kept, so the caller checks once at the end.
class ObjectReader {
  public:
    explicit ObjectReader(const Json& object) : object_(object) {
        if (!object.is_object()) fault("it is not an object");
    }

    [[nodiscard]] const std::string& why() const noexcept { return why_; }

    void fault(std::string why) {
        if (why_.empty()) why_ = std::move(why);
    }

    const std::string* text(const char* name) {
        if (!object_.is_object()) return nullptr;
        const auto found = object_.find(name);
        if (found == object_.end() || !found->is_string()) return nullptr;
        return found->get_ptr<const std::string*>();
    }

    U256 quantity(const char* name, bool required = true) {
        const std::string* digits = text(name);
        const auto value = digits == nullptr ? std::nullopt : u256_from_quantity(*digits);
        if (!value && (required || digits != nullptr)) fault(std::string(name) + " is not a number");
        return value.value_or(U256(0));
    }

    std::uint64_t number(const char* name, bool required = true) {
        const U256 value = quantity(name, required);
        if (value > ~std::uint64_t{0}) fault(std::string(name) + " is too large");
        return static_cast<std::uint64_t>(value & ~std::uint64_t{0});
    }

    template <typename Fixed>
    Fixed fixed(const char* name) {
        const std::string* digits = text(name);
        const auto value = digits == nullptr ? std::nullopt : fixed_from_hex<Fixed>(*digits);
        if (!value) fault(std::string(name) + " is missing or of a wrong length");
        return value.value_or(Fixed{});
    }

    template <typename Fixed>
    std::optional<Fixed> fixed_or_nothing(const char* name) {
        const std::string* digits = text(name);
        if (digits == nullptr || digits->empty()) return std::nullopt;
        const auto value = fixed_from_hex<Fixed>(*digits);
        if (!value) fault(std::string(name) + " has a wrong length");
        return value;
    }

    const Json* list(const char* name) {
        const auto found = object_.is_object() ? object_.find(name) : object_.end();
        if (!object_.is_object() || found == object_.end() || !found->is_array()) return nullptr;
        return &*found;
    }

  private:
    const Json& object_;
    std::string why_;
};

Result<ChainLog> log_of(const Json& object) {
    ObjectReader reader(object);
    ChainLog log;
    log.address = reader.fixed<Address>("address");
    log.block = reader.number("blockNumber", false);
    log.transaction = reader.fixed_or_nothing<Hash256>("transactionHash").value_or(Hash256{});
    const std::string* data = reader.text("data");
    const auto bytes = data == nullptr ? std::optional<Bytes>(Bytes{}) : from_hex(*data);
    if (!bytes) return bad_answer("a log's data is not hex");
    log.data = *bytes;
    const Json* topics = reader.list("topics");
    if (topics == nullptr || topics->size() > 4) return bad_answer("a log has no topics, or more than four");
    for (const Json& topic : *topics) {
        const auto hash =
            topic.is_string() ? fixed_from_hex<Hash256>(topic.get_ref<const std::string&>()) : std::nullopt;
        if (!hash) return bad_answer("a log's topic is not a hash");
        log.topics.push_back(*hash);
    }
    if (!reader.why().empty()) return bad_answer("a log: " + reader.why());
    return log;
}

Result<std::vector<ChainLog>> logs_of(const Json& list) {
    std::vector<ChainLog> out;
    for (const Json& one : list) {
        IOSWARM_TRY(auto log, log_of(one));
        out.push_back(std::move(log));
    }
    return out;
}

Result<Receipt> receipt_of(const Json& object) {
    ObjectReader reader(object);
    Receipt out;
    out.transaction = reader.fixed<Hash256>("transactionHash");
    out.block_hash = reader.fixed<Hash256>("blockHash");
    out.block = reader.number("blockNumber");
    out.status = reader.number("status");
    out.gas_used = reader.number("gasUsed");
    out.gas_price = reader.quantity("effectiveGasPrice", false);
    out.contract = reader.fixed_or_nothing<Address>("contractAddress");
    if (const Json* logs = reader.list("logs")) {
        IOSWARM_TRY(auto read, logs_of(*logs));
        out.logs = std::move(read);
    }
    if (!reader.why().empty()) return bad_answer("a receipt: " + reader.why());
    return out;
}

}  // namespace

std::string call_request_json(const CallRequest& request) {
    Json out = Json::object();
    if (request.from) out["from"] = to_hex0x(request.from->view());
    if (request.to) out["to"] = to_hex0x(request.to->view());
    if (request.value != 0) out["value"] = to_quantity(request.value);
    if (!request.data.empty()) out["data"] = to_hex0x(request.data);
    if (request.gas != 0) out["gas"] = to_quantity(request.gas);
    return out.dump();
}

Result<Receipt> read_receipt(std::string_view json) {
    return receipt_of(Json::parse(json, nullptr, false));
}

Result<std::vector<Receipt>> read_receipts(std::string_view json) {
    const Json tree = Json::parse(json, nullptr, false);
    if (!tree.is_array()) return bad_answer("the receipts are not a list");
    std::vector<Receipt> out;
    for (const Json& one : tree) {
        IOSWARM_TRY(auto receipt, receipt_of(one));
        out.push_back(std::move(receipt));
    }
    return out;
}

Result<BlockInfo> read_block(std::string_view json) {
    const Json tree = Json::parse(json, nullptr, false);
    ObjectReader reader(tree);
    BlockInfo out;
    out.number = reader.number("number");
    out.hash = reader.fixed<Hash256>("hash");
    out.timestamp = reader.number("timestamp");
    out.base_fee = reader.quantity("baseFeePerGas", false);
    if (!reader.why().empty()) return bad_answer("a block: " + reader.why());
    return out;
}

namespace {

bool has_hash(const Json& object, const Hash256& wanted) {
    ObjectReader reader(object);
    const std::string* digits = reader.text("hash");
    return digits != nullptr && fixed_from_hex<Hash256>(*digits) == wanted;
}

Result<MinedTransaction> read_mined(const Json& object) {
    ObjectReader reader(object);
    MinedTransaction out;
    out.hash = reader.fixed<Hash256>("hash");
    out.from = reader.fixed<Address>("from");
    out.to = reader.fixed_or_nothing<Address>("to");
    out.nonce = reader.number("nonce");
    out.gas_limit = reader.number("gas");
    out.value = reader.quantity("value");
    const std::string* input = reader.text("input");
    const auto bytes = input == nullptr ? std::nullopt : from_hex(*input);
    if (!bytes) return bad_answer("a transaction's input is not hex");
    out.data = *bytes;
    if (!reader.why().empty()) return bad_answer("a transaction: " + reader.why());
    return out;
}

}  // namespace

Result<std::optional<MinedTransaction>> read_block_transaction(std::string_view json, const Hash256& hash) {
    const Json tree = Json::parse(json, nullptr, false);
    ObjectReader block(tree);
    const Json* list = block.list("transactions");
    if (list == nullptr) return bad_answer("a block has no list of transactions");
    const auto found = std::ranges::find_if(*list, [&](const Json& one) { return has_hash(one, hash); });
    if (found == list->end()) return std::optional<MinedTransaction>{};
    IOSWARM_TRY(auto out, read_mined(*found));
    return std::optional<MinedTransaction>(std::move(out));
}

Result<std::vector<MinedTransaction>> read_transactions_from(std::string_view json, const Address& account) {
    const Json tree = Json::parse(json, nullptr, false);
    ObjectReader block(tree);
    const Json* list = block.list("transactions");
    if (list == nullptr) return bad_answer("a block has no list of transactions");
    std::vector<MinedTransaction> out;
    for (const Json& one : *list) {
        // A sender that cannot be read may be this account.
        ObjectReader reader(one);
        const auto from = reader.fixed<Address>("from");
        if (!reader.why().empty()) return bad_answer("a transaction: " + reader.why());
        if (from != account) continue;
        IOSWARM_TRY(auto mined, read_mined(one));
        out.push_back(std::move(mined));
    }
    return out;
}

Result<std::vector<ChainLog>> read_logs(std::string_view json) {
    const Json tree = Json::parse(json, nullptr, false);
    if (!tree.is_array()) return bad_answer("the logs are not a list");
    return logs_of(tree);
}

}  // namespace ioswarm::contracts
