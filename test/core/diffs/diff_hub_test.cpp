// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/diff_hub.hpp"

#include <catch2/catch.hpp>

#include "test/core/diffs/diff_reader_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

TEST_CASE("a stream gets each height once, first from the store and then live") {
    HubFixture log(1, 200);
    DiffReader reader(*log.hub, "a", 17);
    REQUIRE(reader.read_to(200));
    log.feed(201, 400);
    REQUIRE(reader.read_to(400));
    CHECK(reader.heights.size() == 384);
    CHECK(reader.is_contiguous_from(17));
    CHECK(reader.take() == nullptr);
}

TEST_CASE("a stream from height 0 gets only the diffs that come after it was opened") {
    HubFixture log(1, 20);
    DiffReader reader(*log.hub, "a", 0);
    CHECK(reader.take() == nullptr);
    log.feed(21, 23);
    REQUIRE(reader.read_to(23));
    CHECK(reader.is_contiguous_from(21));
}

TEST_CASE("a stream on an empty log starts with the first diff of the log") {
    HubFixture log;
    DiffReader live(*log.hub, "live", 0);
    DiffReader first(*log.hub, "first", 1);
    SECTION("the log starts at height 1") {
        log.feed(1, 150);  // more than the ring holds
        CHECK(live.read_to(150));
        CHECK(live.is_contiguous_from(1));
        CHECK(first.read_to(150));
        CHECK(first.is_contiguous_from(1));
    }
    SECTION("the log starts at another height, and the stream that asked for 1 ends with out_of_range") {
        log.feed(40, 41);
        CHECK(live.read_to(41));
        CHECK(live.is_contiguous_from(40));
        CHECK(first.next() == nullptr);
        REQUIRE(first.end);
        CHECK(first.end->code == ErrorCode::out_of_range);
    }
}

TEST_CASE("a height outside of the log is refused with the log's range and the newest snapshot", "[defect-9]") {
    HubFixture log(100, 200);
    const auto refused = [&](std::uint64_t from) { return DiffReader(*log.hub, "a", from).refusal; };
    CHECK_FALSE(refused(100));
    CHECK_FALSE(refused(200));
    CHECK_FALSE(refused(201));
    for (const std::uint64_t from :
         {std::uint64_t{1}, std::uint64_t{99}, std::uint64_t{202}, ~std::uint64_t{0}}) {
        const auto refusal = refused(from);
        REQUIRE(refusal);
        CHECK(refusal->code == ErrorCode::out_of_range);
        CHECK(refusal->which == std::to_string(from));
        CHECK(refusal->why.find("heights 100 to 200 are stored") != std::string::npos);
        CHECK(refusal->why.find("load a newer snapshot") != std::string::npos);
        CHECK(refusal->why.find("none was published here yet") != std::string::npos);
    }
    log.snapshot = "height 180 (state-180.snap.gz)";
    CHECK(refused(99)->why.find("the newest has height 180 (state-180.snap.gz)") != std::string::npos);
    HubFixture empty;
    CHECK(DiffReader(*empty.hub, "a", 12).refusal->why.find("no diff is stored yet") != std::string::npos);
}

TEST_CASE("an empty log that was restarted at a height accepts a stream from that height only") {
    HubFixture log;
    log.store.restart_at(40);
    const auto why = [&](std::uint64_t from) { return DiffReader(*log.hub, "a", from).refusal.value().why; };
    CHECK(why(1).find("it was removed; the log will begin with height 40; ") == 0);
    CHECK(why(39).find("it was removed; ") == 0);
    CHECK(why(41).find("it does not exist yet; the log will begin with height 40; ") == 0);
    DiffReader reader(*log.hub, "a", 40);
    log.feed(40, 45);
    CHECK(reader.read_to(45));
    CHECK(reader.is_contiguous_from(40));
}

