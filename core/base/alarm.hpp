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

/// One reason why the program cannot do all of its work at the moment. /readyz shows it, and anybody may read
/// /readyz, so it must not contain paths, addresses or secrets.
struct Reason {
    std::string part;  ///< the part that is in trouble: "source", "ledger", "dispatch"
    std::string why;   ///< the problem with that part: "last read 31 s ago"
    bool operator==(const Reason&) const = default;
};
using Reasons = std::vector<Reason>;

/// "source: last read 31 s ago; ledger: database or disk is full"; empty when there is no reason.
[[nodiscard]] std::string to_text(const Reasons& reasons);

/// One condition that can begin and end repeatedly, such as an endpoint that does not answer. It is logged once
/// when it begins and once when it ends, it is counted each time it begins, and /readyz lists it as a reason in
/// between. Thread-safe. It writes to the log outside its lock, so the lines of raise() and clear() at the same
/// moment may come in either order.
///   Alarm alarm("web3", log);
///   alarm.raise("the endpoint does not answer");   // call this as often as the problem is seen
///   alarm.clear("the endpoint answers again");     // call this as often as all is well
class Alarm {
  public:
    Alarm(std::string part, Log log) : part_(std::move(part)), log_(std::move(log)) {}

    /// Reports that the condition holds. The first call after a clear() logs an error; later calls only replace
    /// `why`. If `log_text` is given, the log shows it instead of "part: why"; it may contain paths and
    /// addresses.
    void raise(std::string why, std::string_view log_text = {}) { raise(std::move(why), log_text, true); }
    /// The same for a condition whose cause was logged already. Nothing is logged, neither now nor when the
    /// condition is over.
    void raise_quietly(std::string why) { raise(std::move(why), {}, false); }
    /// Reports that the condition is over. Logs `log_text` if the alarm was raised, otherwise does nothing.
    void clear(std::string_view log_text);

    [[nodiscard]] bool is_raised() const { return state_.lock()->why.has_value(); }
    /// While the alarm is raised, adds its reason to the list.
    void add_to(Reasons& reasons) const;
    /// How often the alarm was raised since the program started.
    [[nodiscard]] std::uint64_t times() const { return state_.lock()->times; }

  private:
    void raise(std::string why, std::string_view log_text, bool is_logged);

    struct State {
        std::optional<std::string> why;  // empty while the alarm is not raised
        bool is_logged = true;           // as it was when the alarm was raised
        std::uint64_t times = 0;
    };

    const std::string part_;
    const Log log_;
    Guarded<State> state_;
};

}  // namespace ioswarm
