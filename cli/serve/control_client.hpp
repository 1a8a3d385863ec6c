// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// Asks the serve that runs with a data directory, through its control socket.
class ControlClient {
  public:
    /// `command` is the user's command without "sudo", for hints. Opens nothing.
    ControlClient(std::string data_dir, std::string command);

    /// The answer: a JSON object on one line, with a line feed. Errors: unavailable (no serve runs with this
    /// data directory), permission_denied (the directory belongs to another user), not_found and
    /// failed_precondition (serve refuses; the text is its own), timed_out, bad_data (what answers is not
    /// serve).
    [[nodiscard]] Result<std::string> get(const std::string& path) const;
    /// The same with POST, and more time: a reload reads files.
    [[nodiscard]] Result<std::string> post(const std::string& path) const;

  private:
    enum class Method { get, post };
    [[nodiscard]] Result<std::string> ask(Method method, const std::string& path,
                                          std::chrono::seconds patience) const;
    [[nodiscard]] Status check_socket() const;

    const std::string data_dir_;
    const std::string socket_;
    const std::string command_;
};

}  // namespace ioswarm::cli
