// SPDX-License-Identifier: Apache-2.0
#include "contracts/keystore.hpp"

#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/ascii.hpp"
#include "core/base/try.hpp"
#include "core/crypto/hmac.hpp"
#include "core/crypto/keccak.hpp"

// https://ethereum.org/en/developers/docs/data-structures-and-encoding/web3-secret-storage

namespace ioswarm::contracts {
namespace {

using Json = nlohmann::json;

constexpr const char* kCannotOpen = "cannot open the keystore";
constexpr std::size_t kKeySize = 32;
constexpr std::size_t kIvSize = 16;
constexpr std::size_t kMaxSalt = 1024;
constexpr std::size_t kCipherKeySize = 16;

tl::unexpected<Error> bad_keystore(std::string why) {
    return fail(ErrorCode::config, kCannotOpen, {}, std::move(why));
}

const Json* member(const Json& object, const char* name) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
}

std::string text_of(const Json& object, const char* name) {
    const Json* found = member(object, name);
    return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

/// Returns 0 for a value that is missing, negative or not an integer. No parameter may be 0.
std::uint64_t number_of(const Json& object, const char* name) {
    const Json* found = member(object, name);
    return found != nullptr && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::optional<Bytes> hex_of(const Json& object, const char* name, std::size_t max_bytes) {
    const std::string text = text_of(object, name);
    if (text.empty() || text.size() > 2 * max_bytes + 2) return std::nullopt;
    return from_hex(text);
}

/// The content of the file after its form was checked.
struct Envelope {
    Bytes ciphertext;
    Bytes iv;
    Bytes mac;
    std::string kdf;
    Json parameters;
    std::optional<Address> address;
};

Result<Envelope> read_envelope(std::string_view text) {
    if (text.size() > kMaxKeystoreBytes) return bad_keystore("not a keystore: it is larger than 64 KiB");
    const Json tree = Json::parse(text, nullptr, false);
    if (!tree.is_object()) return bad_keystore("not a keystore: it is not a JSON object");
    const Json* crypto = member(tree, "crypto");
    if (crypto == nullptr) crypto = member(tree, "Crypto");  // the spelling of old programs
    if (const Json* version = member(tree, "version");
        crypto != nullptr && (version == nullptr || !version->is_number() || *version != 3)) {
        return bad_keystore("unsupported version: only version 3 is");
    }
    if (crypto == nullptr || !crypto->is_object()) return bad_keystore("not a keystore: it has no 'crypto'");
    if (text_of(*crypto, "cipher") != "aes-128-ctr") {
        return bad_keystore("unsupported cipher: only aes-128-ctr is supported");
    }
    Envelope out;
    out.kdf = text_of(*crypto, "kdf");
    if (const Json* parameters = member(*crypto, "kdfparams")) out.parameters = *parameters;
    const auto ciphertext = hex_of(*crypto, "ciphertext", kKeySize);
    if (!ciphertext || ciphertext->size() != kKeySize)
        return bad_keystore("bad ciphertext: it is not 32 bytes of hex");
    const Json* cipher = member(*crypto, "cipherparams");
    const auto iv = cipher == nullptr ? std::nullopt : hex_of(*cipher, "iv", kIvSize);
    if (!iv || iv->size() != kIvSize) return bad_keystore("bad iv: it is not 16 bytes of hex");
    const auto mac = hex_of(*crypto, "mac", Hash256::kSize);
    if (!mac || mac->size() != Hash256::kSize) return bad_keystore("bad mac: it is not 32 bytes of hex");
    if (const std::string address = text_of(tree, "address"); !address.empty()) {
        out.address = fixed_from_hex<Address>(address);
        if (!out.address) return bad_keystore("bad address: it is not 20 bytes of hex");
    }
    out.ciphertext = *ciphertext;
    out.iv = *iv;
    out.mac = *mac;
    return out;
}

Result<SecretBytes> derive(const Envelope& envelope, BytesView password) {
    const Json& parameters = envelope.parameters;
    const auto salt = hex_of(parameters, "salt", kMaxSalt);
    const bool scrypt_asked = envelope.kdf == "scrypt";
    if (!scrypt_asked && envelope.kdf != "pbkdf2") {
        return bad_keystore("unsupported kdf: only scrypt and pbkdf2 are supported");
    }
    if (!scrypt_asked && text_of(parameters, "prf") != "hmac-sha256") {
        return bad_keystore("unsupported prf: only hmac-sha256 is supported");
    }
    if (!salt) return bad_keystore("bad kdf parameters: the salt is missing or no hex");
    if (number_of(parameters, "dklen") != kKeySize) return bad_keystore("bad kdf parameters: dklen is not 32");
    auto key =
        scrypt_asked
            ? scrypt(password, *salt,
                     {number_of(parameters, "n"), number_of(parameters, "r"), number_of(parameters, "p")},
                     kKeySize)
            : pbkdf2_sha256(password, *salt, number_of(parameters, "c"), kKeySize);
    if (!key && key.error().code == ErrorCode::invalid_argument) {
        return bad_keystore("bad kdf parameters: " + key.error().why);
    }
    return key;
}

Hash256 mac_of(const SecretBytes& key, BytesView ciphertext) {
    return Keccak256{}.update(key.view().subspan(kCipherKeySize)).update(ciphertext).finish();
}

/// A random UUID (version 4, RFC 4122).
std::string uuid(BytesView random) {
    Bytes bytes = to_bytes(random.first(16));
    bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0fU) | 0x40U);
    bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3fU) | 0x80U);
    const std::string hex = to_hex(bytes);
    return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                       hex.substr(16, 4), hex.substr(20));
}

}  // namespace

