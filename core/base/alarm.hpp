// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/guarded.hpp"
#include "core/base/log.hpp"

namespace ioswarm {

/// Why the program does not do its whole work at the moment. Shown by /readyz, which is open to everybody: it
/// must hold no path, no address and no secret.
struct Reason {
    std::string part;  ///< which part is in trouble: "source", "ledger", "dispatch"
    std::string why;   ///< what is wrong with it: "last read 31 s ago"
    bool operator==(const Reason&) const = default;
};
using Reasons = std::vector<Reason>;

/// "source: last read 31 s ago; ledger: database or disk is full"; empty when there is no reason.
[[nodiscard]] std::string to_text(const Reasons& reasons);

/// One thing that can go wrong and come right again. It is logged once when it begins and once when it ends,
/// counted each time it begins, and is a reason in /readyz in between. Thread-safe; logs outside its lock.
///   Alarm alarm("web3", log);
///   alarm.raise("the endpoint does not answer");   // as often as the trouble is seen
///   alarm.clear("the endpoint answers again");     // as often as it is not seen
class Alarm {
  public:
    Alarm(std::string part, Log log) : part_(std::move(part)), log_(std::move(log)) {}

    /// The trouble is there. The first call after a clear() logs an error; later ones only renew `why`.
    /// `log_text` is what the log says instead of "part: why"; it may name paths and addresses.
    void raise(std::string why, std::string_view log_text = {});
    /// The trouble is over. Logs `log_text` if it was raised, else does nothing.
    void clear(std::string_view log_text);

    [[nodiscard]] bool is_raised() const { return state_.lock()->why.has_value(); }
    /// Adds the reason to the list while the alarm is raised.
    void add_to(Reasons& reasons) const;
    /// How often it was raised since start.
    [[nodiscard]] std::uint64_t times() const { return state_.lock()->times; }

  private:
    struct State {
        std::optional<std::string> why;  // nothing: not raised
        std::uint64_t times = 0;
    };

    const std::string part_;
    const Log log_;
    Guarded<State> state_;
};

}  // namespace ioswarm
