// SPDX-License-Identifier: Apache-2.0
#include "test/support/link_transport.hpp"

#include <atomic>
#include <optional>
#include <utility>

#include "core/base/guarded.hpp"
#include "core/diffs/diff_record.hpp"

namespace ioswarm::test {

class LinkTransport::LinkStream final : public Stream,
                                        public StreamSink,
                                        public std::enable_shared_from_this<LinkStream> {
  public:
    LinkStream(LinkTransport& transport, Handlers handlers)
        : transport_(transport), handlers_(std::move(handlers)) {}

    /// Functions run on the transport's thread unless a comment says otherwise.
    void start(const std::string& agent_id, std::uint64_t from_height) {
        auto opened = transport_.link_.open_diff_stream(agent_id, {agent_id, from_height}, shared_from_this());
        if (!opened) return over(fail(std::move(opened).error()));
        stream_ = *std::move(opened);
        look();
    }

    // These may be called from any thread.
    void on_ready() override { later(); }
    void on_end(Error reason) override {
        *ended_.lock() = std::move(reason);
        later();
    }
    void resume() override {
        is_busy_ = false;
        later();
    }
    void cancel() override {
        is_cancelled_ = true;
        later();
    }

  private:
    void later() {
        transport_.post([self = shared_from_this()] { self->look(); });
    }
    void over(const Status& status) {
        stream_.reset();
        is_over_ = true;
        // The handlers own this object, so they are released here.
        const Handlers handlers = std::exchange(handlers_, {});
        handlers.on_end(status);
    }
    void look() {
        if (is_over_ || is_busy_ || !stream_) return;
        if (is_cancelled_) {
            stream_->closed();
            return over(fail(ErrorCode::cancelled, "the call failed"));
        }
        if (const std::optional<Error> ended = *ended_.lock()) return over(fail(*ended));
        const SharedDiffPtr diff = stream_->take();
        if (!diff) return;
        is_busy_ = true;
        auto read = read_diff_record(diff->record());
        stream_->written(diff->height());
        handlers_.on_diff(shared_from_this(), read ? *std::move(read) : StateDiff{});
    }

    LinkTransport& transport_;
    Handlers handlers_;
    std::unique_ptr<DiffStream> stream_;
    bool is_over_ = false;
    std::atomic<bool> is_busy_{false};
    std::atomic<bool> is_cancelled_{false};
    Guarded<std::optional<Error>> ended_;
};

LinkTransport::LinkTransport(DiffLink& link)
    : link_(link), thread_([this](const std::stop_token& stop) { work(stop); }) {}

LinkTransport::~LinkTransport() {
    thread_.request_stop();
    thread_.join();
}

std::shared_ptr<sim::L4Transport::Stream> LinkTransport::open(const std::string& agent_id,
                                                              std::uint64_t from_height, Handlers handlers) {
    auto stream = std::make_shared<LinkStream>(*this, std::move(handlers));
    post([stream, agent_id, from_height] { stream->start(agent_id, from_height); });
    return stream;
}

void LinkTransport::post(std::function<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        queue_.push_back(std::move(work));
    }
    posted_.notify_one();
}

void LinkTransport::work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (posted_.wait(lock, stop, [this] { return !queue_.empty(); }), !stop.stop_requested()) {
        const std::function<void()> next = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        next();
        lock.lock();
    }
}

}  // namespace ioswarm::test
