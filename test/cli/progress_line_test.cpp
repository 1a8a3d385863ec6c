// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_line.hpp"

#include <pty.h>
#include <unistd.h>

#include <sstream>

#include <catch2/catch.hpp>

using ioswarm::cli::ProgressLine;

namespace {

/// Standard error on a terminal of so many columns.
class Terminal {
  public:
    explicit Terminal(unsigned short columns) {
        winsize size{};
        size.ws_row = 24;
        size.ws_col = columns;
        REQUIRE(::openpty(&master_, &slave_, nullptr, nullptr, &size) == 0);
        saved_ = ::dup(STDERR_FILENO);
        ::dup2(slave_, STDERR_FILENO);
    }
    ~Terminal() {
        ::dup2(saved_, STDERR_FILENO);
        for (const int fd : {saved_, slave_, master_})
            ::close(fd);
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

  private:
    int master_ = -1;
    int slave_ = -1;
    int saved_ = -1;
};

std::string shown(unsigned short columns, const std::string& text) {
    std::ostringstream out;
    {
        const Terminal terminal(columns);
        ProgressLine line(out, ProgressLine::Mode::terminal, "job");
        line.show(text, 0);
    }
    const std::string clear = "\r\x1b[K";
    REQUIRE(out.str().substr(0, clear.size()) == clear);
    return out.str().substr(clear.size());
}

}  // namespace

TEST_CASE("a progress line is cut to the terminal's width, or it would wrap and stay behind", "[cli]") {
    const std::string text = "reading Account: 123 entries, 4.5 MB";
    CHECK(shown(80, text) == text);
    CHECK(shown(20, text) == "reading Account: 12");
    CHECK(shown(0, text) == text);                               // a terminal that does not know its width
    CHECK(shown(10, "reading \xc3\xa4\xc3\xa4") == "reading ");  // no half characters
}
