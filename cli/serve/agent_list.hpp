// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// The text of a list of agents, as AccessControl reads it: an id or a pattern per line, `#` begins a comment.
/// It keeps every byte of the lines that it does not change.
class AgentList {
  public:
    explicit AgentList(std::string_view text);

    [[nodiscard]] bool has(std::string_view entry) const;
    /// The entries with `*` or `?` that match the id.
    [[nodiscard]] std::vector<std::string> patterns_for(std::string_view id) const;
    /// Adds a line at the end. Returns false when the entry is there already.
    bool add(std::string_view entry);
    /// Removes the entry's lines. A line with a comment becomes a comment, so that nothing that somebody wrote
    /// is lost. Returns false when the entry is not there.
    bool remove(std::string_view entry);
    [[nodiscard]] std::string text() const;

  private:
    std::vector<std::string> lines_;  ///< without their line feeds
};

/// Checks an id or a pattern that the user typed. Error usage: it is neither.
[[nodiscard]] Status check_list_entry(std::string_view entry);

struct ListEdit {
    std::string path;
    /// When the file does not exist, it is made with the owner of this directory and mode 0600. Empty: a
    /// missing file is an error.
    std::string create_for;
    std::function<bool(AgentList&)> change;  ///< returns whether it changed the list
};

/// Changes a list's file atomically. It keeps the file's owner and mode, and follows a symbolic link. Edits by
/// this function at the same time follow each other. Returns whether the file changed. Errors: not_found,
/// permission_denied, io, try_again (another edit does not end), resource_exhausted (the file is too large).
[[nodiscard]] Result<bool> edit_list(const ListEdit& edit);

}  // namespace ioswarm::cli
