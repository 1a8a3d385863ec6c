// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <exception>
#include <ostream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "cli/dispatch.hpp"

namespace {

/// Opens /dev/null for each standard stream that the caller closed. Otherwise a file that we open later would
/// get the stream's number, and printed text would go into that file. /dev/null is opened in the wrong
/// direction, so that using the stream is still an error.
void keep_stream_numbers() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            _exit(static_cast<int>(ioswarm::cli::ExitCode::io));
    }
}

}  // namespace

int main(int argc, char** argv) {
    using namespace ioswarm;
    using namespace ioswarm::cli;
    keep_stream_numbers();
    Io io = standard_io();
    ExitCode code = ExitCode::internal;
    try {
        code = dispatch(std::vector<std::string>(argv, argv + argc), io);
    } catch (const std::exception& error) {
        print_error(io, Error{ErrorCode::internal, "internal error", "", error.what(), "please report this"});
    } catch (...) {
        print_error(io, Error{ErrorCode::internal, "internal error", "", "", "please report this"});
    }
    // A script must not take a truncated answer for a complete one, so a full disk behind stdout is a failure.
    io.out.flush();
    if (!io.out && code == ExitCode::ok) {
        print_error(io, errno_error(errno == 0 ? EIO : errno, "cannot write", "standard output"));
        code = ExitCode::io;
    }
    return static_cast<int>(code);
}
