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

/// A number that only grows. Counting costs an atomic addition: no lookup, no lock, no allocation. Copies count
/// the same thing and keep it alive. One that was made without a registry counts nothing. Thread-safe.
class Counter {
  public:
    Counter() = default;

    void add(std::uint64_t by = 1) const noexcept;
    /// For something that is counted elsewhere: raises the value to `total`, never lowers it. Only one thread
    /// at a time may call it, as a function given to Registry::on_read() does.
    void raise_to(std::uint64_t total) const noexcept;
    /// Values are doubles, which are exact up to 2^53.
    [[nodiscard]] std::uint64_t value() const noexcept;

  private:
    friend class Registry;
    explicit Counter(std::shared_ptr<prometheus::Counter> counter) : counter_(std::move(counter)) {}

    std::shared_ptr<prometheus::Counter> counter_;
};

/// A number that rises and falls. Costs and threads are those of a Counter.
class Gauge {
  public:
    Gauge() = default;

    void set(double value) const noexcept;
    void set(std::uint64_t value) const noexcept { set(static_cast<double>(value)); }
    void add() const noexcept;
    void subtract() const noexcept;
    [[nodiscard]] double value() const noexcept;

  private:
    friend class Registry;
    explicit Gauge(std::shared_ptr<prometheus::Gauge> gauge) : gauge_(std::move(gauge)) {}

    std::shared_ptr<prometheus::Gauge> gauge_;
};

/// Counts durations by their length. Thread-safe.
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

/// What the metrics with the same name have in common. They differ in the value of one label.
struct Family {
    /// The name at /metrics: it begins with "ioswarm_", names the base unit, and ends in "_total" exactly if
    /// these are counters.
    std::string_view name;
    std::string_view help;
    std::string_view label = {};  ///< the label's name; empty: the family is one metric without a label
};

/// Upper bounds of a histogram's buckets, in seconds: for calls over the network, and for writes to a disk.
[[nodiscard]] std::span<const double> network_seconds() noexcept;
[[nodiscard]] std::span<const double> disk_seconds() noexcept;

/// While it lives, the function that was given to Registry::on_read() is called. Its destructor waits for a
/// call that is under way, so it must not run under a lock that the function takes.
class ReadHook {
  public:
    ReadHook() = default;

  private:
    friend class Registry;
    explicit ReadHook(std::shared_ptr<void> held) : held_(std::move(held)) {}

    std::shared_ptr<void> held_;
};

/// All metrics of one coordinator. Each is declared once, by the object that counts it, when that object is
/// made. Copies of a registry are the same registry, and each Registry() is a new one, so several coordinators
/// can live in one process. Thread-safe.
class Registry {
  public:
    Registry();

    /// `key` is the name in /swarm/status; nothing else may use it. Empty: only /metrics shows the metric.
    /// Whoever declares a metric again gets the same one, with the value that it has.
    [[nodiscard]] Counter counter(std::string_view key, const Family& family,
                                  std::string_view label_value = {}) const;
    [[nodiscard]] Gauge gauge(std::string_view key, const Family& family,
                              std::string_view label_value = {}) const;
    /// `bounds` are the upper bounds of the buckets in seconds, in ascending order.
    [[nodiscard]] Histogram histogram(const Family& family, std::span<const double> bounds) const;

    /// `refresh` is called before each reading, to set gauges whose value is a property of a data structure. It
    /// may take locks, under which nobody may read this registry, and it may not read the registry itself.
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
