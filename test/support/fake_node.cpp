// SPDX-License-Identifier: Apache-2.0
#include "test/support/fake_node.hpp"

#include <chrono>
#include <deque>

#include "core/base/wire.hpp"
#include "test/support/fake_node_impl.hpp"

namespace ioswarm::test {
namespace {

using wire::Writer;

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

/// One call. It reads the request, then answers, stalls or continues as a stream.
class FakeNodeCall final : public grpc::ServerGenericBidiReactor {
  public:
    FakeNodeCall(FakeNode::Impl& impl, std::string method) : impl_(impl), method_(std::move(method)) {
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

    /// Called with the node's lock held.
    void send(const Bytes& message) {
        waiting_.push_back(message);
        write_next();
    }
    /// Called with the node's lock held.
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

grpc::ServerGenericBidiReactor* FakeNode::Impl::Service::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
    const std::string& path = context->method();
    return new FakeNodeCall(impl_, path.substr(path.rfind('/') + 1));
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
        Writer(meta).put_uint(6, node_chain_id);
        Writer(out.second).always_bytes(1, meta);
    } else if (method == "GetServerMeta" && !version.empty()) {
        Bytes meta;
        Writer(meta).put_text(1, version);
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
    for (FakeNodeCall* stream : impl_->streams)
        stream->send(message);
}

void FakeNode::push_block_silently(std::uint64_t height, Bytes block_info) {
    const std::lock_guard lock(impl_->mutex);
    impl_->blocks[height] = std::move(block_info);
}

void FakeNode::stream(Bytes message) {
    const std::lock_guard lock(impl_->mutex);
    for (FakeNodeCall* stream : impl_->streams)
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

void FakeNode::refuse_batches(int status) {
    const std::lock_guard lock(impl_->mutex);
    impl_->batch_status = status;
}
void FakeNode::fail_next_posts(std::size_t count) {
    const std::lock_guard lock(impl_->mutex);
    impl_->posts_to_fail = count;
}
void FakeNode::set_version(std::string version) {
    const std::lock_guard lock(impl_->mutex);
    impl_->version = std::move(version);
}
void FakeNode::set_batch_limit(std::size_t calls) {
    const std::lock_guard lock(impl_->mutex);
    impl_->batch_limit = calls;
}

void FakeNode::set_chain_id(std::uint64_t id) {
    const std::lock_guard lock(impl_->mutex);
    impl_->chain_id = id;
}

void FakeNode::set_node_chain_id(std::uint64_t id) {
    const std::lock_guard lock(impl_->mutex);
    impl_->node_chain_id = id;
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
    for (FakeNodeCall* stream : open)
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

std::size_t FakeNode::refused_batches() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->refused_batches;
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
