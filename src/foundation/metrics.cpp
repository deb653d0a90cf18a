#include "distsys/foundation/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>

namespace distsys::metrics {
namespace {

using label_list = std::vector<prometheus::ClientMetric::Label>;

/// One name: its type, its help and a metric for every set of labels.
struct family {
  std::string help;
  prometheus::MetricType type;
  std::vector<std::pair<label_list, std::unique_ptr<counter>>> counters;
  std::vector<std::pair<label_list, std::unique_ptr<gauge>>> gauges;
  std::vector<std::pair<label_list, std::unique_ptr<histogram>>> histograms;
  std::map<std::uint64_t, std::pair<label_list, std::function<double()>>> observed;
};

struct registry {
  std::mutex mutex;
  std::map<std::string, family, std::less<>> families;
  std::uint64_t next_id = 1;
};

registry& all() {
  static registry instance;
  return instance;
}

family& family_of(std::string_view name, std::string_view help, prometheus::MetricType type) {
  auto& families = all().families;
  const auto found = families.find(name);
  if (found != families.end()) return found->second;
  family f;
  f.help = help;
  f.type = type;
  return families.emplace(name, std::move(f)).first->second;
}

label_list sorted(labels l) {
  label_list list;
  for (const auto& [key, value] : l) list.push_back({std::string(key), std::string(value)});
  std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return list;
}

bool same(const label_list& a, const label_list& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.name == y.name && x.value == y.value; });
}

template <class Metric, class Make>
Metric& find_or_make(std::vector<std::pair<label_list, std::unique_ptr<Metric>>>& metrics, labels l, Make make) {
  label_list list = sorted(l);
  for (auto& [known, metric] : metrics) {
    if (same(known, list)) return *metric;
  }
  return *metrics.emplace_back(std::move(list), make()).second;
}

prometheus::ClientMetric to_client(const histogram& h) {
  prometheus::ClientMetric m;
  const auto snapshot = h.read();
  m.histogram.sample_count = snapshot.count;
  m.histogram.sample_sum = snapshot.sum;
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < snapshot.buckets.size(); ++i) {
    cumulative += snapshot.buckets[i];
    const double bound =
        i < snapshot.upper_bounds.size() ? snapshot.upper_bounds[i] : std::numeric_limits<double>::infinity();
    m.histogram.bucket.push_back({cumulative, bound});
  }
  return m;
}

prometheus::MetricFamily collect(const std::string& name, const family& f) {
  prometheus::MetricFamily out;
  out.name = name;
  out.help = f.help;
  out.type = f.type;
  const auto add = [&](const label_list& l, prometheus::ClientMetric m) {
    m.label = l;
    out.metric.push_back(std::move(m));
  };
  for (const auto& [l, c] : f.counters) {
    prometheus::ClientMetric m;
    m.counter.value = static_cast<double>(c->value());
    add(l, std::move(m));
  }
  for (const auto& [l, g] : f.gauges) {
    prometheus::ClientMetric m;
    m.gauge.value = g->value();
    add(l, std::move(m));
  }
  for (const auto& [l, h] : f.histograms) add(l, to_client(*h));
  std::map<label_list, double> sums;  // two backends may have the same labels, and a series stands once in an answer
  for (const auto& [id, entry] : f.observed) sums[entry.first] += entry.second();
  for (const auto& [l, sum] : sums) {
    prometheus::ClientMetric m;
    m.gauge.value = sum;
    add(l, std::move(m));
  }
  return out;
}

prometheus::MetricFamily figure(std::string name, std::string help, prometheus::MetricType type, double value) {
  prometheus::MetricFamily f{std::move(name), std::move(help), type, {}};
  prometheus::ClientMetric m;
  (type == prometheus::MetricType::Counter ? m.counter.value : m.gauge.value) = value;
  f.metric.push_back(std::move(m));
  return f;
}

double start_time_seconds() {
  static const double start =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return start;
}
const double started_at = start_time_seconds();  // taken when the program is loaded

