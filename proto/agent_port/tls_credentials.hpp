// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/security/server_credentials.h>

#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/crypto/tls_pair.hpp"

namespace ioswarm::proto {

/// TLS credentials that follow changes of their certificate files. The files are checked every second. If one
/// has changed, both are read and checked. Only a valid, matching pair is used, from the next handshake on. An
/// unusable pair is logged once per change, and the old pair stays in use. (gRPC's own file watcher would use
/// the bad pair and refuse all clients.) Open connections keep the certificate that they started with.
class TlsCredentials {
  public:
    /// Errors: those of load_tls_pair. The server cannot start without a usable pair.
    [[nodiscard]] static Result<std::shared_ptr<TlsCredentials>> open(std::string certificate_file,
                                                                      std::string key_file, Log log);
    ~TlsCredentials();
    TlsCredentials(const TlsCredentials&) = delete;
    TlsCredentials& operator=(const TlsCredentials&) = delete;

    /// For ServerBuilder. `self` must outlive every server that uses the credentials; they keep it alive
    /// themselves.
    [[nodiscard]] static std::shared_ptr<grpc::ServerCredentials> for_server(
        const std::shared_ptr<TlsCredentials>& self);

    /// Checks the files now instead of within a second. Returns true if a new pair is in use.
    bool reload();
    [[nodiscard]] std::uint64_t reloads() const noexcept { return reloads_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t refused_reloads() const noexcept {
        return refused_.load(std::memory_order_relaxed);
    }

    /// Returns the pair in use if its number (counted from 1) differs from `known`, and sets `known` to it.
    [[nodiscard]] std::optional<TlsPair> newer_than(std::uint64_t& known) const;

  private:
    TlsCredentials(std::string certificate_file, std::string key_file, TlsPair pair, std::string stamp,
                   Log log);
    void watch(const std::stop_token& stop);
    /// `warnings` must be logged by the caller, after all locks are released.
    bool reload(std::vector<std::string>& warnings);

    const std::string certificate_file_;
    const std::string key_file_;
    const Log log_;
    std::atomic<std::uint64_t> reloads_{0};
    std::atomic<std::uint64_t> refused_{0};

    mutable std::mutex mutex_;
    std::condition_variable_any wake_;
    TlsPair pair_;  ///< guarded by mutex_, as are the next two
    std::uint64_t number_ = 1;
    std::string stamp_;  ///< state of the files when they were last read

    std::mutex reload_mutex_;  ///< allows one reload at a time; locked before mutex_
    std::jthread thread_;      ///< last, because it uses all members above
};

}  // namespace ioswarm::proto
