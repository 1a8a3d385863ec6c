// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/list_reloader.hpp"

#include <future>
#include <memory>
#include <semaphore>

#include <catch2/catch.hpp>

using ioswarm::cli::ListReloader;

TEST_CASE("each request reads once more and applies what was read", "[cli]") {
    std::counting_semaphore<> applied(0);
    int reads = 0;
    ListReloader reloader([&]() -> ListReloader::Apply {
        ++reads;
        return [&] { applied.release(); };
    });
    for (int i = 1; i <= 3; ++i) {
        reloader.request();
        applied.acquire();
        CHECK(reads == i);
    }
}

TEST_CASE("a read that hangs holds up neither requests nor the end, and is applied no more", "[cli]") {
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
        ListReloader reloader([fs, &applied]() -> ListReloader::Apply {
            fs->asked.set_value();
            fs->answers.get_future().wait();
            // Destroyed by the thread after it has decided not to apply anything.
            const std::shared_ptr<void> done(nullptr, [fs](void*) { fs->was_over.set_value(); });
            return [done, &applied] { applied = true; };
        });
        reloader.request();
        fs->asked.get_future().wait();
        reloader.request();
    }
    // Then an answer that arrives later changes nothing.
    fs->answers.set_value();
    fs->was_over.get_future().wait();
    CHECK_FALSE(applied);
}
