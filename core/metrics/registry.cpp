// SPDX-License-Identifier: Apache-2.0
#include "core/metrics/registry.hpp"

#include <array>
#include <list>
#include <mutex>
#include <utility>
#include <variant>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace ioswarm::metrics {
namespace {

prometheus::Labels labels_of(const Family& family, std::string_view value) {
    if (family.label.empty()) return {};
    return {{std::string(family.label), std::string(value)}};
}

/// The value as a whole number; 0 if it is negative.
std::uint64_t whole(double value) {
    return value > 0 ? static_cast<std::uint64_t>(value) : 0;
}

}  // namespace

void Counter::add(std::uint64_t by) const noexcept {
    if (counter_) counter_->Increment(static_cast<double>(by));
}

void Counter::raise_to(std::uint64_t total) const noexcept {
    if (const std::uint64_t now = value(); total > now) add(total - now);
}

std::uint64_t Counter::value() const noexcept {
    return counter_ ? whole(counter_->Value()) : 0;
}

void Gauge::set(double value) const noexcept {
    if (gauge_) gauge_->Set(value);
}

void Gauge::increment() const noexcept {
    if (gauge_) gauge_->Increment();
}

void Gauge::decrement() const noexcept {
    if (gauge_) gauge_->Decrement();
}

double Gauge::value() const noexcept {
    return gauge_ ? gauge_->Value() : 0;
}

void Histogram::observe(std::chrono::nanoseconds time) const noexcept {
    if (histogram_) histogram_->Observe(std::chrono::duration<double>(time).count());
}

std::uint64_t Histogram::count() const {
    return histogram_ ? histogram_->Collect().histogram.sample_count : 0;
}

std::span<const double> network_seconds() noexcept {
    static constexpr std::array bounds{0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1,
                                       0.25,  0.5,   1.0,   2.5,  5.0,   10.0};
    return bounds;
}

std::span<const double> disk_seconds() noexcept {
    static constexpr std::array bounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                       0.025,  0.05,    0.1,    0.25,  0.5,    1.0,   5.0};
    return bounds;
}

struct Registry::Impl {
    using Metric = std::variant<const prometheus::Counter*, const prometheus::Gauge*>;

    prometheus::Registry registry;
    std::mutex by_key_mutex;
    std::map<std::string, Metric, std::less<>> by_key;
    /// Held during a whole reading, so that the hooks of two readings do not mix. Taken before all other locks.
    std::mutex reading;
    std::list<std::function<void()>> hooks;

    /// Makes the metric known under its key, if it has one.
    void add_key(std::string_view key, Metric metric) {
        if (key.empty()) return;
        const std::lock_guard lock(by_key_mutex);
        by_key.emplace(key, metric);
    }

    /// Begins a reading: calls the hooks, which bring the gauges up to date. The reading lasts as long as the
    /// lock that is returned.
    [[nodiscard]] std::unique_lock<std::mutex> begin_reading() {
        std::unique_lock lock(reading);
        for (const auto& refresh : hooks)
            refresh();
        return lock;
    }

    static std::uint64_t value_of(const Metric& metric) {
        return std::visit([](const auto* one) { return whole(one->Value()); }, metric);
    }
};

Registry::Registry() : impl_(std::make_shared<Impl>()) {}

Counter Registry::counter(std::string_view key, const Family& family, std::string_view label_value) const {
    prometheus::Counter& made = prometheus::BuildCounter()
                                    .Name(std::string(family.name))
                                    .Help(std::string(family.help))
                                    .Register(impl_->registry)
                                    .Add(labels_of(family, label_value));
    impl_->add_key(key, &made);
    return Counter(std::shared_ptr<prometheus::Counter>(impl_, &made));
}

Gauge Registry::gauge(std::string_view key, const Family& family, std::string_view label_value) const {
    prometheus::Gauge& made = prometheus::BuildGauge()
                                  .Name(std::string(family.name))
                                  .Help(std::string(family.help))
                                  .Register(impl_->registry)
                                  .Add(labels_of(family, label_value));
    impl_->add_key(key, &made);
    return Gauge(std::shared_ptr<prometheus::Gauge>(impl_, &made));
}

Histogram Registry::histogram(const Family& family, std::span<const double> bounds) const {
    prometheus::Histogram& made =
        prometheus::BuildHistogram()
            .Name(std::string(family.name))
            .Help(std::string(family.help))
            .Register(impl_->registry)
            .Add({}, prometheus::Histogram::BucketBoundaries(bounds.begin(), bounds.end()));
    return Histogram(std::shared_ptr<prometheus::Histogram>(impl_, &made));
}

ReadHook Registry::on_read(std::function<void()> refresh) const {
    const std::lock_guard lock(impl_->reading);
    const auto at = impl_->hooks.insert(impl_->hooks.end(), std::move(refresh));
    return ReadHook(std::shared_ptr<void>(nullptr, [impl = impl_, at](void*) {
        const std::lock_guard erasing(impl->reading);
        impl->hooks.erase(at);
    }));
}

std::map<std::string, std::uint64_t> Registry::values() const {
    const auto reading = impl_->begin_reading();
    const std::lock_guard lock(impl_->by_key_mutex);
    std::map<std::string, std::uint64_t> out;
    for (const auto& [key, metric] : impl_->by_key)
        out.emplace_hint(out.end(), key, Impl::value_of(metric));
    return out;
}

std::optional<std::uint64_t> Registry::value(const std::string& key) const {
    const auto reading = impl_->begin_reading();
    const std::lock_guard lock(impl_->by_key_mutex);
    const auto at = impl_->by_key.find(key);
    if (at == impl_->by_key.end()) return std::nullopt;
    return Impl::value_of(at->second);
}

std::vector<prometheus::MetricFamily> Registry::collect() const {
    const auto reading = impl_->begin_reading();
    return impl_->registry.Collect();
}

}  // namespace ioswarm::metrics