TEST_CASE("a newer stream of an agent replaces the older one, which ends with aborted",
          "[defect-10][defect-34]") {
    HubFixture log(1, 20);
    DiffReader older(*log.hub, "a", 0);
    DiffReader other(*log.hub, "b", 0);
    DiffReader newer(*log.hub, "a", 5);
    CHECK(older.next() == nullptr);
    REQUIRE(older.end);
    CHECK(older.end->code == ErrorCode::aborted);
    CHECK(older.end->why == "a newer stream of this agent replaced it");
    older.close();  // closed late, as a client may do; the newer stream is not affected
    log.feed(21, 30);
    CHECK(newer.read_to(30));
    CHECK(newer.is_contiguous_from(5));
    CHECK(other.read_to(30));
    CHECK(log.hub->subscribers().size() == 2);
}

TEST_CASE("the delivery of a diff is measured for the streams that waited for it") {
    DiffHubSettings settings;
    settings.ring_blocks = 4;
    const DiffHubCounters counters(settings.metrics);
    const auto measured = [&] { return counters.delivery_time.count(); };
    HubFixture log(1, 20, settings);
    DiffReader live(*log.hub, "live", 0);
    DiffReader behind(*log.hub, "behind", 1);
    log.feed(21, 40);
    REQUIRE(live.read_to(40));
    CHECK(measured() == 20);
    // What was there before the stream was opened is not measured.
    REQUIRE(behind.read_to(20));
    CHECK(measured() == 20);
    REQUIRE(behind.read_to(40));
    CHECK(measured() == 40);
    DiffReader late(*log.hub, "late", 1);
    REQUIRE(late.read_to(40));
    CHECK(measured() == 40);
}

TEST_CASE("a stream that falls behind continues from the store without a gap", "[defect-7][defect-35]") {
    HubFixture log(1, 10);
    DiffReader reader(*log.hub, "slow", 0);
    log.feed(11, 12);
    REQUIRE(reader.read_to(11));
    log.feed(13, 2000);  // twenty times the ring's size
    REQUIRE(reader.read_to(2000));
    CHECK(reader.is_contiguous_from(11));
}

TEST_CASE("a stream whose next diffs are pruned ends after the diffs it had read", "[defect-9]") {
    HubFixture log(1, 1000);
    DiffReader reader(*log.hub, "slow", 1);
    REQUIRE(reader.next());
    REQUIRE(log.store.prune(900, 1000).value() == 899);
    while (reader.next()) {
    }
    CHECK(reader.is_contiguous_from(1));
    CHECK(reader.heights.size() < 200);
    REQUIRE(reader.end);
    CHECK(reader.end->code == ErrorCode::out_of_range);
    CHECK(reader.end->which == std::to_string(reader.heights.back() + 1));
    CHECK(reader.end->why.find("heights 900 to 1000 are stored") != std::string::npos);
}

TEST_CASE("a damaged row ends streams at its height and is never skipped") {
    HubFixture log(1, 300);
    log.store.damage(150);
    DiffReader reader(*log.hub, "a", 100);
    while (reader.next()) {
    }
    CHECK(reader.is_contiguous_from(100));
    CHECK(reader.heights.back() == 149);
    REQUIRE(reader.end);
    CHECK(reader.end->code == ErrorCode::data_loss);
    CHECK(reader.end->which == "height 150");
    CHECK(reader.end->why.find("load a newer snapshot") != std::string::npos);
    Reasons reasons;
    log.hub->add_reasons(reasons);
    REQUIRE(reasons.size() == 1);
    CHECK(reasons[0].part == "state diffs");
    CHECK(reasons[0].why.find("height 150") != std::string::npos);
    DiffReader beyond(*log.hub, "b", 151);
    CHECK(beyond.read_to(300));
    // Once the height is pruned, it is no fault of the log any more.
    REQUIRE(log.store.prune(151, 1000));
    reasons.clear();
    log.hub->add_reasons(reasons);
    CHECK(reasons.empty());
}

TEST_CASE("a store that cannot be read ends streams with unavailable, so that agents connect again") {
    HubFixture log(1, 300);
    log.store.fail_reads(Error{ErrorCode::io, "cannot read", {}, {}, {}});
    DiffReader reader(*log.hub, "a", 100);
    CHECK(reader.next() == nullptr);
    REQUIRE(reader.end);
    CHECK(reader.end->code == ErrorCode::unavailable);
    CHECK(reader.end->which == "height 100");
}

