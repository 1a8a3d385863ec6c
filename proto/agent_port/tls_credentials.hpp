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

/// TLS credentials whose certificate follows its files. The files are looked at every second; when either has
/// changed both are read and checked, and only a pair that parses and fits is given to gRPC, from the next
/// handshake on. A pair that is not usable is logged, once for each change, and the old one stays. (gRPC's own
/// file watcher would take it and refuse everybody.) Connections that are up keep the certificate they began
/// with.
class TlsCredentials {
  public:
    /// Errors as load_tls_pair: without a usable pair there is nothing to start with.
    [[nodiscard]] static Result<std::shared_ptr<TlsCredentials>> open(std::string certificate_file,
                                                                      std::string key_file, Log log);
    ~TlsCredentials();
    TlsCredentials(const TlsCredentials&) = delete;
    TlsCredentials& operator=(const TlsCredentials&) = delete;

    /// For ServerBuilder. `self` must outlive every server that uses them, which the credentials see to.
    [[nodiscard]] static std::shared_ptr<grpc::ServerCredentials> for_server(
        const std::shared_ptr<TlsCredentials>& self);

    /// Looks at the files now instead of within a second. True when a new pair is in use.
    bool reload();
    [[nodiscard]] std::uint64_t reloads() const noexcept { return reloads_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t refused_reloads() const noexcept {
        return refused_.load(std::memory_order_relaxed);
    }

    /// The pair in use when its number (counted from 1) is another than `known`, which is then set to it.
    [[nodiscard]] std::optional<TlsPair> newer_than(std::uint64_t& known) const;

  private:
    TlsCredentials(std::string certificate_file, std::string key_file, TlsPair pair, std::string stamp,
                   Log log);
    void watch(const std::stop_token& stop);
    /// `warnings` are for the log, where no lock is held any more.
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
    std::string stamp_;  ///< what the files looked like when they were read last

    std::mutex reload_mutex_;  ///< one reload at a time; taken before mutex_
    std::jthread thread_;      ///< last: it uses all of the above
};

}  // namespace ioswarm::proto
