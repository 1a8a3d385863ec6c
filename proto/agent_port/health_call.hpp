// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "proto/agent_port/agent_calls.hpp"

namespace ioswarm::proto {

enum class HealthMethod { check, watch };

/// The method with this path, "/grpc.health.v1.Health/Check" or "/grpc.health.v1.Health/Watch".
[[nodiscard]] std::optional<HealthMethod> health_method_of(std::string_view path) noexcept;

/// A call of gRPC's health checking protocol (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
/// It needs no key. It answers for the whole server ("") and for "ioswarm.IOSwarm", which are both as ready as
/// AgentServerSettings::is_ready says. Watch checks for a change once per second, at the sweep. Both count
/// towards the bounds of their connection like calls without a key, and there are at most kMaxWatches watches
/// at a time.
class HealthCall final : public grpc::ServerGenericBidiReactor,
                         public LiveCall,
                         public std::enable_shared_from_this<HealthCall> {
  public:
    static constexpr std::uint64_t kMaxWatches = 64;

    HealthCall(Service& service, grpc::GenericCallbackServerContext* context,
               std::shared_ptr<Connection> connection, HealthMethod method, std::size_t header_bytes);
    /// Starts to read. Call it once, before the reactor is returned to gRPC.
    void start();

    void sweep(SteadyTime now) override;
    void refuse_body() override;
    bool is_answered() const override;
    void end_for_shutdown() override;

    void OnReadDone(bool ok) override;
    void OnWriteDone(bool ok) override;
    void OnCancel() override;
    void OnDone() override;

  private:
    /// The numbers of grpc.health.v1.HealthCheckResponse.ServingStatus.
    enum class Serving : std::uint8_t { unknown = 0, serving = 1, not_serving = 2, service_unknown = 3 };

    [[nodiscard]] Serving serving_now() const;
    void on_request(BytesView payload);
    void answer_check();
    void begin_watch();
    /// Writes the status if it is another one than was written last.
    void write_if_changed();
    void end(grpc::Status status);

    Service& service_;
    CancelHandle context_;
    const std::shared_ptr<Connection> connection_;
    const HealthMethod method_;
    const std::size_t header_bytes_;
    const SteadyTime begun_;
    std::shared_ptr<HealthCall> self_;  ///< keeps this object alive until OnDone
    grpc::ByteBuffer body_;
    std::atomic<bool> cancelled_{false};
    std::atomic<bool> reading_{true};
    bool counts_as_watch_ = false;  ///< used by OnReadDone and OnDone
    bool knows_service_ = false;    ///< set before the first status is written

    mutable std::mutex mutex_;
    bool writing_ = false;  ///< guarded by mutex_, as are the members below
    bool finished_ = false;
    bool watching_ = false;
    std::optional<grpc::Status> ending_;  ///< waits for the pending write
    std::optional<Serving> written_;
    grpc::ByteBuffer out_;
};

}  // namespace ioswarm::proto
