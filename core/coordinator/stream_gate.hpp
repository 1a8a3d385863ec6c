// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ports/agent_link.hpp"
#include "core/ports/sink_gate.hpp"

namespace ioswarm {

/// The engine's way to a task stream's sink.
using StreamGate = SinkGate<TaskStreamSink>;

}  // namespace ioswarm
