// SPDX-License-Identifier: Apache-2.0
#include "core/net/json_rpc.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

#include "test/support/scripted_http.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Kind = RpcReply::Kind;

namespace {

bool all_fail(const std::vector<Result<RpcReply>>& replies, ErrorCode code) {
    for (const auto& reply : replies) {
        if (reply || reply.error().code != code) return false;
    }
    return !replies.empty();
}

JsonRpcClient client_of(const ScriptedHttp& server) {
    return JsonRpcClient(std::move(*HttpClient::create(server.url())));
}

}  // namespace

TEST_CASE("json-rpc: answers are matched to requests by id, in any order") {
    const auto replies = read_rpc_batch(
        R"([{"jsonrpc":"2.0","id":9,"result":null},{"id":7,"result":"0x1"},{"id":8,"error":{"code":-32603,"message":"no","data":"0x08"}},{"id":10,"result":{"a":[1,true]}}])",
        7, 4);
    REQUIRE(replies.size() == 4);
    REQUIRE(replies[0]);
    CHECK((replies[0]->kind == Kind::text && replies[0]->value == "0x1"));
    REQUIRE(replies[1]);
    CHECK((replies[1]->kind == Kind::error && replies[1]->error.code == -32603 &&
           replies[1]->error.message == "no" && replies[1]->error.data == "0x08"));
    REQUIRE(replies[2]);
    CHECK(replies[2]->kind == Kind::null);
    REQUIRE(replies[3]);
    CHECK((replies[3]->kind == Kind::json && replies[3]->value == R"({"a":[1,true]})"));
}

TEST_CASE("json-rpc: a missing or doubled answer fails only its own entry") {
    const auto replies =
        read_rpc_batch(R"([{"id":1,"result":"a"},{"id":1,"result":"b"},{"id":3,"result":"c"}])", 1, 3);
    REQUIRE(replies.size() == 3);
    REQUIRE_FALSE(replies[0]);
    CHECK(replies[0].error().code == ErrorCode::bad_data);
    REQUIRE_FALSE(replies[1]);
    CHECK(replies[1].error().code == ErrorCode::bad_data);
    CHECK(replies[2]);
}

TEST_CASE("json-rpc: an id that was never sent makes the whole batch fail") {
    for (const char* id : {"4", "0", "-1", "\"1\"", "1.0", "null", "18446744073709551616", "true"}) {
        INFO(id);
        const std::string text = std::string(R"([{"id":1,"result":"a"},{"id":)") + id + R"(,"result":"b"}])";
        CHECK(all_fail(read_rpc_batch(text, 1, 3), ErrorCode::bad_data));
    }
    CHECK(all_fail(read_rpc_batch(R"([{"id":1,"result":"a"},{"result":"b"}])", 1, 2), ErrorCode::bad_data));
    CHECK(all_fail(read_rpc_batch(R"([7])", 1, 2), ErrorCode::bad_data));
}

TEST_CASE("json-rpc: a single error object instead of the list is the error of every entry") {
    // The answer of iotex-core v2.3.8 to a batch of 1,001 calls (test/data/node/web3.json).
    CHECK(all_fail(
        read_rpc_batch(
            R"({"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"batch size 1001 exceeds the limit 100: batch too large"}})",
            1, 2),
        ErrorCode::invalid_argument));
    CHECK(all_fail(read_rpc_batch(R"({"error":{"code":-1,"message":"busy"}})", 1, 2), ErrorCode::unavailable));
    CHECK(all_fail(read_rpc_batch(R"({"error":7})", 1, 2), ErrorCode::bad_data));
}

TEST_CASE("json-rpc: text that is not a list of answers is bad data") {
    for (const char* text :
         {"", "null", "{}", "\"x\"", "[", "[{\"id\":1,\"result\":\"a\"}", "{\"id\":1,\"result\":\"a\"}",
          "[{\"id\":1}]", "\xff\xfe", "[{\"id\":1,\"result\":\"\xff\"}]", "<html>"}) {
        INFO(text);
        CHECK(all_fail(read_rpc_batch(text, 1, 1), ErrorCode::bad_data));
    }
}

