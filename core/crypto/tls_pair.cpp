// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/tls_pair.hpp"

#include <cerrno>
#include <ctime>
#include <memory>

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "core/base/descriptor.hpp"
#include "core/base/try.hpp"
#include "core/crypto/hmac.hpp"

namespace ioswarm {
namespace {

constexpr std::size_t kMaxPemBytes = std::size_t{1} << 20;

struct PemDeleter {
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <typename T>
using PemOwned = std::unique_ptr<T, PemDeleter>;

Result<std::string> read_pem(const std::string& path) {
    // kReadOnly does not block: if the file was replaced by a named pipe, opening it would otherwise block this
    // thread forever. No later reload would happen, and the program could not end.
    constexpr const char* kCannotRead = "cannot read the TLS file";
    IOSWARM_TRY(const auto file, open_file(path, kReadOnly, kCannotRead));
    struct stat info {};
    if (::fstat(file.get(), &info) == 0 && !S_ISREG(info.st_mode))
        return fail(ErrorCode::bad_data, "cannot use the TLS file", path, "it is not a regular file");
    std::string text(kMaxPemBytes + 1, '\0');
    const std::span<std::uint8_t> room(reinterpret_cast<std::uint8_t*>(text.data()), text.size());
    IOSWARM_TRY(const auto got, read_at(file.get(), room, 0, kCannotRead, path));
    text.resize(got);
    if (text.size() > kMaxPemBytes) {
        wipe(text);
        return fail(ErrorCode::bad_data, "cannot use the TLS file", path, "it is over 1 MiB");
    }
    return text;
}

PemOwned<BIO> bio_over(const std::string& text) {
    return PemOwned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Returns 1970-01-01 for a time that cannot be parsed.
std::chrono::system_clock::time_point time_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

/// Without this callback OpenSSL would ask for a passphrase on the terminal.
int no_passphrase(char*, int, int, void*) {
    return 0;
}

}  // namespace

Result<CheckedTlsPair> load_tls_pair(const std::string& certificate_file, const std::string& key_file) {
    IOSWARM_TRY(auto chain, read_pem(certificate_file));
    IOSWARM_TRY(auto key_text, read_pem(key_file));
    const auto refuse = [&](const std::string& path, const char* why) {
        ERR_clear_error();
        wipe(key_text);
        return fail(ErrorCode::bad_data, "cannot use the TLS file", path, why);
    };

    const auto chain_bio = bio_over(chain);
    const PemOwned<X509> leaf(PEM_read_bio_X509(chain_bio.get(), nullptr, no_passphrase, nullptr));
    if (!leaf) return refuse(certificate_file, "it has no valid PEM certificate");
    while (!BIO_eof(chain_bio.get())) {
        const PemOwned<X509> next(PEM_read_bio_X509(chain_bio.get(), nullptr, no_passphrase, nullptr));
        if (next) continue;
        if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) break;
        return refuse(certificate_file, "a further certificate in it does not parse");
    }
    const auto key_bio = bio_over(key_text);
    const PemOwned<EVP_PKEY> key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, no_passphrase, nullptr));
    if (!key) return refuse(key_file, "it has no valid PEM private key without a passphrase");
    if (X509_check_private_key(leaf.get(), key.get()) != 1) {
        return refuse(key_file, "the key does not belong to the certificate");
    }
    ERR_clear_error();

    CheckedTlsPair out;
    out.not_after = time_of(X509_get0_notAfter(leaf.get()));
    if (X509_cmp_current_time(X509_get0_notAfter(leaf.get())) < 0) {
        out.warning = "the certificate has expired: " + certificate_file;
    } else if (X509_cmp_current_time(X509_get0_notBefore(leaf.get())) > 0) {
        out.warning = "the certificate is not valid yet: " + certificate_file;
    }
    out.pair.certificate_chain_pem = std::move(chain);
    out.pair.private_key_pem = std::move(key_text);
    return out;
}

}  // namespace ioswarm
