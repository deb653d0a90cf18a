// The process's metrics, in Prometheus terms: counters, gauges and histograms, named and labelled once, cheap to touch.
//
// Updates take no lock: each thread writes its own cache line and a scrape adds them up. References live as long as the
// process. Asking twice for the same name and labels gives the same object; labels must be of bounded cardinality.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace distsys::metrics {

using labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

inline constexpr std::size_t shards = 16;  // threads beyond this share a line, still correctly

namespace detail {
std::size_t this_shard() noexcept;  // fixed for a thread
struct alignas(64) cell {
  std::atomic<std::uint64_t> value{0};
};
}  // namespace detail

/// Only grows. Named `…_total`.
class counter {
 public:
  void add(std::uint64_t n = 1) noexcept { cells_[detail::this_shard()].value.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept;

 private:
  std::array<detail::cell, shards> cells_;
};

/// Goes up and down.
class gauge {
 public:
  void set(double v) noexcept { value_.store(v, std::memory_order_relaxed); }
  void add(double v) noexcept { value_.fetch_add(v, std::memory_order_relaxed); }
  double value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// Counts observations by upper bound. Durations are in seconds (`…_seconds`), sizes in bytes.
class histogram {
 public:
  explicit histogram(std::span<const double> upper_bounds);
  void observe(double v) noexcept;

  struct snapshot {
    std::vector<double> upper_bounds;    // without +Inf
    std::vector<std::uint64_t> buckets;  // not cumulative; one more than the bounds
    double sum = 0;
    std::uint64_t count = 0;
  };
  snapshot read() const;

 private:
  struct shard {
    std::vector<std::atomic<std::uint64_t>> buckets;
    std::atomic<double> sum{0};
  };
  std::vector<double> bounds_;
  std::array<std::unique_ptr<shard>, shards> shards_;
};

/// 100 us to 10 s: for requests and backend calls.
std::span<const double> duration_buckets() noexcept;

counter& get_counter(std::string_view name, std::string_view help, labels l = {});
gauge& get_gauge(std::string_view name, std::string_view help, labels l = {});
histogram& get_histogram(std::string_view name, std::string_view help, labels l = {},
                         std::span<const double> upper_bounds = duration_buckets());

/// A gauge read when scraped (from the scraping thread, so `read` must be thread-safe); gone when this is destroyed.
class observed_gauge {
 public:
  observed_gauge() = default;
  observed_gauge(std::string_view name, std::string_view help, labels l, std::function<double()> read);
  observed_gauge(observed_gauge&& other) noexcept;
  observed_gauge& operator=(observed_gauge&& other) noexcept;
  ~observed_gauge();

 private:
  std::uint64_t id_ = 0;
};

/// All of it in the Prometheus text format 0.0.4, process figures (CPU, memory, descriptors, start time) included.
std::string scrape();

}  // namespace distsys::metrics
