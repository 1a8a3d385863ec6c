// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/tls_client.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace ioswarm {
namespace {

struct TlsDeleter {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(X509* certificate) const { X509_free(certificate); }
};
template <typename T>
using TlsOwned = std::unique_ptr<T, TlsDeleter>;

constexpr const char* kTlsFailed = "TLS failed";

Error tls_error(const std::string& name, std::string why, std::string hint = {}) {
    ERR_clear_error();
    if (hint.empty()) hint = "does the other end speak TLS?";
    return {ErrorCode::unavailable, kTlsFailed, name, "TLS: " + std::move(why), std::move(hint)};
}

std::string last_reason() {
    const unsigned long code = ERR_peek_last_error();
    const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason == nullptr ? "the peer broke off" : reason;
}

bool is_address(const std::string& name) {
    std::array<std::uint8_t, 16> bytes{};
    return inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
           inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

Status add_roots(SSL_CTX* context, const std::string& pem) {
    if (pem.empty()) {
        SSL_CTX_set_default_verify_paths(context);
        return {};
    }
    const TlsOwned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    int count = 0;
    while (const TlsOwned<X509> root{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root.get());
        ++count;
    }
    ERR_clear_error();
    if (count > 0) return {};
    return fail(ErrorCode::bad_data, kTlsFailed, "root certificates",
                "there is no PEM certificate that parses");
}

bool expect_name(SSL* ssl, const std::string& name) {
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (is_address(name)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1;
    // SSL_ctrl() is what the macro SSL_set_tlsext_host_name calls. The macro has a C-style cast, which our
    // warnings refuse.
    return SSL_set1_host(ssl, name.c_str()) == 1 &&
           SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    const_cast<char*>(name.c_str())) == 1;
}

}  // namespace

struct TlsClient::State {
    std::string name;
    std::string protocol;
    TlsOwned<SSL_CTX> context;
    TlsOwned<SSL> ssl;
    BIO* in = nullptr;  ///< owned by `ssl`, as is `out`
    BIO* out = nullptr;
    Bytes outgoing;
    std::size_t sent = 0;

    /// Moves the bytes that OpenSSL has produced for the peer to `outgoing`.
    void collect() {
        const auto gone = static_cast<std::ptrdiff_t>(std::exchange(sent, 0));
        outgoing.erase(outgoing.begin(), outgoing.begin() + gone);
        const std::size_t pending = BIO_ctrl_pending(out);
        if (pending == 0) return;
        const std::size_t before = outgoing.size();
        outgoing.resize(before + pending);
        const int got = BIO_read(out, outgoing.data() + before, static_cast<int>(pending));
        outgoing.resize(before + static_cast<std::size_t>(got > 0 ? got : 0));
    }
};

TlsClient::TlsClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsClient::~TlsClient() = default;

Result<std::unique_ptr<TlsClient>> TlsClient::create(const TlsClientSettings& settings) {
    auto state = std::make_unique<State>();
    state->name = settings.name;
    state->protocol = settings.application_protocol;
    state->context.reset(SSL_CTX_new(TLS_client_method()));
    if (!state->context) return fail(ErrorCode::internal, kTlsFailed, settings.name, last_reason());
    SSL_CTX* const context = state->context.get();
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (Status added = add_roots(context, settings.root_certificates_pem); !added)
        return fail(std::move(added).error());
    state->ssl.reset(SSL_new(context));
    TlsOwned<BIO> in(BIO_new(BIO_s_mem()));
    TlsOwned<BIO> out(BIO_new(BIO_s_mem()));
    if (!state->ssl || !in || !out || !expect_name(state->ssl.get(), settings.name)) {
        return fail(ErrorCode::internal, kTlsFailed, settings.name, last_reason());
    }
    if (!settings.application_protocol.empty()) {
        constexpr std::size_t kLongest = std::numeric_limits<std::uint8_t>::max();
        Bytes offer{static_cast<std::uint8_t>(std::min(settings.application_protocol.size(), kLongest))};
        const BytesView text = as_bytes(settings.application_protocol);
        offer.insert(offer.end(), text.begin(), text.begin() + offer[0]);
        SSL_set_alpn_protos(state->ssl.get(), offer.data(), static_cast<unsigned>(offer.size()));
    }
    state->in = in.release();
    state->out = out.release();
    SSL_set_bio(state->ssl.get(), state->in, state->out);
    SSL_set_connect_state(state->ssl.get());
    return std::unique_ptr<TlsClient>(new TlsClient(std::move(state)));
}

Result<bool> TlsClient::handshake() {
    SSL* const ssl = state_->ssl.get();
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl);
    const int error = SSL_get_error(ssl, done);
    state_->collect();
    if (done != 1) {
        if (error == SSL_ERROR_WANT_READ) return false;
        if (const long verified = SSL_get_verify_result(ssl); verified != X509_V_OK) {
            return fail(
                tls_error(state_->name,
                          std::string("the certificate is refused: ") + X509_verify_cert_error_string(verified),
                          "SSL_CERT_FILE names a file of other root certificates"));
        }
        return fail(tls_error(state_->name, last_reason()));
    }
    if (state_->protocol.empty()) return true;
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &chosen, &size);
    if (as_text({chosen, size}) == state_->protocol) return true;
    return fail(tls_error(state_->name, "the server does not offer " + state_->protocol));
}

Status TlsClient::received(BytesView bytes) {
    // Limit per call, far above any socket buffer; keeps the size within an int.
    constexpr std::size_t kMost = std::size_t{1} << 24;
    if (bytes.size() > kMost ||
        BIO_write(state_->in, bytes.data(), static_cast<int>(bytes.size())) != static_cast<int>(bytes.size())) {
        return fail(tls_error(state_->name, "too much at once"));
    }
    return {};
}

Status TlsClient::write(BytesView plain) {
    if (plain.empty()) return {};
    ERR_clear_error();
    std::size_t written = 0;
    const int done = SSL_write_ex(state_->ssl.get(), plain.data(), plain.size(), &written);
    state_->collect();
    if (done == 1 && written == plain.size()) return {};
    return fail(tls_error(state_->name, last_reason()));
}

Result<std::optional<std::size_t>> TlsClient::read(std::span<std::uint8_t> plain) {
    SSL* const ssl = state_->ssl.get();
    ERR_clear_error();
    std::size_t got = 0;
    const int done = SSL_read_ex(ssl, plain.data(), plain.size(), &got);
    const int error = SSL_get_error(ssl, done);
    state_->collect();
    if (done == 1) return std::optional(got);
    if (error == SSL_ERROR_WANT_READ) return std::optional<std::size_t>();
    if (error == SSL_ERROR_ZERO_RETURN) return std::optional<std::size_t>(0);
    return fail(tls_error(state_->name, last_reason()));
}

BytesView TlsClient::outgoing() const noexcept {
    return BytesView(state_->outgoing).subspan(state_->sent);
}

void TlsClient::sent(std::size_t count) noexcept {
    state_->sent += count;
}

}  // namespace ioswarm
