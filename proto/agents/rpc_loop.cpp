// SPDX-License-Identifier: Apache-2.0
#include "proto/agents/rpc_loop.hpp"

#include <ctime>

#include <pthread.h>

#include <grpcpp/alarm.h>
#include <grpcpp/generic/generic_stub.h>

#include "proto/grpc/status_codes.hpp"

namespace ioswarm::proto {
namespace {

grpc::ByteBuffer to_buffer(const Bytes& bytes) {
    const grpc::Slice slice(bytes.data(), bytes.size());
    return {&slice, 1};
}

Result<Bytes> from_buffer(const grpc::ByteBuffer& buffer, const std::string& method) {
    std::vector<grpc::Slice> slices;
    if (!buffer.Dump(&slices).ok()) return fail(ErrorCode::bad_data, "cannot read the answer", method);
    Bytes bytes;
    bytes.reserve(buffer.Length());
    for (const auto& slice : slices)
        bytes.insert(bytes.end(), slice.begin(), slice.end());
    return bytes;
}

Error to_error(const grpc::Status& status, const std::string& method) {
    return Error{
        error_code_of_status(status.error_code()), "the call failed", method, status.error_message(), {}};
}

void prepare(grpc::ClientContext& context, const ClientCall& call) {
    for (const auto& [name, value] : call.headers)
        context.AddMetadata(name, value);
    if (call.deadline.count() > 0) context.set_deadline(std::chrono::system_clock::now() + call.deadline);
}

}  // namespace

/// A call or a timer. It has exactly one operation in the queue. A stream between two messages has none.
class RpcLoop::Event : public std::enable_shared_from_this<RpcLoop::Event> {
  public:
    explicit Event(RpcLoop& loop) : loop_(loop) {}
    virtual ~Event() = default;
    virtual void start() = 0;
    /// Called with the loop's mutex held. The operation completes soon after.
    virtual void cancel_operation() = 0;
    /// Called when the operation has completed.
    virtual void done(bool ok) = 0;
    /// True for timers: a timer that was cancelled before it was set would still wait for its full time.
    [[nodiscard]] virtual bool starts_under_lock() const { return false; }

  protected:
    void finish() { loop_.finished(this); }
    /// The tag for the next operation, which work() turns back into an Event*. Call it again for each
    /// operation.
    [[nodiscard]] void* tag() noexcept {
        loop_.hand_over();
        return this;
    }
    RpcLoop& loop_;
};

class RpcLoop::Timer final : public RpcLoop::Event {
  public:
    Timer(RpcLoop& loop, std::chrono::milliseconds delay, std::function<void()> then)
        : Event(loop), delay_(delay), then_(std::move(then)) {}

    void start() override { alarm_.Set(&loop_.queue_, std::chrono::system_clock::now() + delay_, tag()); }
    void cancel_operation() override { alarm_.Cancel(); }
    void done(bool ok) override {
        if (ok) then_();
        finish();
    }
    [[nodiscard]] bool starts_under_lock() const override { return true; }

  private:
    std::chrono::milliseconds delay_;
    std::function<void()> then_;
    grpc::Alarm alarm_;
};

class RpcLoop::Unary final : public RpcLoop::Event {
  public:
    Unary(RpcLoop& loop, const ClientCall& call, const Bytes& request, Answered then)
        : Event(loop),
          method_(call.method),
          stub_(call.channel),
          request_(to_buffer(request)),
          then_(std::move(then)) {
        prepare(context_, call);
    }

    void start() override {
        reader_ = stub_.PrepareUnaryCall(&context_, method_, request_, &loop_.queue_);
        reader_->StartCall();
        reader_->Finish(&answer_, &status_, tag());
    }
    void cancel_operation() override { context_.TryCancel(); }
    void done(bool) override {
        then_(status_.ok() ? from_buffer(answer_, method_) : fail(to_error(status_, method_)));
        finish();
    }

  private:
    std::string method_;
    grpc::GenericStub stub_;
    grpc::ByteBuffer request_;
    Answered then_;
    grpc::ClientContext context_;
    std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader_;
    grpc::ByteBuffer answer_;
    grpc::Status status_;
};

class RpcLoop::ServerStream final : public RpcLoop::Event, public RpcLoop::Stream {
  public:
    ServerStream(RpcLoop& loop, const ClientCall& call, const Bytes& request, StreamHandlers handlers)
        : Event(loop),
          method_(call.method),
          stub_(call.channel),
          request_(to_buffer(request)),
          handlers_(std::move(handlers)) {
        prepare(context_, call);
    }

