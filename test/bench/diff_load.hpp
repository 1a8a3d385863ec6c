// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proto/codec/codec.hpp"

namespace ioswarm::bench {

/// Any number of agents that read diff streams at minimal cost, so that the server is measured and not the
/// client. It implements HTTP/2 by hand, never closes its windows, and looks only at the height of each
/// message. Everything happens in run(), on the caller's thread. Two streams share a connection, so that ten
/// thousand streams stay below the limit of open files.
class DiffLoad {
  public:
    struct Stream {
        std::uint64_t next = 0;  ///< next expected height; 0 = any
        std::uint64_t diffs = 0;
        std::uint64_t gaps = 0;  ///< heights that did not follow the previous one
        bool is_over = false;    ///< the server ended the stream
        std::vector<std::uint8_t> head;
        std::uint64_t to_skip = 0;  ///< remaining bytes of the current message after `head`
        std::uint32_t taken = 0;    ///< bytes of the window that were used and not returned yet
    };

    DiffLoad(std::uint16_t port, std::string name);
    ~DiffLoad();
    DiffLoad(const DiffLoad&) = delete;
    DiffLoad& operator=(const DiffLoad&) = delete;

    /// Opens one more connection with `streams` streams from this height on (0 = only live diffs). `window` is
    /// how many bytes the server may send per stream without waiting.
    void open(std::size_t streams, std::uint64_t from, proto::Codec codec, std::uint32_t window = 0x7fffffff);
    /// Adds `agents` agents. Each has its own connection, registers on it, and then holds both of its streams
    /// there, as deployed agents do.
    void open_agents(std::size_t agents, proto::Codec codec);
    /// The first `connections` no longer extend their windows, until resume(). PINGs are still answered, as by
    /// a gRPC client whose user does not read.
    void stall(std::size_t connections);
    void resume();

    /// Receives data until `is_done` returns true; it is called now and then. Aborts after a minute.
    void run(const std::function<bool()>& is_done);
    /// Runs until all streams that are not stalled have received the diff of `height`.
    void run_to(std::uint64_t height);

    /// From now on the time from `begin` to each diff's arrival is stored, in µs.
    void measure_from(std::chrono::steady_clock::time_point begin) { begin_ = begin; }
    std::vector<double> take_latencies() { return std::exchange(latencies_, {}); }

    [[nodiscard]] std::uint64_t diffs() const { return diffs_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] std::uint64_t gaps() const;
    [[nodiscard]] std::uint64_t ended() const;

  private:
    struct Connection;
    Connection& connect(std::uint32_t window);
    static void call(Connection& connection, const char* method, const std::string& agent,
                     const Bytes& request);
    static void give_window(Connection& connection, Stream& stream, std::uint32_t id);
    void take(Connection& connection);
    void parse(Connection& connection, const std::uint8_t* data, std::size_t size);
    void on_data(Stream& stream, const std::uint8_t* data, std::size_t size);
    void on_message(Stream& stream);

    const std::uint16_t port_;
    const std::string name_;
    int epoll_ = -1;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::size_t agents_ = 0;
    std::uint64_t diffs_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t target_ = 0;  // target of run_to()
    std::size_t reached_ = 0;
    std::chrono::steady_clock::time_point begin_{};
    std::vector<double> latencies_;
    std::vector<std::uint8_t> buffer_;
};

}  // namespace ioswarm::bench