bool looks_like_keystore(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && text[first] == '{';
}

Result<PrivateKey> open_keystore(std::string_view json, BytesView password) {
    IOSWARM_TRY(const auto envelope, read_envelope(json));
    IOSWARM_TRY(const auto derived, derive(envelope, password));
    if (!equal_in_constant_time(mac_of(derived, envelope.ciphertext).view(), envelope.mac)) {
        return fail(ErrorCode::unauthenticated, kCannotOpen, {}, "wrong password or damaged file");
    }
    const SecretBytes scalar =
        aes128_ctr(derived.view().first(kCipherKeySize), envelope.iv, envelope.ciphertext);
    auto key = PrivateKey::from(scalar.view());
    if (!key) return bad_keystore("it has no key of secp256k1");
    if (envelope.address && *envelope.address != key->address()) {
        return bad_keystore("the address does not match the key: the file is damaged");
    }
    return key;
}

Result<KeystoreInfo> inspect_keystore(std::string_view json) {
    IOSWARM_TRY(const auto envelope, read_envelope(json));
    const Json& parameters = envelope.parameters;
    KeystoreInfo out{envelope.address, envelope.kdf, {}};
    if (envelope.kdf == "scrypt") {
        out.parameters = fmt::format("n {}, r {}, p {}", number_of(parameters, "n"), number_of(parameters, "r"),
                                     number_of(parameters, "p"));
    } else if (envelope.kdf == "pbkdf2") {
        out.parameters = fmt::format("c {}", number_of(parameters, "c"));
    } else {
        return bad_keystore("unsupported kdf: only scrypt and pbkdf2 are supported");
    }
    return out;
}

Result<std::string> make_keystore(const PrivateKey& key, BytesView password, const ScryptCost& cost) {
    IOSWARM_TRY(auto random, random_bytes(32 + kIvSize + 16));
    const BytesView salt = BytesView(random).first(32);
    const BytesView iv = BytesView(random).subspan(32, kIvSize);
    IOSWARM_TRY(const auto derived, scrypt(password, salt, cost, kKeySize));
    const SecretBytes ciphertext = aes128_ctr(derived.view().first(kCipherKeySize), iv, key.bytes());
    const Json tree{
        {"address", to_hex(key.address().view())},
        {"crypto",
         {{"cipher", "aes-128-ctr"},
          {"ciphertext", to_hex(ciphertext.view())},
          {"cipherparams", {{"iv", to_hex(iv)}}},
          {"kdf", "scrypt"},
          {"kdfparams",
           {{"dklen", kKeySize}, {"n", cost.n}, {"p", cost.p}, {"r", cost.r}, {"salt", to_hex(salt)}}},
          {"mac", to_hex(mac_of(derived, ciphertext.view()).view())}}},
        {"id", uuid(BytesView(random).last(16))},
        {"version", 3}};
    return tree.dump() + "\n";
}

Result<PrivateKey> key_from_hex(std::string_view text) {
    constexpr const char* kWhat = "cannot read the private key";
    const auto refuse = [] {
        return fail(ErrorCode::config, kWhat, {}, "it is not 64 hex digits",
                    "the file must contain the key as hex, with or without 0x, and nothing else");
    };
    while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) != std::string_view::npos)
        text.remove_suffix(1);
    while (!text.empty() && std::string_view(" \t\r\n").find(text.front()) != std::string_view::npos)
        text.remove_prefix(1);
    if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
    if (text.size() != 2 * kKeySize) return refuse();
    SecretBytes scalar(kKeySize);
    for (std::size_t i = 0; i < kKeySize; ++i) {
        const int high = hex_digit_value(text[2 * i]);
        const int low = hex_digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return refuse();
        scalar.data()[i] = static_cast<std::uint8_t>(high * 16 + low);
    }
    auto key = PrivateKey::from(scalar.view());
    if (!key) return fail(ErrorCode::config, kWhat, {}, key.error().why);
    return key;
}

Result<PrivateKey> make_key() {
    for (;;) {
        IOSWARM_TRY(auto random, random_bytes(kKeySize));
        const SecretBytes scalar{BytesView(random)};
        wipe(random);
        // One draw in 2^128 is not a valid key.
        if (auto key = PrivateKey::from(scalar.view())) return key;
    }
}

}  // namespace ioswarm::contracts
