// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ioswarm::proto {

/// Turns off abseil's search for lock cycles in this process. Debian builds abseil with its assertions. Then
/// every lock that gRPC takes is entered into a graph, under one spin lock for the whole process, and abseil
/// looks for cycles in it. That helps gRPC's authors to debug, but it costs a tenth of a server's CPU and makes
/// its threads wait for each other. All code that creates a gRPC server or channel calls this first.
/// Thread-safe; may be called any number of times.
void leave_out_lock_checks();

}  // namespace ioswarm::proto
