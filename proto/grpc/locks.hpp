// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ioswarm::proto {

/// Debian builds abseil with its assertions, and with them every lock that gRPC takes goes into a graph, under
/// one spin lock for the whole process, in which abseil looks for cycles. It is a debugging aid for gRPC's
/// authors that costs a tenth of a server's CPU and makes its threads wait for each other; this turns it off
/// for the process. Called by whatever makes a gRPC server or channel. Thread-safe, may be called any number of
/// times.
void leave_out_lock_checks();

}  // namespace ioswarm::proto
