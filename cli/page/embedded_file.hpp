// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace ioswarm::cli {

/// A file that the build put into the program (cmake/embed_files.cmake).
struct EmbeddedFile {
    std::string_view name;  ///< without a folder: "page.js"
    std::string_view etag;  ///< of the content, with its quotation marks (RFC 9110, 8.8.3)
    std::span<const unsigned char> bytes;
};

[[nodiscard]] std::span<const EmbeddedFile> embedded_files() noexcept;

}  // namespace ioswarm::cli
