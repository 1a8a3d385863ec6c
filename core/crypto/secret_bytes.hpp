// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <utility>

#include "core/base/bytes.hpp"
#include "core/crypto/hmac.hpp"

namespace ioswarm {

/// A secret of any length: a password, a derived key, the text of a key file. It is wiped when it is destroyed
/// or assigned to, and it cannot be copied. Its bytes are only on the heap, so moving it leaves no copy behind.
class SecretBytes {
  public:
    SecretBytes() = default;
    /// `size` zero bytes, to be filled in through data().
    explicit SecretBytes(std::size_t size) : bytes_(size) {}
    explicit SecretBytes(BytesView bytes) : bytes_(bytes.begin(), bytes.end()) {}
    explicit SecretBytes(std::string_view text) : SecretBytes(as_bytes(text)) {}
    /// Copies the text and wipes the original.
    explicit SecretBytes(std::string&& text) : SecretBytes(std::string_view(text)) { wipe(text); }
    SecretBytes(SecretBytes&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    SecretBytes& operator=(SecretBytes&& other) noexcept {
        if (this == &other) return *this;
        wipe(bytes_);
        bytes_ = std::exchange(other.bytes_, {});
        return *this;
    }
    SecretBytes(const SecretBytes&) = delete;
    SecretBytes& operator=(const SecretBytes&) = delete;
    ~SecretBytes() { wipe(bytes_); }

    [[nodiscard]] BytesView view() const noexcept { return bytes_; }
    [[nodiscard]] std::string_view text() const noexcept { return as_text(bytes_); }
    [[nodiscard]] std::uint8_t* data() noexcept { return bytes_.data(); }
    [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
    [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
    /// Keeps the first `size` bytes and wipes the rest.
    void shorten(std::size_t size) {
        if (size >= bytes_.size()) return;
        SecretBytes kept(view().first(size));
        *this = std::move(kept);
    }

  private:
    Bytes bytes_;
};

}  // namespace ioswarm