/// The names that every Prometheus client library uses for its process.
void add_process_figures(std::vector<prometheus::MetricFamily>& out) {
  using enum prometheus::MetricType;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  out.push_back(figure("process_cpu_seconds_total", "User and system CPU time", Counter,
                       seconds(usage.ru_utime) + seconds(usage.ru_stime)));
  out.push_back(figure("process_start_time_seconds", "Start of the process, Unix time", Gauge, started_at));

  std::ifstream statm("/proc/self/statm");
  double virtual_pages = 0, resident_pages = 0;
  statm >> virtual_pages >> resident_pages;
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  out.push_back(figure("process_virtual_memory_bytes", "Virtual memory", Gauge, virtual_pages * page));
  out.push_back(figure("process_resident_memory_bytes", "Resident memory", Gauge, resident_pages * page));

  std::error_code ignored;
  std::filesystem::directory_iterator descriptors("/proc/self/fd", ignored);
  const auto open = std::distance(begin(descriptors), end(descriptors));
  out.push_back(figure("process_open_fds", "Open file descriptors", Gauge, static_cast<double>(open)));
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  out.push_back(
      figure("process_max_fds", "Limit of open file descriptors", Gauge, static_cast<double>(limit.rlim_cur)));
}

}  // namespace

namespace detail {
std::size_t this_shard() noexcept {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed) % shards;
  return mine;
}
}  // namespace detail

std::uint64_t counter::value() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& c : cells_) sum += c.value.load(std::memory_order_relaxed);
  return sum;
}

histogram::histogram(std::span<const double> upper_bounds) : bounds_(upper_bounds.begin(), upper_bounds.end()) {
  for (auto& s : shards_) {
    s = std::make_unique<shard>();
    s->buckets = std::vector<std::atomic<std::uint64_t>>(bounds_.size() + 1);
  }
}

void histogram::observe(double v) noexcept {
  auto& s = *shards_[detail::this_shard()];
  const auto i = static_cast<std::size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), v) - bounds_.begin());
  s.buckets[i].fetch_add(1, std::memory_order_relaxed);
  s.sum.fetch_add(v, std::memory_order_relaxed);
}

histogram::snapshot histogram::read() const {
  snapshot out;
  out.upper_bounds = bounds_;
  out.buckets.resize(bounds_.size() + 1);
  for (const auto& s : shards_) {
    for (std::size_t i = 0; i < out.buckets.size(); ++i) {
      const auto n = s->buckets[i].load(std::memory_order_relaxed);
      out.buckets[i] += n;
      out.count += n;
    }
    out.sum += s->sum.load(std::memory_order_relaxed);
  }
  return out;
}

std::span<const double> duration_buckets() noexcept {
  static constexpr double bounds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                      0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};
  return bounds;
}

counter& get_counter(std::string_view name, std::string_view help, labels l) {
  const std::lock_guard lock(all().mutex);
  return find_or_make(family_of(name, help, prometheus::MetricType::Counter).counters, l,
                      [] { return std::make_unique<counter>(); });
}

gauge& get_gauge(std::string_view name, std::string_view help, labels l) {
  const std::lock_guard lock(all().mutex);
  return find_or_make(family_of(name, help, prometheus::MetricType::Gauge).gauges, l,
                      [] { return std::make_unique<gauge>(); });
}

histogram& get_histogram(std::string_view name, std::string_view help, labels l, std::span<const double> upper_bounds) {
  const std::lock_guard lock(all().mutex);
  return find_or_make(family_of(name, help, prometheus::MetricType::Histogram).histograms, l,
                      [&] { return std::make_unique<histogram>(upper_bounds); });
}

observed_gauge::observed_gauge(std::string_view name, std::string_view help, labels l, std::function<double()> read) {
  const std::lock_guard lock(all().mutex);
  id_ = all().next_id++;
  family_of(name, help, prometheus::MetricType::Gauge).observed.emplace(id_, std::pair{sorted(l), std::move(read)});
}

observed_gauge::observed_gauge(observed_gauge&& other) noexcept : id_(std::exchange(other.id_, 0)) {}

observed_gauge& observed_gauge::operator=(observed_gauge&& other) noexcept {
  std::swap(id_, other.id_);
  return *this;
}

observed_gauge::~observed_gauge() {
  if (id_ == 0) return;
  const std::lock_guard lock(all().mutex);
  for (auto& [name, f] : all().families) f.observed.erase(id_);
}

std::string scrape() {
  std::vector<prometheus::MetricFamily> families;
  {
    const std::lock_guard lock(all().mutex);
    for (const auto& [name, f] : all().families) {
      auto collected = collect(name, f);
      if (!collected.metric.empty()) families.push_back(std::move(collected));
    }
  }
  add_process_figures(families);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace distsys::metrics
