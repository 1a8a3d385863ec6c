// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <iosfwd>

#include "core/sim/l4_run.hpp"

namespace ioswarm::cli {

/// The report for people: a line a check, with `verbose` a line an agent too; after a failed check what repeats
/// the run.
void print_text(const sim::L4Report& report, const sim::L4RunSettings& settings, bool verbose,
                std::ostream& out);
/// The same for scripts, agents always.
void print_json(const sim::L4Report& report, const sim::L4RunSettings& settings, std::ostream& out);

/// Shows where a run stands: on a terminal one line that is written over, elsewhere nothing.
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
