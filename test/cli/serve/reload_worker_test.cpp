// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/reload_worker.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <semaphore>

#include <catch2/catch.hpp>

using ioswarm::cli::ReloadWorker;

TEST_CASE("each request reads once more and applies the result", "[cli]") {
    std::counting_semaphore<> applied(0);
    int reads = 0;
    ReloadWorker worker([&]() -> ReloadWorker::Apply {
        ++reads;
        return [&] { applied.release(); };
    });
    for (int i = 1; i <= 3; ++i) {
        worker.request();
        applied.acquire();
        CHECK(reads == i);
    }
}

TEST_CASE("a read that hangs delays neither requests nor the end, and is not applied later", "[cli]") {
    // Given a file system that hangs. The read owns everything that it uses.
    struct FileSystem {
        std::promise<void> asked;
        std::promise<void> answers;
        std::promise<void> was_over;
    };
    const auto fs = std::make_shared<FileSystem>();
    bool applied = false;
    // When the lists are read from it and requested again, and the program ends meanwhile
    {
        ReloadWorker worker([fs, &applied]() -> ReloadWorker::Apply {
            fs->asked.set_value();
            fs->answers.get_future().wait();
            // Destroyed by the thread after it has decided not to apply anything.
            const std::shared_ptr<void> done(nullptr, [fs](void*) { fs->was_over.set_value(); });
            return [done, &applied] { applied = true; };
        });
        worker.request();
        fs->asked.get_future().wait();
        worker.request();
    }
    // Then an answer that arrives later changes nothing.
    fs->answers.set_value();
    fs->was_over.get_future().wait();
    CHECK_FALSE(applied);
}

TEST_CASE("a caller can wait for the run that serves its request", "[cli]") {
    std::counting_semaphore<> may_read(0);
    int applied = 0;
    ReloadWorker worker([&]() -> ReloadWorker::Apply {
        may_read.acquire();
        return [&] { ++applied; };
    });
    const std::uint64_t first = worker.request();
    CHECK_FALSE(worker.wait(first, std::chrono::milliseconds(1)));
    may_read.release();
    REQUIRE(worker.wait(first, std::chrono::seconds(60)));
    CHECK(applied == 1);
    // A request after a run needs a run of its own: the files may have changed meanwhile.
    const std::uint64_t second = worker.request();
    CHECK(second > first);
    may_read.release();
    REQUIRE(worker.wait(second, std::chrono::seconds(60)));
    CHECK(applied == 2);
}

TEST_CASE("a stop ends the waits of others, and nothing is applied afterwards", "[cli]") {
    const auto may_read = std::make_shared<std::promise<void>>();
    const auto applied = std::make_shared<std::atomic<bool>>(false);
    ReloadWorker worker([may_read, applied]() -> ReloadWorker::Apply {
        may_read->get_future().wait();
        return [applied] { *applied = true; };
    });
    const std::uint64_t run = worker.request();
    auto waited = std::async(std::launch::async, [&] { return worker.wait(run, std::chrono::minutes(10)); });
    worker.stop();
    CHECK_FALSE(waited.get());
    may_read->set_value();
    CHECK_FALSE(*applied);
}
