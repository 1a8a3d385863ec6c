// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <iosfwd>

#include "core/sim/l4_run.hpp"

namespace ioswarm::cli {

/// Prints the report for people: one line per check, and with `verbose` also one line per agent. After a failed
/// check it prints the command that repeats the run.
void print_text(const sim::L4Report& report, const sim::L4RunSettings& settings, bool verbose,
                std::ostream& out);
/// Prints the report for scripts, as JSON. It always lists the agents.
void print_json(const sim::L4Report& report, const sim::L4RunSettings& settings, std::ostream& out);

/// Shows the progress of a run on `out`. On a terminal it rewrites one line. Elsewhere it prints nothing. Call
/// clear() before anything else is printed there.
class L4SimProgress {
  public:
    L4SimProgress(std::ostream& out, bool terminal, std::chrono::milliseconds duration)
        : out_(out), terminal_(terminal), duration_(duration) {}

    void show(const sim::L4Progress& progress);
    void clear();

  private:
    std::ostream& out_;
    const bool terminal_;
    const std::chrono::milliseconds duration_;
    bool line_open_ = false;
};

}  // namespace ioswarm::cli
