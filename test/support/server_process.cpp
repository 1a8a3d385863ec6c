// SPDX-License-Identifier: Apache-2.0
#include "test/support/server_process.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ioswarm::test {

namespace {
constexpr int kStopTimeoutMs = 60'000;

std::array<int, 2> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
    return ends;
}

}  // namespace

ServerProcess::ServerProcess(const std::vector<std::string>& arguments) {
    const std::array<int, 2> in = make_pipe();
    const std::array<int, 2> out = make_pipe();
    std::string program = IOSWARM_TEST_AGENT_SERVER;
    std::vector<std::string> words(arguments);
    words.insert(words.begin(), program);
    std::vector<char*> argv;
    for (auto& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0) {
        (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)::dup2(in[0], STDIN_FILENO);
        (void)::dup2(out[1], STDOUT_FILENO);
        ::execv(program.c_str(), argv.data());
        ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    to_ = ::fdopen(in[1], "w");
    from_ = ::fdopen(out[0], "r");
    // The format does not end with white space, because scanf would then wait for more input.
    unsigned port = 0;
    if (std::fscanf(from_, "port %u", &port) == 1) port_ = static_cast<std::uint16_t>(port);
}

ServerProcess::~ServerProcess() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        (void)::waitpid(pid_, nullptr, 0);
    }
    if (to_ != nullptr) std::fclose(to_);
    if (from_ != nullptr) std::fclose(from_);
}

bool ServerProcess::is_alive() {
    if (pid_ <= 0) return false;
    if (::waitpid(pid_, nullptr, WNOHANG) == 0) return true;
    pid_ = -1;
    return false;
}

std::uint64_t ServerProcess::proc_kib(const char* name) const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    std::string line;
    while (std::getline(status, line)) {
        if (line.rfind(name, 0) == 0) return std::strtoull(line.c_str() + std::strlen(name) + 1, nullptr, 10);
    }
    return 0;
}

std::uint64_t ServerProcess::resident_bytes() const {
    return proc_kib("VmRSS") * 1024;
}
std::uint64_t ServerProcess::peak_resident_bytes() const {
    return proc_kib("VmHWM") * 1024;
}

std::uint64_t ServerProcess::open_files() const {
    const std::filesystem::directory_iterator files("/proc/" + std::to_string(pid_) + "/fd");
    return static_cast<std::uint64_t>(std::distance(begin(files), end(files)));
}

std::map<std::string, std::uint64_t> ServerProcess::counters() {
    std::map<std::string, std::uint64_t> out;
    std::fputs("counters\n", to_);
    std::fflush(to_);
    std::array<char, 128> name{};
    unsigned long long value = 0;
    while (std::fscanf(from_, " %127s %llu", name.data(), &value) == 2 &&
           std::strcmp(name.data(), "end") != 0) {
        out[name.data()] = value;
    }
    return out;
}

std::string ServerProcess::counters_text() {
    std::string out;
    for (const auto& [name, value] : counters()) {
        if (value != 0) out += name + " " + std::to_string(value) + "\n";
    }
    return out;
}

void ServerProcess::send_batch_to_all_streams() {
    std::fputs("give\n", to_);
    std::fflush(to_);
}

bool ServerProcess::wait_for_memory(std::uint64_t bytes, std::chrono::seconds within) {
    const auto until = std::chrono::steady_clock::now() + within;
    while (resident_bytes() > bytes) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return true;
}

int ServerProcess::stop() {
    if (pid_ <= 0) return -1;
    std::fclose(to_);
    to_ = nullptr;
    pollfd ended{static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)), POLLIN, 0};
    if (::poll(&ended, 1, kStopTimeoutMs) == 0) ::kill(pid_, SIGKILL);
    ::close(ended.fd);
    int status = 0;
    (void)::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace ioswarm::test
