// SPDX-License-Identifier: Apache-2.0
// What Go's encoding/json reads and refuses, and the bounds of protocol.md section 5.
#include <catch2/catch.hpp>

#include <limits>
#include <string>
#include <vector>

#include "proto/codec/codec.hpp"
#include "proto/codec/fault.hpp"

namespace ioswarm::proto {
namespace {

template <typename M>
Result<M> read(const std::string& text) {
    return decode<M>(Codec::json, as_bytes(text));
}

struct Refusal {
    std::string text;
    std::string which;
    std::string why;
};

template <typename M>
void check_refused(const std::vector<Refusal>& refusals) {
    for (const auto& [text, which, why] : refusals) {
        const auto message = read<M>(text);
        INFO(text.substr(0, 200));
        REQUIRE_FALSE(message);
        CHECK(message.error().code == ErrorCode::invalid_argument);
        CHECK(message.error().which == which);
        CHECK_THAT(message.error().why, Catch::Contains(why));
    }
}

std::string nested(int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
}

TEST_CASE("keys match in any case, unknown keys are ignored, and of two equal keys the last counts") {
    const auto request = read<RegisterRequest>(
        " {\"Agent_ID\" : \"a\",\r\n\t\"AGENT_ID\":\"b\", \"new\": [1, {\"x\": null}, \"\\u00e9\", -1.5e3, "
        "true, []],"
        "\"Capability\":2} \n");
    REQUIRE(request);
    CHECK(request->agent_id == "b");
    CHECK(request->capability == TaskLevel::l3_full_execute);

    CHECK(read<GetTasksRequest>(R"({"max_batch_size":5,"max_batch_size":null})").value().max_batch_size == 0);
    const auto task = read<TaskPackage>(R"({"sender":{"address":"0x1","nonce":9},"sender":{"balance":"1"}})");
    REQUIRE(task);
    CHECK(task->sender == AccountSnapshot{.address = {}, .balance = "1", .nonce = 0, .code_hash = {}});
    CHECK(read<BatchResult>(R"({"results":[{},{}],"results":[{}]})").value().results.size() == 1);
}

TEST_CASE("null gives every field its default") {
    CHECK(read<RegisterRequest>(R"({"agent_id":null,"capability":null,"wallet_address":null})").value() ==
          RegisterRequest{});
    CHECK(read<TaskPackage>(
              R"({"task_id":null,"tx_raw":null,"sender":null,"block_context":null,"contract_code":null,
                                "storage_slots":null,"evm_tx":null})")
              .value() == TaskPackage{});
    CHECK(read<TaskResult>(R"({"valid":null,"state_changes":null,"logs":null})").value() == TaskResult{});
    CHECK(read<HeartbeatRequest>(R"({"cpu_usage":null})").value() == HeartbeatRequest{});
    const auto task =
        read<TaskPackage>(R"({"contract_code":{"a":null},"storage_slots":{"a":null,"b":{"c":null}}})");
    REQUIRE(task);
    CHECK(task->contract_code == std::map<std::string, Bytes>{{"a", {}}});
    CHECK(task->storage_slots.at("a").empty());
    CHECK(task->storage_slots.at("b").at("c").empty());
}

TEST_CASE("integers are exact up to the limits of their types") {
    CHECK(read<TaskBatch>(R"({"timestamp":18446744073709551615})").value().timestamp == 18446744073709551615U);
    CHECK(read<TaskBatch>(R"({"timestamp":9007199254740993})").value().timestamp == 9007199254740993U);
    CHECK(read<PayoutInfo>(R"({"rank":-2147483648,"total_agents":2147483647})").value() ==
          PayoutInfo{.epoch = 0, .amount_iotx = 0, .rank = -2147483647 - 1, .total_agents = 2147483647});
    CHECK(read<PayoutInfo>(R"({"rank":-0})").value().rank == 0);
    check_refused<HeartbeatRequest>(
        {{R"({"tasks_processed":4294967296})", "tasks_processed", "is over 4294967295"},
         {R"({"tasks_processed":-1})", "tasks_processed", "below 0"},
         {R"({"tasks_processed":-0})", "tasks_processed", "below 0"},
         {R"({"tasks_processed":1.0})", "tasks_processed", "not a whole number"},
         {R"({"tasks_processed":1e3})", "tasks_processed", "not a whole number"},
         {R"({"tasks_processed":"1"})", "tasks_processed", "found a string"},
         {R"({"tasks_processed":true})", "tasks_processed", "found a boolean"},
         {R"({"tasks_processed":01})", "tasks_processed", "leading zero"},
         {R"({"tasks_processed":+1})", "tasks_processed", "expected a number"},
         {R"({"tasks_processed":0x1})", "", "expected ',' or '}'"}});
    check_refused<TaskBatch>(
        {{R"({"timestamp":18446744073709551616})", "timestamp", "is over 18446744073709551615"},
         {R"({"timestamp":)" + std::string(10000, '9') + "}", "timestamp", "is over"}});
    check_refused<PayoutInfo>({{R"({"rank":2147483648})", "rank", "outside -2147483648 to 2147483647"},
                               {R"({"rank":-2147483649})", "rank", "outside"}});
    check_refused<RegisterRequest>({{R"({"capability":4})", "capability", "4 is over 3"},
                                    {R"({"capability":-1})", "capability", "below 0"},
                                    {R"({"capability":"L1_SIG_VERIFY"})", "capability", "expected a number"}});
}

TEST_CASE("doubles accept every JSON number in their range") {
    const auto cpu = [](const std::string& number) {
        return read<HeartbeatRequest>(R"({"cpu_usage":)" + number + "}").value().cpu_usage;
    };
    CHECK(cpu("1") == 1.0);
    CHECK(cpu("0.5") == 0.5);
    CHECK(cpu("1e-7") == 1e-7);
    CHECK(cpu("-1E+2") == -100.0);
    CHECK(cpu("1.7976931348623157e308") == std::numeric_limits<double>::max());
    CHECK(cpu("1e-400") == 0.0);
    CHECK(cpu("0e99999999999999999999") == 0.0);
    CHECK(cpu("0." + std::string(5000, '0') + "1e5001") == 1.0);
    CHECK(cpu("1" + std::string(5000, '0') + "e-5000") == 1.0);
    check_refused<HeartbeatRequest>(
        {{R"({"cpu_usage":1e309})", "cpu_usage", "too large"},
         {R"({"cpu_usage":-1e309})", "cpu_usage", "too large"},
         {R"({"cpu_usage":1e99999999999999999999})", "cpu_usage", "too large"},
         {R"({"cpu_usage":)" + std::string(400, '9') + "}", "cpu_usage", "too large"},
         {R"({"cpu_usage":1.})", "cpu_usage", "after its point"},
         {R"({"cpu_usage":.5})", "cpu_usage", "expected a number"},
         {R"({"cpu_usage":1e})", "cpu_usage", "exponent"},
         {R"({"cpu_usage":NaN})", "cpu_usage", "expected a number"},
         {R"({"cpu_usage":Infinity})", "cpu_usage", "expected a number"},
         {R"({"cpu_usage":"0.5"})", "cpu_usage", "found a string"}});
}

TEST_CASE("doubles are written as Go writes them") {
    const auto written = [](double value) {
        const Bytes json =
            encode(Codec::json, PayoutInfo{.epoch = 0, .amount_iotx = value, .rank = 0, .total_agents = 0});
        const std::string text(as_text(json));
        const auto from = text.find("amount_iotx\":") + 13;
        return text.substr(from, text.find(',', from) - from);
    };
    CHECK(written(0) == "0");
    CHECK(written(1) == "1");
    CHECK(written(-0.5) == "-0.5");
    CHECK(written(100) == "100");
    CHECK(written(123.456) == "123.456");
    CHECK(written(0.000001) == "0.000001");
    CHECK(written(0.00000123) == "0.00000123");
    CHECK(written(9.99e-7) == "9.99e-7");
    CHECK(written(1e-10) == "1e-10");
    CHECK(written(123456789012345680000.0) == "123456789012345680000");
    CHECK(written(999999999999999900000.0) == "999999999999999900000");
    CHECK(written(1e21) == "1e+21");
    CHECK(written(1.5e300) == "1.5e+300");
    CHECK(written(std::numeric_limits<double>::infinity()) == "0");
}

TEST_CASE("strings are read as Go reads them") {
    const auto id = [](const std::string& quoted) {
        return read<RegisterRequest>(R"({"agent_id":)" + quoted + "}").value().agent_id;
    };
    CHECK(id(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u6771")") == "\"\\/\b\f\n\r\tAé東");
    CHECK(id(R"("\ud83d\ude00")") == "\U0001f600");
    CHECK(id(R"("\uD83D\uDE00")") == "\U0001f600");
    CHECK(id(R"("\ud83d")") == "\ufffd");
    CHECK(id(R"("\ud83dx")") == "\ufffdx");
    CHECK(id(R"("\ude00\ud83d")") == "\ufffd\ufffd");
    CHECK(id(R"("\ud83d\ud83d\ude00")") == "\ufffd\U0001f600");
    CHECK(id(R"("\ud83d\u0041")") == "\ufffdA");
    CHECK(id(R"("\u0000")") == std::string(1, '\0'));
    CHECK(id("\"\x7f\"") == "\x7f");
    check_refused<RegisterRequest>({{"{\"agent_id\":\"a\xff\"}", "agent_id", "UTF-8"},
                                    {"{\"agent_id\":\"\xc0\x80\"}", "agent_id", "UTF-8"},
                                    {"{\"agent_id\":\"\xed\xa0\x80\"}", "agent_id", "UTF-8"},
                                    {"{\"agent_id\":\"\xe2\x82\"}", "agent_id", "UTF-8"},
                                    {"{\"other\":\"\xff\"}", "other", "UTF-8"},
                                    {"{\"agent_id\":\"a\nb\"}", "agent_id", "control byte"},
                                    {R"({"agent_id":"\x41"})", "agent_id", "unknown escape"},
                                    {R"({"agent_id":"\u12g4"})", "agent_id", "four hex digits"},
                                    {R"({"agent_id":"\u12"})", "agent_id", "four hex digits"},
                                    {R"({"agent_id":"\)", "agent_id", "ends too early"},
                                    {R"({"agent_id":"abc)", "agent_id", "ends too early"},
                                    {R"({"agent_id":7})", "agent_id", "expected a string, found a number"},
                                    {R"({"agent_id":[]})", "agent_id", "found a list"}});
}

TEST_CASE("base64 is read as Go's StdEncoding does it") {
    const auto raw = [](const std::string& text) { return read<TaskPackage>(R"({"tx_raw":")" + text + "\"}"); };
    CHECK(raw("").value().tx_raw.empty());
    CHECK(raw("ASZL").value().tx_raw == Bytes{0x01, 0x26, 0x4b});
    CHECK(raw("ASY=").value().tx_raw == Bytes{0x01, 0x26});
    CHECK(raw("AQ==").value().tx_raw == Bytes{0x01});
    CHECK(raw("AR==").value().tx_raw == Bytes{0x01});
    CHECK(raw(R"(A\nS\r\nZL\n)").value().tx_raw == Bytes{0x01, 0x26, 0x4b});
    CHECK(raw(R"(AQ=\n=\n)").value().tx_raw == Bytes{0x01});
    CHECK(raw(R"(\/\u002b\/+)").value().tx_raw == Bytes{0xff, 0xef, 0xfe});
    for (const char* bad : {"A", "AS", "ASZ", "AQ=", "AQ===", "=", "====", "A===", "ASZL=", "AQ==AQ==", "AQ=A",
                            "AS L", "AS-_", "AQ==x", "ASZLA"}) {
        INFO(bad);
        const auto message = raw(bad);
        REQUIRE_FALSE(message);
        CHECK(message.error().which == "tx_raw");
        CHECK(message.error().why == "not base64");
    }
}