TEST_CASE("json-rpc: nesting and number of values are limited before a tree is built") {
    const std::string deep =
        R"([{"id":1,"result":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}]";
    CHECK(all_fail(read_rpc_batch(deep, 1, 1), ErrorCode::bad_data));
    std::string wide = R"([{"id":1,"result":[0)";
    for (std::size_t i = 0; i < kMaxRpcValues; ++i)
        wide += ",0";
    CHECK(all_fail(read_rpc_batch(wide + "]}]", 1, 1), ErrorCode::bad_data));
    const auto brackets_in_text =
        read_rpc_batch(R"([{"id":1,"result":"\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["}])", 1, 1);
    CHECK(brackets_in_text[0]);
}

TEST_CASE("json-rpc: error objects of any form are read") {
    for (const char* error : {"{}", "[]", "\"text\"", "7", R"({"code":"x","message":7,"data":{"a":1}})",
                              R"({"code":1e300,"message":null})", R"({"code":99999999999999})"}) {
        INFO(error);
        const auto replies = read_rpc_batch(std::string(R"([{"id":1,"error":)") + error + "}]", 1, 1);
        REQUIRE(replies[0]);
        CHECK(replies[0]->kind == Kind::error);
    }
    CHECK(read_rpc_batch(R"([{"id":1,"error":{"code":99999999999999}}])", 1, 1)[0]->error.code == 2147483647);
    CHECK(read_rpc_batch(R"([{"id":1,"error":{"data":{"a":1}}}])", 1, 1)[0]->error.data == R"({"a":1})");
}

TEST_CASE("json-rpc: requests have rising ids, and batches keep their order") {
    std::vector<std::string> seen;
    ScriptedHttp server([&](HttpConnection& connection, const std::string& body) {
        seen.push_back(body);
        return connection.answer(body.find("\"id\":1,") != std::string::npos
                                     ? R"([{"id":2,"result":"b"},{"id":1,"result":"a"}])"
                                     : R"([{"id":3,"result":"c"}])");
    });
    auto client = client_of(server);
    const JsonRpcClient::Batch first{{"eth_chainId"}, {"eth_getBalance", rpc_params({"0x01", "0x5"})}};
    const auto replies = client.call_all({&first, 1});
    REQUIRE(replies.size() == 1);
    REQUIRE(replies[0].size() == 2);
    CHECK(replies[0][0]->value == "a");
    CHECK(replies[0][1]->value == "b");
    const auto single = client.call({"eth_blockNumber"});
    REQUIRE(single);
    CHECK(single->value == "c");
    REQUIRE(seen.size() == 2);
    CHECK(seen[0] == R"([{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]},)"
                     R"({"jsonrpc":"2.0","id":2,"method":"eth_getBalance","params":["0x01","0x5"]}])");
    CHECK(seen[1] == R"({"jsonrpc":"2.0","id":3,"method":"eth_blockNumber","params":[]})");
}

TEST_CASE("json-rpc: the answer to a single request is an object, or a list of one") {
    for (const char* text : {R"({"jsonrpc":"2.0","id":7,"result":"0x1"})", R"([{"id":7,"result":"0x1"}])"}) {
        const auto reply = read_rpc_answer(text, 7);
        REQUIRE(reply);
        CHECK(reply->value == "0x1");
    }
    const auto refused = read_rpc_answer(R"({"id":7,"error":{"code":3,"message":"execution reverted"}})", 7);
    REQUIRE(refused);
    CHECK(refused->error.code == 3);
    for (const char* text : {"", "{}", R"({"id":8,"result":"0x1"})", R"([])", R"([{"id":7},{"id":7}])", "7",
                             R"({"id":7})", R"({"result":"0x1"})"}) {
        INFO(text);
        const auto bad = read_rpc_answer(text, 7);
        REQUIRE_FALSE(bad);
        CHECK(bad.error().code == ErrorCode::bad_data);
    }
    // If a request is refused before it is read, the error has no id.
    CHECK(read_rpc_answer(R"({"id":null,"error":{"message":"busy"}})", 7)->error.message == "busy");
}

TEST_CASE("json-rpc: a batch to an unavailable server is not repeated in smaller parts") {
    ScriptedHttp server(
        [](HttpConnection& connection, const std::string&) { return connection.answer("bad gateway", 502); });
    auto client = client_of(server);
    const JsonRpcClient::Batch batch(100, RpcCall{"eth_blockNumber"});
    CHECK(all_fail(client.call_all({&batch, 1}).front(), ErrorCode::unavailable));
    // The batch, and one single request to see whether the server answers at all.
    CHECK(server.requests() == 2);
    CHECK(client.batch_limit() == JsonRpcClient::kMaxBatch);
}

TEST_CASE("json-rpc: a halved batch size doubles again after every ten quiet minutes") {
    std::size_t limit = 30;
    ScriptedHttp server([&limit](HttpConnection& connection, const std::string& body) {
        const auto ids = static_cast<std::size_t>(std::count(body.begin(), body.end(), '{'));
        if (ids > limit) return connection.answer("too many requests in one batch", 400);
        std::string out;
        for (std::size_t at = body.find("\"id\":"); at != std::string::npos;
             at = body.find("\"id\":", at + 1)) {
            const std::string id = body.substr(at + 5, body.find(',', at) - at - 5);
            out += (out.empty() ? "" : ",") + (R"({"jsonrpc":"2.0","result":"0x1","id":)" + id) + "}";
        }
        return connection.answer(body.front() == '[' ? "[" + out + "]" : out);
    });
    JsonRpcClient::SteadyTime now{};
    JsonRpcClient client(std::move(*HttpClient::create(server.url())), [&now] { return now; });
    const JsonRpcClient::Batch batch(100, RpcCall{"eth_blockNumber"});
    const auto all_answered = [&] {
        const auto replies = client.call_all({&batch, 1});
        return std::ranges::all_of(replies.front(), [](const auto& reply) { return reply.has_value(); });
    };
    now += std::chrono::hours(1);
    CHECK(all_answered());
    CHECK(client.batch_limit() == 25);

    // The limit is unchanged: a larger batch is tried once in ten minutes, and the size is halved again.
    now += JsonRpcClient::kTryLargerAfter - std::chrono::seconds(1);
    int before = server.requests();
    CHECK(all_answered());
    CHECK(server.requests() == before + 4);
    now += std::chrono::seconds(1);
    CHECK(all_answered());
    CHECK(client.batch_limit() == 25);
    before = server.requests();
    CHECK(all_answered());
    CHECK(server.requests() == before + 4);

    // The limit is gone.
    limit = 1000;
    std::vector<std::size_t> sizes;
    for (int i = 0; i < 3; ++i) {
        now += JsonRpcClient::kTryLargerAfter;
        CHECK(all_answered());
        sizes.push_back(client.batch_limit());
    }
    CHECK(sizes == std::vector<std::size_t>{50, 100, 100});
}

TEST_CASE("json-rpc: a temporary HTTP error is unavailable, any other is bad data, and both name the server") {
    int status = 0;
    ScriptedHttp server(
        [&](HttpConnection& connection, const std::string&) { return connection.answer("[]", status); });
    auto client = client_of(server);
    for (const auto& [code, expected] :
         {std::pair{429, ErrorCode::unavailable}, std::pair{500, ErrorCode::unavailable},
          std::pair{503, ErrorCode::unavailable}, std::pair{408, ErrorCode::unavailable},
          std::pair{404, ErrorCode::bad_data}, std::pair{302, ErrorCode::bad_data}}) {
        status = code;
        const auto reply = client.call({"eth_chainId"});
        REQUIRE_FALSE(reply);
        CHECK(reply.error().code == expected);
        CHECK(reply.error().which == server.url());
        CHECK(reply.error().why == "HTTP " + std::to_string(code));
    }
}
