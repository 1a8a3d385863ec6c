// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/tls_credentials.hpp"

#include <chrono>
#include <utility>

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <sys/stat.h>

#include "core/base/try.hpp"
#include "core/crypto/hmac.hpp"

namespace ioswarm::proto {
namespace {

constexpr std::chrono::seconds kLookEvery{1};

/// Inode, size and times of both files. It changes whenever a file is written, replaced or linked to another
/// one.
std::string stamp_of(const std::string& certificate_file, const std::string& key_file) {
    std::string out;
    for (const auto* path : {&certificate_file, &key_file}) {
        struct stat info {};
        if (::stat(path->c_str(), &info) != 0) {
            out += "absent;";
            continue;
        }
        out += fmt::format("{}:{}:{}.{}:{}.{};", info.st_ino, info.st_size, info.st_mtim.tv_sec,
                           info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
    }
    return out;
}

/// Credentials that gRPC asks for the certificate at every handshake. gRPC's C core supports this with a
/// fetcher, but its C++ layer has no class for it.
class FetchingCredentials final : public grpc::ServerCredentials {
  public:
    explicit FetchingCredentials(std::shared_ptr<TlsCredentials> source)
        : source_(std::move(source)),
          credentials_(grpc_ssl_server_credentials_create_with_options(
              grpc_ssl_server_credentials_create_options_using_config_fetcher(
                  GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE, &FetchingCredentials::fetch, this))) {}
    ~FetchingCredentials() override { grpc_server_credentials_release(credentials_); }
    FetchingCredentials(const FetchingCredentials&) = delete;
    FetchingCredentials& operator=(const FetchingCredentials&) = delete;

    void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

  private:
    int AddPortToServer(const std::string& address, grpc_server* server) override {
        return grpc_server_add_http2_port(server, address.c_str(), credentials_);
    }

    /// Called with one of gRPC's locks held, for one handshake at a time.
    static grpc_ssl_certificate_config_reload_status fetch(void* self_pointer,
                                                           grpc_ssl_server_certificate_config** config) {
        auto& self = *static_cast<FetchingCredentials*>(self_pointer);
        auto pair = self.source_->newer_than(self.number_in_use_);
        if (!pair) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
        const grpc_ssl_pem_key_cert_pair entry{pair->private_key_pem.c_str(),
                                               pair->certificate_chain_pem.c_str()};
        // The first argument is for checking client certificates, which are not requested here. gRPC 1.51
        // aborts if it is empty.
        *config = grpc_ssl_server_certificate_config_create(entry.cert_chain, &entry, 1);
        wipe(pair->private_key_pem);
        return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
    }

    std::shared_ptr<TlsCredentials> source_;
    std::uint64_t number_in_use_ = 0;
    grpc_server_credentials* credentials_;
};

}  // namespace

TlsCredentials::TlsCredentials(std::string certificate_file, std::string key_file, TlsPair pair,
                               std::string stamp, Log log)
    : certificate_file_(std::move(certificate_file)),
      key_file_(std::move(key_file)),
      log_(std::move(log)),
      pair_(std::move(pair)),
      stamp_(std::move(stamp)),
      thread_([this](const std::stop_token& stop) { watch(stop); }) {}

TlsCredentials::~TlsCredentials() {
    thread_.request_stop();
    thread_.join();
    wipe(pair_.private_key_pem);
}

Result<std::shared_ptr<TlsCredentials>> TlsCredentials::open(std::string certificate_file, std::string key_file,
                                                             Log log) {
    auto stamp = stamp_of(certificate_file, key_file);
    IOSWARM_TRY(auto checked, load_tls_pair(certificate_file, key_file));
    if (!checked.warning.empty()) log.warn("TLS: {}", checked.warning);
    return std::shared_ptr<TlsCredentials>(new TlsCredentials(std::move(certificate_file), std::move(key_file),
                                                              std::move(checked.pair), std::move(stamp),
                                                              std::move(log)));
}

std::shared_ptr<grpc::ServerCredentials> TlsCredentials::for_server(
    const std::shared_ptr<TlsCredentials>& self) {
    return std::make_shared<FetchingCredentials>(self);
}

std::optional<TlsPair> TlsCredentials::newer_than(std::uint64_t& known) const {
    const std::lock_guard lock(mutex_);
    if (known == number_) return std::nullopt;
    known = number_;
    return pair_;
}

bool TlsCredentials::reload() {
    std::vector<std::string> warnings;
    const bool is_new = reload(warnings);
    for (const std::string& warning : warnings)
        log_.warn("TLS: {}", warning);
    if (is_new)
        log_.info("TLS: certificate and key were read again from {} and {}", certificate_file_, key_file_);
    return is_new;
}

bool TlsCredentials::reload(std::vector<std::string>& warnings) {
    const std::lock_guard one_at_a_time(reload_mutex_);
    // The stamp is taken before the files are read. So a change that happens in between is noticed at the next
    // check.
    const auto stamp = stamp_of(certificate_file_, key_file_);
    {
        const std::lock_guard lock(mutex_);
        if (stamp == stamp_) return false;
        stamp_ = stamp;
    }
    auto checked = load_tls_pair(certificate_file_, key_file_);
    if (!checked) {
        refused_.fetch_add(1, std::memory_order_relaxed);
        warnings.push_back("the changed files are not used, the pair in use stays: " + checked.error().text());
        return false;
    }
    if (!checked->warning.empty()) warnings.push_back(checked->warning);
    {
        const std::lock_guard lock(mutex_);
        if (checked->pair == pair_) return false;
        wipe(pair_.private_key_pem);
        pair_ = std::move(checked->pair);
        ++number_;
    }
    reloads_.fetch_add(1, std::memory_order_relaxed);
    return true;
}

void TlsCredentials::watch(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        {
            std::unique_lock lock(mutex_);
            (void)wake_.wait_for(lock, stop, kLookEvery, [] { return false; });
        }
        if (!stop.stop_requested()) (void)reload();
    }
}

}  // namespace ioswarm::proto