TEST_CASE("structure is strict, and errors name their place") {
    check_refused<BatchResult>({
        {"", "", "ends too early"},
        {"null", "", "expected an object, found null"},
        {"[]", "", "expected an object, found a list"},
        {"{", "", "ends too early"},
        {"{\"agent_id\"}", "", "':'"},
        {"{\"agent_id\":\"a\",}", "", "expected a string"},
        {"{agent_id:\"a\"}", "", "expected a string"},
        {"{}x", "", "more bytes after the end"},
        {"{}{}", "", "more bytes after the end"},
        {std::string("{}\0", 3), "", "more bytes after the end"},
        {R"({"results":{}})", "results", "expected a list, found an object"},
        {R"({"results":[null]})", "results[0]", "null where an element must be"},
        {R"({"results":[{},{},{},null]})", "results[3]", "null where an element must be"},
        {R"({"results":[{},{"task_id":"x"}]})", "results[1].task_id", "found a string"},
        {R"({"results":[{}}})", "results", "',' or ']'"},
        {R"({"results":[{},]})", "results[1]", "expected an object"},
        {R"({"results":[{"logs":[{"topics":["a",5]}]}]})", "results[0].logs[0].topics[1]", "expected a string"},
        {R"({"results":[{"logs":[{"topics":["a",null]}]}]})", "results[0].logs[0].topics[1]", "null"},
        {R"({"results":[{"state_changes":[null]}]})", "results[0].state_changes[0]", "null"},
        {R"({"other":tru})", "other", "expected a boolean"},
        {R"({"other":nul})", "other", "expected a number, found null"},
    });
    check_refused<TaskPackage>({
        {R"({"contract_code":{"0xaa":"*"}})", "contract_code[0xaa]", "not base64"},
        {R"({"storage_slots":{"0xaa":{"0x01":7}}})", "storage_slots[0xaa][0x01]", "expected a string"},
        {R"({"contract_code":{"\u001b[2J":1}})", "contract_code[\\x1b[2J]", "expected a string"},
        {R"({"sender":[]})", "sender", "expected an object"},
    });
    const auto error = read<BatchResult>(R"({"results":[{"task_id":-1}]})").error();
    CHECK(error.text() == "cannot read the BatchResult: results[0].task_id: -1 is below 0");
}

TEST_CASE("nesting is limited, in unknown fields too") {
    CHECK(read<RegisterRequest>(R"({"x":)" + nested(kMaxJsonDepth - 1) + "}"));
    check_refused<RegisterRequest>({{R"({"x":)" + nested(kMaxJsonDepth) + "}", "x", "nested deeper than 32"},
                                    {R"({"x":)" + nested(1000000) + "}", "x", "nested deeper than 32"}});
    std::string siblings = R"({"x":[)";
    for (int i = 0; i < 100; ++i)
        siblings += "[],{},[{}],";
    CHECK(read<RegisterRequest>(siblings + R"([]],"agent_id":"a"})").value().agent_id == "a");
}

TEST_CASE("a batch has at most 1,000 results, and small elements cannot fill the memory") {
    const auto list = [](std::size_t count, const std::string& element) {
        std::string text;
        for (std::size_t i = 0; i < count; ++i)
            text += (i == 0 ? "" : ",") + element;
        return text;
    };
    CHECK(read<BatchResult>(R"({"results":[)" + list(1000, "{}") + "]}").value().results.size() == 1000);
    check_refused<BatchResult>({{R"({"results":[)" + list(1001, "{}") + "]}", "results", "over 1000 elements"},
                                {R"({"results":[{"state_changes":[)" + list(100000, "{}") + "]}]}",
                                 "results[0].state_changes", kOverBudget}});
}

}  // namespace
}  // namespace ioswarm::proto
