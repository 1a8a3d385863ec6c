// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <exception>
#include <ostream>
#include <string>
#include <vector>

#include "cli/dispatch.hpp"

int main(int argc, char** argv) {
    using namespace ioswarm;
    using namespace ioswarm::cli;
    Io io = standard_io();
    ExitCode code = ExitCode::internal;
    try {
        code = dispatch(std::vector<std::string>(argv, argv + argc), io);
    } catch (const std::exception& error) {
        print_error(io, Error{ErrorCode::internal, "internal error", "", error.what(), "please report this"});
    } catch (...) {
        print_error(io, Error{ErrorCode::internal, "internal error", "", "", "please report this"});
    }
    // A script must not take half an answer for a whole one: a full disk behind stdout is a failure.
    io.out.flush();
    if (!io.out && code == ExitCode::ok) {
        print_error(io, errno_error(errno == 0 ? EIO : errno, "cannot write", "standard output"));
        code = ExitCode::io;
    }
    return static_cast<int>(code);
}