    void start() override {
        call_ = stub_.PrepareCall(&context_, method_, &loop_.queue_);
        call_->StartCall(tag());
    }
    void cancel_operation() override { context_.TryCancel(); }
    void cancel() override { context_.TryCancel(); }
    void resume() override { call_->Read(&message_, tag()); }

    void done(bool ok) override {
        if (step_ == Step::finishing) {
            handlers_.on_end(status_.ok() ? Status() : Status(fail(to_error(status_, method_))));
            return finish();
        }
        if (!ok) {
            step_ = Step::finishing;
            return call_->Finish(&status_, tag());
        }
        switch (step_) {
            case Step::starting:
                step_ = Step::asking;
                return call_->Write(request_, grpc::WriteOptions().set_last_message(), tag());
            case Step::asking:
                step_ = Step::reading;
                return resume();
            case Step::reading:
                return deliver();
            case Step::finishing:
                return;
        }
    }

  private:
    enum class Step { starting, asking, reading, finishing };

    void deliver() {
        const auto self = std::static_pointer_cast<ServerStream>(shared_from_this());
        auto bytes = from_buffer(message_, method_);
        message_.Clear();
        if (bytes) return handlers_.on_message(self, std::move(*bytes));
        cancel();
        resume();
    }

    std::string method_;
    grpc::GenericStub stub_;
    grpc::ByteBuffer request_;
    StreamHandlers handlers_;
    grpc::ClientContext context_;
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
    Step step_ = Step::starting;  ///< used by one completion at a time
    grpc::ByteBuffer message_;
    grpc::Status status_;
};

RpcLoop::RpcLoop(unsigned threads) {
    for (unsigned i = 0; i < threads; ++i)
        threads_.emplace_back([this] { work(); });
}

RpcLoop::~RpcLoop() {
    stop_and_wait();
}

void RpcLoop::stop_and_wait() {
    if (threads_.empty()) return;
    request_stop();
    {
        std::unique_lock lock(mutex_);
        idle_.wait(lock, [this] { return events_.empty(); });
    }
    cpu_before_end_ = cpu_time();
    queue_.Shutdown();
    threads_.clear();
}

void RpcLoop::request_stop() {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    for (const auto& [raw, event] : events_)
        event->cancel_operation();
}

bool RpcLoop::start(const std::shared_ptr<Event>& event) {
    {
        const std::lock_guard lock(mutex_);
        if (is_stopping_) return false;
        events_.emplace(event.get(), event);
        if (event->starts_under_lock()) {
            event->start();
            return true;
        }
    }
    event->start();
    return true;
}

void RpcLoop::finished(Event* event) {
    std::shared_ptr<Event> last;  // destroyed after the lock is released, because its callbacks may own much
    const std::lock_guard lock(mutex_);
    const auto found = events_.find(event);
    last = std::move(found->second);
    events_.erase(found);
    if (events_.empty()) idle_.notify_all();
}

void RpcLoop::work() {
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
        hand_over();
        static_cast<Event*>(tag)->done(ok);
    }
}

bool RpcLoop::unary(const ClientCall& call, const Bytes& request, Answered then) {
    return start(std::make_shared<Unary>(*this, call, request, std::move(then)));
}

std::shared_ptr<RpcLoop::Stream> RpcLoop::stream(const ClientCall& call, const Bytes& request,
                                                 StreamHandlers handlers) {
    auto stream = std::make_shared<ServerStream>(*this, call, request, std::move(handlers));
    if (!start(stream)) return nullptr;
    return stream;
}

bool RpcLoop::after(std::chrono::milliseconds delay, std::function<void()> then) {
    return start(std::make_shared<Timer>(*this, delay, std::move(then)));
}

std::chrono::nanoseconds RpcLoop::cpu_time() const {
    std::chrono::nanoseconds out = cpu_before_end_;
    for (const std::jthread& thread : threads_) {
        clockid_t clock{};
        timespec used{};
        auto& running = const_cast<std::jthread&>(thread);  // native_handle() is not const
        if (::pthread_getcpuclockid(running.native_handle(), &clock) != 0 || ::clock_gettime(clock, &used) != 0)
            continue;
        out += std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
    }
    return out;
}

}  // namespace ioswarm::proto