TEST_CASE("readers that take nothing keep a bounded part of the log in memory, however much they asked for",
          "[defect-8][defect-33]") {
    DiffHubSettings settings;
    settings.all_ahead_bytes = std::size_t{8} << 20;
    HubFixture log(1, 800, settings, 20'000);
    std::vector<std::unique_ptr<DiffReader>> readers;
    for (std::uint64_t i = 0; i < 60; ++i) {
        // Each at different heights, so that no rows are shared.
        readers.push_back(std::make_unique<DiffReader>(*log.hub, fmt::format("a{}", i), 1 + i * 10));
        REQUIRE(readers.back()->take() == nullptr);
        REQUIRE(readers.back()->wait_ready());
    }
    // 60 × 64 rows would be 77 MB.
    const std::size_t one_each = 60;
    CHECK(log.store.rows_read() <= settings.all_ahead_bytes / 20'000 + one_each + 1);
    for (auto& reader : readers)
        CHECK(reader->read_to(800));
}

TEST_CASE("a stream reads ahead 64 rows or 4 MiB, whichever comes first") {
    const std::size_t bytes = GENERATE(std::size_t{10}, std::size_t{200'000});
    HubFixture log(1, 300, {}, bytes);
    DiffReader reader(*log.hub, "a", 1);
    REQUIRE(reader.take() == nullptr);
    REQUIRE(reader.wait_ready());
    CHECK(log.store.rows_read() == (bytes == 10 ? 64 : 20));
}

TEST_CASE("the newest blocks are sent while everything else waits for a slow store") {
    HubFixture log(1, 500);
    DiffReader live(*log.hub, "live", 0);
    log.store.stall();
    std::vector<std::unique_ptr<DiffReader>> behind;
    for (int i = 0; i < 20; ++i) {
        behind.push_back(std::make_unique<DiffReader>(*log.hub, fmt::format("a{}", i), 1));
        CHECK(behind.back()->take() == nullptr);
    }
    log.store.wait_until_stalled(2);
    log.feed(501, 550);
    CHECK(live.read_to(550));
    CHECK(live.is_contiguous_from(501));
    log.store.release();
    for (auto& reader : behind)
        CHECK(reader->read_to(550));
}

TEST_CASE("streams at the same heights share diffs and their encodings") {
    HubFixture log(1, 300);
    DiffReader one(*log.hub, "one", 1);
    DiffReader two(*log.hub, "two", 1);
    const SharedDiffPtr from_store = one.next();
    CHECK(from_store == two.next());
    log.feed(301, 302);
    REQUIRE(one.read_to(301));
    REQUIRE(two.read_to(301));
    CHECK(one.next() == two.next());
}

TEST_CASE("the ring is bounded in blocks and in bytes, and older diffs come from the store") {
    DiffHubSettings settings;
    settings.ring_blocks = 10;
    settings.ring_bytes = 50'000;
    HubFixture log(1, 1, settings);
    std::vector<std::weak_ptr<const SharedDiff>> fed;
    for (std::uint64_t height = 2; height <= 100; ++height) {
        SharedDiffPtr diff = log.store.put(height, height < 60 ? 10 : 20'000);
        fed.push_back(diff);
        log.hub->on_appended(std::move(diff));
        const auto held = std::count_if(fed.begin(), fed.end(), [](const auto& d) { return !d.expired(); });
        CHECK(held <= 10);
        if (height > 70) CHECK(held == 2);
    }
    DiffReader reader(*log.hub, "a", 1);
    CHECK(reader.read_to(100));
    CHECK(reader.is_contiguous_from(1));
}

TEST_CASE("a log that starts again ends all streams with out_of_range") {
    HubFixture log(1, 200);
    DiffReader live(*log.hub, "live", 0);
    DiffReader behind(*log.hub, "behind", 60);
    REQUIRE(behind.next());
    REQUIRE(log.store.clear());
    log.feed(61, 61);
    for (DiffReader* reader : {&live, &behind}) {
        while (reader->next()) {
        }
        REQUIRE(reader->end);
        CHECK(reader->end->code == ErrorCode::out_of_range);
    }
    CHECK(behind.heights == std::vector<std::uint64_t>{60});
}

TEST_CASE("revoking an agent ends its stream, and shutdown ends all and admits none") {
    HubFixture log(1, 20);
    DiffReader one(*log.hub, "one", 0);
    DiffReader two(*log.hub, "two", 1);
    log.hub->end_agent("one", Error{ErrorCode::permission_denied, "revoked", {}, {}, {}});
    log.hub->end_agent("nobody", Error{ErrorCode::permission_denied, "revoked", {}, {}, {}});
    CHECK(one.next() == nullptr);
    CHECK(one.end->code == ErrorCode::permission_denied);
    CHECK(two.read_to(20));
    log.hub->shutdown();
    CHECK(two.next() == nullptr);
    CHECK(two.end->code == ErrorCode::unavailable);
    DiffReader late(*log.hub, "late", 1);
    REQUIRE(late.refusal);
    CHECK(late.refusal->code == ErrorCode::unavailable);
    log.hub->shutdown();
}

TEST_CASE("the list of subscribers shows each one's next height, and pruning gets the lowest") {
    HubFixture log(1, 500);
    CHECK_FALSE(log.hub->lowest_needed());
    DiffReader live(*log.hub, "live", 0);
    CHECK_FALSE(log.hub->lowest_needed());
    DiffReader behind(*log.hub, "behind", 100);
    REQUIRE(behind.read_to(120));
    CHECK(log.hub->lowest_needed() == 121);
    const auto all = log.hub->subscribers();
    REQUIRE(all.size() == 2);
    CHECK(all[0].agent_id == "behind");
    CHECK(all[0].next == 121);
    CHECK(all[0].lag == 380);
    CHECK(all[1].agent_id == "live");
    CHECK(all[1].next == 501);
    CHECK(all[1].lag == 0);
    behind.close();
    CHECK_FALSE(log.hub->lowest_needed());
    CHECK(log.hub->subscribers().size() == 1);
}

TEST_CASE("the progress callback gets each agent's start, each tip whose diff was written, and the end") {
    HubFixture log(1, 5);
    std::vector<std::pair<std::string, std::uint64_t>> told;
    log.hub->on_progress(
        [&](const std::string& agent, std::uint64_t height) { told.emplace_back(agent, height); });
    DiffReader reader(*log.hub, "a", 3);
    REQUIRE(reader.read_to(5));
    log.feed(6, 6);
    REQUIRE(reader.read_to(6));
    DiffReader live(*log.hub, "b", 0);
    DiffReader newer(*log.hub, "a", 7);
    reader.close();  // it was replaced before, so nothing is reported
    newer.close();
    CHECK(told ==
          std::vector<std::pair<std::string, std::uint64_t>>{{"a", 2}, {"a", 5}, {"a", 6}, {"a", 6}, {"a", 0}});
}

namespace {

/// Closes its stream from within the callback.
class ClosingSink final : public StreamSink {
  public:
    void on_ready() override { close(); }
    void on_end(Error) override { close(); }
    void close() {
        ++calls;
        stream->closed();
    }
    std::unique_ptr<DiffStream> stream;
    int calls = 0;
};

}  // namespace

TEST_CASE("a sink that closes its stream in a callback gets no further callback") {
    HubFixture log(1, 3);
    auto sink = std::make_shared<ClosingSink>();
    sink->stream = log.hub->open_diff_stream("a", {"a", 0}, sink).value();
    REQUIRE(sink->stream->take() == nullptr);
    SECTION("in the callback for a diff") {
        log.feed(4, 6);
    }
    SECTION("in the callback for the end") {
        log.hub->end_agent("a", Error{});
    }
    log.hub->shutdown();
    CHECK(sink->calls == 1);
    CHECK(log.hub->subscribers().empty());
    sink->stream.reset();
}
