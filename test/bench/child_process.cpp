// SPDX-License-Identifier: Apache-2.0
#include "test/bench/child_process.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ioswarm::bench {
namespace {

[[noreturn]] void give_up(const std::string& why) {
    fmt::print(stderr, "benchmark: {}\n", why);
    std::exit(1);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments) {
    std::array<int, 2> commands{};
    std::array<int, 2> answers{};
    if (::pipe2(commands.data(), O_CLOEXEC) != 0 || ::pipe2(answers.data(), O_CLOEXEC) != 0) give_up("no pipe");
    std::vector<std::string> words{"/proc/self/exe"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    (void)std::fflush(nullptr);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) give_up("cannot fork");
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(1);
        ::dup2(commands[0], STDIN_FILENO);
        ::dup2(answers[1], STDOUT_FILENO);
        ::execv("/proc/self/exe", argv.data());
        ::_exit(127);
    }
    ::close(commands[0]);
    ::close(answers[1]);
    to_ = ::fdopen(commands[1], "w");
    from_ = ::fdopen(answers[0], "r");
    unsigned port = 0;
    if (std::fscanf(from_, "port %u", &port) != 1 || std::fgetc(from_) != '\n')
        give_up("the server did not start");
    port_ = static_cast<std::uint16_t>(port);
}

ChildProcess::~ChildProcess() {
    ::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
    std::fclose(to_);
    std::fclose(from_);
}

std::string ChildProcess::ask(const std::string& command) {
    std::fprintf(to_, "%s\n", command.c_str());
    std::fflush(to_);
    std::array<char, 256> line{};
    if (std::fgets(line.data(), static_cast<int>(line.size()), from_) == nullptr)
        give_up("the server ended at: " + command);
    std::string out(line.data());
    while (!out.empty() && out.back() == '\n')
        out.pop_back();
    return out;
}

double ChildProcess::resident_bytes() const {
    std::ifstream statm("/proc/" + std::to_string(pid_) + "/statm");
    double size = 0;
    double resident = 0;
    statm >> size >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double ChildProcess::settled_bytes() const {
    constexpr int kStill = 8;
    double last = resident_bytes();
    int still = 0;
    for (int i = 0; i < 60 && still < kStill; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        const double now = resident_bytes();
        const bool is_still = now > last * 0.998 && now < last * 1.002;
        still = is_still ? still + 1 : 0;
        if (!is_still) last = now;
    }
    return resident_bytes();
}

double ChildProcess::cpu_us() {
    return std::strtod(ask("cpu").c_str(), nullptr);
}

void allow_many_files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace ioswarm::bench
