// SPDX-License-Identifier: Apache-2.0
#pragma once

// Counters, gauges and histograms, over prometheus-cpp. /metrics, /swarm/status and the reports of sim read
// them.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
struct MetricFamily;
}  // namespace prometheus

namespace ioswarm::metrics {

/// A number that only grows. add() is one atomic addition, without lookup, lock or allocation. Copies share one
/// value. A default-constructed Counter ignores add(). Thread-safe.
class Counter {
  public:
    Counter() = default;

    void add(std::uint64_t by = 1) const noexcept;
    /// For something that is counted elsewhere: raises the value to `total`, never lowers it. Only one thread
    /// at a time may call it; call it from a function given to Registry::on_read().
    void raise_to(std::uint64_t total) const noexcept;
    /// Values are doubles, which are exact up to 2^53.
    [[nodiscard]] std::uint64_t value() const noexcept;

  private:
    friend class Registry;
    explicit Counter(std::shared_ptr<prometheus::Counter> counter) : counter_(std::move(counter)) {}

    std::shared_ptr<prometheus::Counter> counter_;
};

/// A number that rises and falls. As cheap and as thread-safe as Counter.
class Gauge {
  public:
    Gauge() = default;

    void set(double value) const noexcept;
    void set(std::uint64_t value) const noexcept { set(static_cast<double>(value)); }
    void increment() const noexcept;
    void decrement() const noexcept;
    [[nodiscard]] double value() const noexcept;

  private:
    friend class Registry;
    explicit Gauge(std::shared_ptr<prometheus::Gauge> gauge) : gauge_(std::move(gauge)) {}

    std::shared_ptr<prometheus::Gauge> gauge_;
};

/// A histogram of durations. Thread-safe.
class Histogram {
  public:
    Histogram() = default;

    void observe(std::chrono::nanoseconds time) const noexcept;
    /// How many durations were observed.
    [[nodiscard]] std::uint64_t count() const;

  private:
    friend class Registry;
    explicit Histogram(std::shared_ptr<prometheus::Histogram> histogram) : histogram_(std::move(histogram)) {}

    std::shared_ptr<prometheus::Histogram> histogram_;
};

/// What the metrics with the same name have in common. They differ in the value of one label. The texts are
/// read only during the call.
struct Family {
    /// The name at /metrics: it begins with "ioswarm_", names the base unit, and ends in "_total" if and only
    /// if the metrics are counters.
    std::string_view name;
    std::string_view help;        ///< the description at /metrics
    std::string_view label = {};  ///< the label's name; empty: the family is one metric without a label
};

/// Upper bounds of a histogram's buckets, in seconds: for calls over the network (1 ms to 10 s), and for writes
/// to a disk (0.1 ms to 5 s). Our own choice: two to three buckets per factor of 10, from what a fast call
/// takes to what clients give up after.
[[nodiscard]] std::span<const double> network_seconds() noexcept;
[[nodiscard]] std::span<const double> disk_seconds() noexcept;

/// Keeps the function registered that was given to Registry::on_read(). Destroying the hook removes it. The
/// destructor waits for a call that is under way, so do not destroy the hook under a lock that the function
/// takes.
class ReadHook {
  public:
    ReadHook() = default;

  private:
    friend class Registry;
    explicit ReadHook(std::shared_ptr<void> held) : held_(std::move(held)) {}

    std::shared_ptr<void> held_;
};

/// All metrics of one coordinator. A metric is normally declared once, by the object that counts it, when that
/// object is made. Copies of a registry are the same registry, and each Registry() is a new one, so several
/// coordinators can live in one process. Thread-safe.
class Registry {
  public:
    Registry();

    /// `key` is the name in /swarm/status. Empty: only /metrics shows the metric. A second declaration returns
    /// the same metric, with the value that it has. These are mistakes in the program: a name that was declared
    /// with another type throws std::invalid_argument; of two metrics with one key, /swarm/status shows only
    /// the first.
    [[nodiscard]] Counter counter(std::string_view key, const Family& family,
                                  std::string_view label_value = {}) const;
    [[nodiscard]] Gauge gauge(std::string_view key, const Family& family,
                              std::string_view label_value = {}) const;
    /// `bounds` are the upper bounds of the buckets in seconds, in ascending order.
    [[nodiscard]] Histogram histogram(const Family& family, std::span<const double> bounds) const;

    /// `refresh` is called before each reading, to set gauges whose value is a property of a data structure.
    /// `refresh` may take locks; do not read this registry while holding one of them. `refresh` must not read
    /// the registry.
    [[nodiscard]] ReadHook on_read(std::function<void()> refresh) const;

    // Readings. One at a time; they call the functions of on_read() first.

    /// All metrics that have a key, as whole numbers.
    [[nodiscard]] std::map<std::string, std::uint64_t> values() const;
    /// One of them; nothing when no metric has this key.
    [[nodiscard]] std::optional<std::uint64_t> value(const std::string& key) const;
    /// Everything, for the text of /metrics.
    [[nodiscard]] std::vector<prometheus::MetricFamily> collect() const;

  private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace ioswarm::metrics
