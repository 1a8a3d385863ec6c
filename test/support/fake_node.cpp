// SPDX-License-Identifier: Apache-2.0
#include "test/support/fake_node.hpp"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <utility>

#include "core/base/wire.hpp"
#include "test/support/scripted_http.hpp"

namespace ioswarm::test {
namespace {

using Json = nlohmann::json;
using wire::Writer;

constexpr std::uint64_t kFirstSecond = 1'795'305'600;  // 2026-11-22

grpc::ByteBuffer to_buffer(BytesView bytes) {
    const grpc::Slice slice(bytes.data(), bytes.size());
    return grpc::ByteBuffer(&slice, 1);
}

Bytes from_buffer(const grpc::ByteBuffer& buffer) {
    std::vector<grpc::Slice> slices;
    Bytes out;
    if (!buffer.Dump(&slices).ok()) return out;
    for (const auto& slice : slices)
        out.insert(out.end(), slice.begin(), slice.end());
    return out;
}

Bytes text_bytes(std::string_view text) {
    return to_bytes(as_bytes(text));
}

}  // namespace

Bytes make_block_info(std::uint64_t height, const std::vector<Bytes>& actions,
                      const std::vector<FakeReceipt>& receipts) {
    Bytes timestamp;
    Writer(timestamp).put_uint(1, kFirstSecond + height * 5);
    Bytes core;
    Writer(core).put_uint(1, 1);
    Writer(core).put_uint(2, height);
    Writer(core).put_bytes(3, timestamp);
    Writer(core).put_bytes(6, Bytes(32, 0xd1));
    Writer(core).put_bytes(10, to_big_endian(U256(1'000'000'000'000)));
    Bytes header;
    Writer(header).put_bytes(1, core);
    Bytes body;
    for (const Bytes& action : actions)
        Writer(body).always_bytes(1, action);
    Bytes block;
    Writer(block).put_bytes(1, header);
    Writer(block).put_bytes(2, body);
    Bytes info;
    Writer(info).put_bytes(1, block);
    for (const FakeReceipt& receipt : receipts) {
        Bytes out;
        Writer(out).put_uint(1, receipt.status);
        Writer(out).put_uint(2, receipt.height.value_or(height));
        Writer(out).put_bytes(3, receipt.action_hash);
        Writer(out).put_uint(4, 10'000);
        Writer(info).always_bytes(2, out);
    }
    return info;
}

Bytes make_stream_block(const Bytes& block_info, std::uint64_t named_height) {
    Bytes identifier;
    Writer(identifier).put_text(1, "00");
    Writer(identifier).put_uint(2, named_height);
    Bytes out;
    Writer(out).put_bytes(1, block_info);
    Writer(out).put_bytes(2, identifier);
    return out;
}

std::vector<Bytes> split_field_1(BytesView message) {
    std::vector<Bytes> out;
    wire::Reader reader(message);
    while (const auto field = reader.next()) {
        if (field->number == 1) out.push_back(to_bytes(field->bytes));
    }
    return out;
}

namespace {
class CallReactor;
}

struct FakeNode::Impl {
    struct Account {
        U256 balance;
        std::uint64_t nonce = 0;
        Bytes code;
    };
    class Service final : public grpc::CallbackGenericService {
      public:
        explicit Service(Impl& impl) : impl_(impl) {}
        grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

      private:
        Impl& impl_;
    };

    Impl()
        : http([this](HttpConnection& connection, const std::string& body) { return post(connection, body); }) {
        start();
    }
    ~Impl() { stop(); }

    void start() {
        grpc::ServerBuilder builder;
        // Without this a second server could bind the port while the first still holds it.
        builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
        builder.SetMaxSendMessageSize(-1);
        builder.AddListeningPort("127.0.0.1:" + std::to_string(port), grpc::InsecureServerCredentials(), &port);
        service = std::make_unique<Service>(*this);  // gRPC takes a service for one server only
        builder.RegisterCallbackGenericService(service.get());
        server = builder.BuildAndStart();
        if (!server) throw std::runtime_error("cannot start the fake node");
    }

    void stop() {
        if (!server) return;
        server->Shutdown(std::chrono::system_clock::now());
        server->Wait();
        server.reset();
    }

    /// The answer to a unary call, under the lock.
    std::pair<grpc::Status, Bytes> answer(const std::string& method, BytesView request);
    std::pair<grpc::Status, Bytes> raw_blocks(BytesView request);
    Grpc mode_of(const std::string& method) const {
        const auto own = grpc_modes.find(method);
        return own != grpc_modes.end() ? own->second : grpc_mode;
    }
    std::uint64_t tip() const { return blocks.empty() ? 0 : blocks.rbegin()->first; }

    bool post(HttpConnection& connection, const std::string& body);
    Json answer_web3(const Json& request);
    std::string answer_batch(const std::string& body, Web3 mode);

    mutable std::mutex mutex;
    std::condition_variable changed;
    // guarded by mutex
    std::vector<Bytes> pool;
    std::map<std::uint64_t, Bytes> blocks;
    std::map<std::string, Account> accounts;
    std::set<std::string> failing;
    std::optional<std::uint64_t> chain_meta_height;
    std::uint64_t pruned_below = 0;
    std::optional<std::uint64_t> calls_until_move;
    std::size_t batch_limit = 100;
    std::uint64_t chain_id = 4689;
    Grpc grpc_mode = Grpc::normal;
    std::map<std::string, Grpc> grpc_modes;
    Web3 web3_mode = Web3::normal;
    std::set<CallReactor*> streams;
    std::size_t streams_opened = 0;
    std::map<std::string, std::size_t> calls;
    std::size_t web3_posts = 0;
    std::size_t largest_batch = 0;

    int port = 0;
    std::unique_ptr<Service> service;
    std::unique_ptr<grpc::Server> server;
    ScriptedHttp http;  // last: its threads use all of the above
};

namespace {

/// One call: reads the request, then answers, stalls or goes on as a stream.
class CallReactor final : public grpc::ServerGenericBidiReactor {
  public:
    CallReactor(FakeNode::Impl& impl, std::string method) : impl_(impl), method_(std::move(method)) {
        StartRead(&request_);
    }

    void OnReadDone(bool ok) override {
        if (!ok) return Finish(grpc::Status(grpc::StatusCode::CANCELLED, "no request"));
        const Bytes request = from_buffer(request_);
        const std::lock_guard lock(impl_.mutex);
        ++impl_.calls[method_];
        const auto mode = impl_.mode_of(method_);
        if (mode == FakeNode::Grpc::stall) {
            stalled_ = true;
            if (cancelled_) end(grpc::Status::CANCELLED);
            return;
        }
        if (method_ == "StreamBlocks" && mode == FakeNode::Grpc::normal) {
            streaming_ = true;
            if (cancelled_) return end(grpc::Status::CANCELLED);
            impl_.streams.insert(this);
            ++impl_.streams_opened;
            impl_.changed.notify_all();
            return;
        }
        auto [status, bytes] = impl_.answer(method_, request);
        ended_ = true;
        if (!status.ok()) return Finish(status);
        response_ = to_buffer(bytes);
        StartWriteAndFinish(&response_, {}, grpc::Status::OK);
    }

    /// Under the node's lock.
    void send(const Bytes& message) {
        waiting_.push_back(message);
        write_next();
    }
    /// Under the node's lock.
    void end(const grpc::Status& status) {
        impl_.streams.erase(this);
        if (std::exchange(ended_, true)) return;
        Finish(status);
    }

    void OnWriteDone(bool ok) override {
        const std::lock_guard lock(impl_.mutex);
        writing_ = false;
        if (ok && !ended_) write_next();
    }
    void OnCancel() override {
        const std::lock_guard lock(impl_.mutex);
        cancelled_ = true;
        if (stalled_ || streaming_) end(grpc::Status::CANCELLED);
    }
    void OnDone() override {
        {
            const std::lock_guard lock(impl_.mutex);
            impl_.streams.erase(this);
        }
        delete this;
    }

  private:
    void write_next() {
        if (writing_ || ended_ || waiting_.empty()) return;
        writing_ = true;
        response_ = to_buffer(waiting_.front());
        waiting_.pop_front();
        StartWrite(&response_);
    }

    FakeNode::Impl& impl_;
    const std::string method_;
    grpc::ByteBuffer request_;
    grpc::ByteBuffer response_;
    // guarded by impl_.mutex
    std::deque<Bytes> waiting_;
    bool writing_ = false;
    bool ended_ = false;
    bool cancelled_ = false;
    bool stalled_ = false;
    bool streaming_ = false;
};

}  // namespace

grpc::ServerGenericBidiReactor* FakeNode::Impl::Service::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
    const std::string& path = context->method();
    return new CallReactor(impl_, path.substr(path.rfind('/') + 1));
}

std::pair<grpc::Status, Bytes> FakeNode::Impl::raw_blocks(BytesView request) {
    std::uint64_t start = 0;
    std::uint64_t count = 0;
    wire::Reader reader(request);
    while (const auto field = reader.next()) {
        if (field->number == 1) start = field->scalar;
        if (field->number == 2) count = field->scalar;
    }
    if (start > tip()) {
        return {{grpc::StatusCode::INVALID_ARGUMENT, "start height should not exceed tip height"}, {}};
    }
    Bytes out;
    for (std::uint64_t height = start; height < start + count && height <= tip(); ++height) {
        const auto block = blocks.find(height);
        if (block == blocks.end() || height < pruned_below)
            return {{grpc::StatusCode::NOT_FOUND, "not exist in DB"}, {}};
        Writer(out).always_bytes(1, block->second);
    }
    return {grpc::Status::OK, out};
}

std::pair<grpc::Status, Bytes> FakeNode::Impl::answer(const std::string& method, BytesView request) {
    std::pair<grpc::Status, Bytes> out{grpc::Status::OK, {}};
    if (method == "GetActPoolActions") {
        for (const Bytes& action : pool)
            Writer(out.second).always_bytes(1, action);
    } else if (method == "GetChainMeta") {
        Bytes meta;
        Writer(meta).put_uint(1, chain_meta_height.value_or(tip()));
        Writer(meta).put_uint(6, 1);
        Writer(out.second).always_bytes(1, meta);
    } else if (method == "GetRawBlocks") {
        out = raw_blocks(request);
    } else if (method != "StreamBlocks") {
        return {{grpc::StatusCode::UNIMPLEMENTED, "unknown method"}, {}};
    }
    switch (mode_of(method)) {
        case Grpc::normal:
        case Grpc::stall:
            break;
        case Grpc::refuse:
            out = {{grpc::StatusCode::UNAVAILABLE, "refused"}, {}};
            break;
        case Grpc::json_request:
            out = {{grpc::StatusCode::INTERNAL,
                    request.empty()
                        ? "grpc: failed to unmarshal the received message: unexpected end of JSON input"
                        : "grpc: error unmarshalling request: invalid character '\\n' looking for beginning of "
                          "value"},
                   {}};
            break;
        case Grpc::json_answer:
            out.second = text_bytes(R"({"chainMeta":{"height":5}})");
            break;
        case Grpc::half:
            out.second.resize(out.second.size() / 2);
            break;
        case Grpc::garbage:
            out.second = Bytes(100, 0xff);
            break;
        case Grpc::huge:
            out.second = Bytes(std::size_t{65} << 20U, 0);
            break;
        case Grpc::empty:
            out.second.clear();
            break;
    }
    return out;
}

Json FakeNode::Impl::answer_web3(const Json& request) {
    if (calls_until_move && (*calls_until_move)-- == 0) {
        blocks[tip() + 1] = make_block_info(tip() + 1);
        calls_until_move.reset();
    }
    const std::string method = request["method"];
    const Json& params = request["params"];
    Json out{{"jsonrpc", "2.0"}, {"id", request["id"]}};
    const auto refuse = [&out](int code, const std::string& message) {
        out["error"] = Json{{"code", code}, {"message", message}};
        return out;
    };
    if (method == "eth_chainId") {
        out["result"] = to_quantity(U256(chain_id));
    } else if (method == "eth_blockNumber") {
        out["result"] = to_quantity(U256(tip()));
    } else if (method == "eth_getBalance" || method == "eth_getTransactionCount" || method == "eth_getCode") {
        const std::string address = params[0];
        const auto height = u256_from_quantity(params[1].get<std::string>());
        if (!height) return refuse(-32603, "the height must be explicit");
        // As v2.3.8 does without archive state: beyond the tip an error, below it the tip's state without a
        // word.
        if (*height > tip())
            return refuse(13, "failed to get block at height " + to_decimal(*height) + ": not exist in DB");
        if (failing.contains(address)) return refuse(-32603, "failed");
        const auto found = accounts.find(address);
        const Account account = found == accounts.end() ? Account{} : found->second;
        out["result"] = method == "eth_getBalance" ? to_quantity(account.balance)
                        : method == "eth_getCode"  ? to_hex0x(account.code)
                                                   : to_quantity(U256(account.nonce));
    } else if (method == "eth_getBlockByNumber") {
        const std::string which = params[0];
        const U256 height = which == "latest" ? U256(tip()) : *u256_from_quantity(which);
        if (height > tip()) {
            out["result"] = nullptr;
        } else {
            out["result"] = Json{{"number", to_quantity(height)},
                                 {"timestamp", to_quantity(U256(kFirstSecond) + height * 5)},
                                 {"baseFeePerGas", "0xe8d4a51000"}};
        }
    } else if (method == "eth_getBlockReceipts") {
        out["result"] = Json::array({Json{{"transactionHash", "0x" + std::string(64, '7')},
                                          {"blockNumber", params[0]},
                                          {"status", "0x1"},
                                          {"gasUsed", "0x2710"}}});
    } else {
        return refuse(-32603, "method: " + method + "\n: web3 method not found");
    }
    return out;
}

std::string FakeNode::Impl::answer_batch(const std::string& body, Web3 mode) {
    const Json requests = Json::parse(body);
    largest_batch = std::max(largest_batch, requests.size());
    const auto one_error = [](const std::string& message) {
        return Json{{"jsonrpc", "2.0"}, {"id", nullptr}, {"error", {{"code", -32603}, {"message", message}}}}
            .dump();
    };
    if (requests.size() > batch_limit) {
        return one_error("batch size " + std::to_string(requests.size()) + " exceeds the limit " +
                         std::to_string(batch_limit) + ": batch too large");
    }
    Json answers = Json::array();
    for (const Json& request : requests)
        answers.push_back(answer_web3(request));
    switch (mode) {
        case Web3::one_error:
            return one_error("busy");
        case Web3::reversed:
            std::reverse(answers.begin(), answers.end());
            break;
        case Web3::missing_last:
            answers.erase(answers.size() - 1);
            break;
        case Web3::doubled: {
            const Json once = answers;
            answers.insert(answers.end(), once.begin(), once.end());
            break;
        }
        case Web3::wrong_ids:
            for (Json& answer : answers)
                answer["id"] = answer["id"].get<std::uint64_t>() + 100'000;
            break;
        case Web3::wrong_types: {
            const std::vector<Json> odd{7,    nullptr, Json::array(), -1.5, Json::object(),
                                        true, "0x",    "0xzz",        ""};
            for (std::size_t i = 0; i < answers.size(); ++i)
                answers[i]["result"] = odd[i % odd.size()];
            break;
        }
        default:
            break;
    }
    return answers.dump();
}

bool FakeNode::Impl::post(HttpConnection& connection, const std::string& body) {
    std::string answer;
    Web3 mode{};
    {
        const std::lock_guard lock(mutex);
        ++web3_posts;
        mode = web3_mode;
        answer = answer_batch(body, mode);
    }
    switch (mode) {
        case Web3::stall:
            return !connection.wait_over();
        case Web3::close:
            return false;
        case Web3::garbage:
            return connection.answer("\x01\x02[[[{{{");
        case Web3::huge:
            return connection.answer(std::string(std::size_t{40} << 20U, ' '));
        case Web3::http_429:
            return connection.answer("slow down", 429);
        case Web3::http_500:
            return connection.answer("oops", 500);
        case Web3::half:
            connection.send("HTTP/1.1 200 x\r\nContent-Length: " + std::to_string(answer.size()) + "\r\n\r\n" +
                            answer.substr(0, answer.size() / 2));
            return false;
        case Web3::drip:
            connection.send("HTTP/1.1 200 x\r\nContent-Length: 1000000\r\n\r\n");
            while (connection.send(" ") && !connection.wait_over(20)) {
            }
            return false;
        default:
            return connection.answer(answer);
    }
}

FakeNode::FakeNode() : impl_(std::make_unique<Impl>()) {}
FakeNode::~FakeNode() = default;

std::string FakeNode::grpc() const {
    return "127.0.0.1:" + std::to_string(impl_->port);
}
std::string FakeNode::web3() const {
    return impl_->http.url();
}

void FakeNode::set_pool(std::vector<Bytes> actions) {
    const std::lock_guard lock(impl_->mutex);
    impl_->pool = std::move(actions);
}

void FakeNode::push_block(std::uint64_t height, Bytes block_info) {
    const std::lock_guard lock(impl_->mutex);
    const Bytes message = make_stream_block(block_info, height);
    impl_->blocks[height] = std::move(block_info);
    for (CallReactor* stream : impl_->streams)
        stream->send(message);
}

void FakeNode::push_block_silently(std::uint64_t height, Bytes block_info) {
    const std::lock_guard lock(impl_->mutex);
    impl_->blocks[height] = std::move(block_info);
}

void FakeNode::stream(Bytes message) {
    const std::lock_guard lock(impl_->mutex);
    for (CallReactor* stream : impl_->streams)
        stream->send(message);
}

void FakeNode::prune_below(std::uint64_t height) {
    const std::lock_guard lock(impl_->mutex);
    impl_->pruned_below = height;
}

void FakeNode::set_chain_meta_height(std::optional<std::uint64_t> height) {
    const std::lock_guard lock(impl_->mutex);
    impl_->chain_meta_height = height;
}

void FakeNode::set_account(const Address& address, const U256& balance, std::uint64_t nonce, Bytes code) {
    const std::lock_guard lock(impl_->mutex);
    impl_->accounts[to_hex0x(address.view())] = {balance, nonce, std::move(code)};
}

void FakeNode::fail_address(const Address& address, bool fails) {
    const std::lock_guard lock(impl_->mutex);
    if (fails) {
        impl_->failing.insert(to_hex0x(address.view()));
    } else {
        impl_->failing.erase(to_hex0x(address.view()));
    }
}

void FakeNode::move_tip_after_calls(std::optional<std::uint64_t> calls) {
    const std::lock_guard lock(impl_->mutex);
    impl_->calls_until_move = calls;
}

void FakeNode::set_batch_limit(std::size_t calls) {
    const std::lock_guard lock(impl_->mutex);
    impl_->batch_limit = calls;
}

void FakeNode::set_chain_id(std::uint64_t id) {
    const std::lock_guard lock(impl_->mutex);
    impl_->chain_id = id;
}

void FakeNode::set_grpc(Grpc mode) {
    const std::lock_guard lock(impl_->mutex);
    impl_->grpc_mode = mode;
    impl_->grpc_modes.clear();
}

void FakeNode::set_grpc(const std::string& method, Grpc mode) {
    const std::lock_guard lock(impl_->mutex);
    impl_->grpc_modes[method] = mode;
}

void FakeNode::set_web3(Web3 mode) {
    const std::lock_guard lock(impl_->mutex);
    impl_->web3_mode = mode;
}

void FakeNode::end_streams() {
    const std::lock_guard lock(impl_->mutex);
    const auto open = impl_->streams;
    for (CallReactor* stream : open)
        stream->end({grpc::StatusCode::UNAVAILABLE, "the node goes away"});
}

void FakeNode::stop_grpc() {
    impl_->stop();
}
void FakeNode::start_grpc() {
    impl_->start();
}

void FakeNode::wait_for_streams(std::size_t count) {
    std::unique_lock lock(impl_->mutex);
    impl_->changed.wait(lock, [&] { return impl_->streams.size() >= count; });
}

std::size_t FakeNode::streams_opened() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->streams_opened;
}

std::size_t FakeNode::calls(const std::string& method) const {
    const std::lock_guard lock(impl_->mutex);
    const auto found = impl_->calls.find(method);
    return found == impl_->calls.end() ? 0 : found->second;
}

std::size_t FakeNode::web3_posts() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->web3_posts;
}

std::size_t FakeNode::largest_batch() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->largest_batch;
}

std::uint64_t FakeNode::tip() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->tip();
}

}  // namespace ioswarm::test
