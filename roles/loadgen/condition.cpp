#include "condition.hpp"

#include "distsys/foundation/text.hpp"
#include "report.hpp"

#include <array>
#include <cmath>
#include <optional>

namespace distsys::roles::loadgen {
namespace {

using metric = comparison::metric;
using sign = comparison::sign;
using view = comparison::view;

struct named {
  std::string_view name;
  metric what;
};
constexpr std::array<named, 14> metrics{{{"mean", metric::mean},
                                         {"max", metric::max},
                                         {"min", metric::min},
                                         {"stddev", metric::deviation},
                                         {"errors", metric::errors},
                                         {"4xx", metric::client_errors},
                                         {"5xx", metric::server_errors},
                                         {"hit_ratio", metric::hit_ratio},
                                         {"busy", metric::busy},
                                         {"rate", metric::rate},
                                         {"send_lag", metric::send_lag},
                                         {"p50", metric::percentile},
                                         {"p99", metric::percentile},
                                         {"p99.9", metric::percentile}}};

result<void> read_metric(comparison& c, std::string_view name) {
  const std::string_view whole = name;
  for (const auto& [prefix, v] : {std::pair{"raw.", view::raw}, std::pair{"corrected.", view::corrected}}) {
    if (!name.starts_with(prefix)) continue;
    c.of = v;
    name.remove_prefix(std::string_view(prefix).size());
  }
  if (name.size() > 1 && name.front() == 'p' && name[1] >= '0' && name[1] <= '9') {
    const auto percent = parse_real(name.substr(1));
    if (!percent || *percent < 0 || *percent > 100)
      return error{errc::invalid, "'" + std::string(whole) + "' is no percentile: p50 … p99.999"};
    c.percent = *percent;
    return {};
  }
  std::vector<std::string_view> names;
  for (const auto& m : metrics) {
    if (m.name == name) {
      c.what = m.what;
      if (c.of != view::usual && (!c.is_latency() || c.what == metric::send_lag))
        return error{errc::invalid, "'" + std::string(whole) + "': only latencies are raw or corrected"};
      return {};
    }
    names.push_back(m.name);
  }
  const std::string_view meant = nearest(name, names);
  return error{errc::invalid, "'" + std::string(whole.substr(0, 40)) + "' is no figure of a run" +
                                  (meant.empty() ? std::string(": p50 … p99.999, mean, max, min, stddev, errors, 4xx, "
                                                               "5xx, hit_ratio, rate, busy, send_lag")
                                                 : "; did you mean " + std::string(meant) + "?")};
}

result<void> read_limit(comparison& c, std::string_view text) {
  const auto wrong = [&](const char* wanted) {
    return error{errc::invalid, "'" + std::string(text.substr(0, 40)) + "' is not " + wanted};
  };
  if (c.is_latency()) {
    const auto d = parse_duration(text);
    if (!d) return wrong("a duration such as 10ms");
    c.limit = static_cast<double>(d->count());
    return {};
  }
  const bool percent = text.ends_with('%');
  if (percent) text = trim(text.substr(0, text.size() - 1));
  const auto number = parse_real(text);
  if (!number || *number < 0) return wrong("a number");
  c.limit = percent ? *number / 100 : *number;
  c.as_ratio = percent;
  if (percent && c.what == metric::rate) return wrong("a number of answers a second");
  if (c.is_ratio() && c.limit > 1) return wrong("a share of 0 to 1, or 0% to 100%");
  return {};
}

result<comparison> read_comparison(std::string_view text) {
  comparison c;
  c.text = trim(text);
  const std::size_t at = text.find_first_of("<>");
  if (at == std::string_view::npos)
    return error{errc::invalid, "'" + c.text.substr(0, 40) + "' compares nothing: write it like p99<10ms"};
  const bool equal = at + 1 < text.size() && text[at + 1] == '=';
  c.how =
      text[at] == '<' ? (equal ? sign::less_or_equal : sign::less) : (equal ? sign::greater_or_equal : sign::greater);
  if (auto done = read_metric(c, trim(text.substr(0, at))); !done) return done.error();
  if (auto done = read_limit(c, trim(text.substr(at + (equal ? 2 : 1)))); !done) return done.error();
  return c;
}

const histogram* latencies(const comparison& c, const report& r) {
  if (c.what == metric::send_lag) return r.open() ? &r.counts.lag : nullptr;
  if (c.of == view::raw) return &r.raw();
  if (c.of == view::corrected) return r.corrected();
  return &r.counts.latency;
}

// The percent of the answers that is `percent` of all that was due, what has no answer being slower than every answer.
double among_answers(double percent, const tally& n) {
  return percent * static_cast<double>(n.answers + n.unanswered()) / static_cast<double>(n.answers);
}

// Latencies that no answer tells: a percentile among the requests without one, and what takes all of them together.
bool hidden(const comparison& c, const tally& n) {
  if (!c.is_latency() || n.answers == 0 || n.unanswered() == 0) return false;
  if (c.what == metric::percentile) return among_answers(c.percent, n) > 100;
  return c.what == metric::mean || c.what == metric::max || c.what == metric::deviation;
}

std::optional<double> measure(const comparison& c, const report& r) {
  const tally& n = r.counts;
  const auto share = [&](std::uint64_t some) -> std::optional<double> {
    if (!c.as_ratio) return static_cast<double>(some);
    if (n.sent == 0) return std::nullopt;
    return static_cast<double>(some) / static_cast<double>(n.sent);
  };
  if (c.is_latency()) {
    const histogram* h = latencies(c, r);
    if (h == nullptr || h->count() == 0 || hidden(c, n)) return std::nullopt;
    switch (c.what) {
      case metric::mean:
        return h->mean();
      case metric::max:
        return static_cast<double>(h->max());
      case metric::min:
        return static_cast<double>(h->min());
      case metric::deviation:
        return h->deviation();
      case metric::send_lag:
        return static_cast<double>(h->percentile(99));
      default:
        return static_cast<double>(h->percentile(n.unanswered() == 0 ? c.percent : among_answers(c.percent, n)));
    }
  }
  switch (c.what) {
    case metric::errors:
      return share(n.failed());
    case metric::client_errors:
      return share(n.of_class(4));
    case metric::server_errors:
      return share(n.of_class(5));
    case metric::hit_ratio:
      return n.hit_ratio();
    case metric::busy:
      return r.busy;
    default:
      return r.requests_per_second();
  }
}

std::string shown(const comparison& c, double v) {
  if (c.is_latency()) return human_time(v);
  if (c.is_ratio()) return fixed(100 * v, v < 0.01 ? 3 : 1) + " %";
  if (c.what == metric::rate) return grouped(whole(v)) + "/s";
  return grouped(static_cast<std::uint64_t>(v));
}

}  // namespace

bool comparison::is_latency() const noexcept { return what <= metric::deviation || what == metric::send_lag; }
bool comparison::is_ratio() const noexcept { return what == metric::hit_ratio || what == metric::busy || as_ratio; }

bool comparison::holds(double measured) const noexcept {
  switch (how) {
    case sign::less:
      return measured < limit;
    case sign::less_or_equal:
      return measured <= limit;
    case sign::greater:
      return measured > limit;
    case sign::greater_or_equal:
      break;
  }
  return measured >= limit;
}

result<condition> parse_condition(std::string_view text) {
  condition out;
  out.text = trim(text);
  std::string joined(text);
  for (std::size_t at = joined.find("&&"); at != std::string::npos; at = joined.find("&&", at))
    joined.replace(at, 2, ",");
  for (const std::string_view part : split(joined, ',')) {
    if (trim(part).empty()) return error{errc::invalid, "an empty part in '" + out.text.substr(0, 64) + "'"};
    auto c = read_comparison(part);
    if (!c) return c.error();
    out.all.push_back(std::move(*c));
  }
  return out;
}

judgement judge(const comparison& c, const report& r) {
  constexpr std::array<std::string_view, 4> signs{"<", "<=", ">", ">="};
  judgement j;
  const std::string name(trim(std::string_view(c.text).substr(0, c.text.find_first_of("<>"))));
  const auto value = measure(c, r);
  if (!value) {
    j.text = name + " was not measured";
    if (const tally& n = r.counts; hidden(c, n))
      j.text = name + " cannot be told: of " + grouped(n.answers + n.unanswered()) + " requests that were due " +
               grouped(n.unanswered()) + " were never answered, and count as slower than every answer";
    return j;
  }
  j.known = true;
  j.measured = *value;
  j.holds = c.holds(*value);
  const double off = std::abs(*value - c.limit);
  j.text = name + " was " + shown(c, *value) + (j.holds ? ": " : ": not ") +
           std::string(signs[static_cast<std::size_t>(c.how)]) + " " + shown(c, c.limit);
  if (off > 0) {
    j.text += ", " + shown(c, off);
    if (c.limit > 0) j.text += " (" + fixed(100 * off / c.limit, 0) + " %)";
    j.text += *value > c.limit ? " over" : " under";
  }
  return j;
}

}  // namespace distsys::roles::loadgen
