#include "src/commands/cache_sim_page.hpp"

#include "distsys/foundation/asset.hpp"
#include "distsys/foundation/html.hpp"
#include "distsys/foundation/version.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

namespace distsys::commands {

std::span<const asset> assets();

namespace {

// The chart's plain: what is drawn lies within these.
constexpr double left = 54, right = 508, top = 10, bottom = 250, width = 520, height = 296;

template <class... Values>
std::string format(const char* pattern, Values... values) {
  std::array<char, 512> text{};
  const int size = std::snprintf(text.data(), text.size(), pattern, values...);
  return {text.data(), static_cast<std::size_t>(std::clamp(size, 0, static_cast<int>(text.size()) - 1))};
}

// 1234567 with thin spaces.
std::string spaced(std::uint64_t n) {
  std::string out = std::to_string(n);
  for (std::size_t at = out.size(); at > 3;) out.insert(at -= 3, "\u202f");
  return out;
}

// A shape a policy, so that lines are told apart without colours.
std::string mark(caching::eviction how, double x, double y) {
  switch (how) {
    case caching::eviction::lru:
      return format(R"(<circle class="mark" cx="%.1f" cy="%.1f" r="4"/>)", x, y);
    case caching::eviction::lfu:
      return format(R"(<rect class="mark" x="%.1f" y="%.1f" width="7.5" height="7.5"/>)", x - 3.75, y - 3.75);
    case caching::eviction::fifo:
      return format(R"(<path class="mark" d="M%.1f %.1fl4.5 4.5-4.5 4.5-4.5-4.5z"/>)", x, y - 4.5);
    case caching::eviction::s3_fifo:
      return format(R"(<path class="mark" d="M%.1f %.1fl4.7 8.4h-9.4z"/>)", x, y - 5);
    case caching::eviction::w_tinylfu:
      return format(R"(<path class="mark" d="M%.1f %.1fl-4.7-8.4h9.4z"/>)", x, y + 5);
  }
  return {};
}

/// Hit ratio over capacity; capacities stand at even distances, as they are chosen in steps.
class chart {
 public:
  chart(const comparison_panel& panel, std::span<const caching::eviction> policies)
      : panel_(panel), policies_(policies) {
    double low = 1, high = 0;
    for (const auto& row : panel.rows) {
      for (const auto& c : row.counts) {
        low = std::min(low, c.ratio());
        high = std::max(high, c.ratio());
      }
    }
    // The axis: four to eight round steps around what there is.
    for (const double step : {0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001}) {
      step_ = step;
      low_ = std::floor(low / step + 1e-9) * step;
      high_ = std::min(1.0, std::max(std::ceil(high / step - 1e-9) * step, low_ + step));
      if (high_ - low_ > 3.5 * step) break;
    }
  }

  std::string draw() const {
    std::string out = format(R"(<svg class="chart" viewBox="0 0 %g %g" role="img" aria-label=")", width, height);
    out += "Hit ratio by capacity on " + escape_html(panel_.trace_name) + "; the numbers are in the table below\">";
    out += axes();
    for (std::size_t p = 0; p < policies_.size(); ++p) out += line(p);
    return out + "</svg>";
  }

 private:
  double x(std::size_t i) const {
    const auto steps = static_cast<double>(std::max<std::size_t>(panel_.rows.size(), 2) - 1);
    const double inset = 24;
    return left + inset + (right - left - 2 * inset) * static_cast<double>(i) / steps;
  }
  double y(double ratio) const { return bottom - (bottom - top) * (ratio - low_) / (high_ - low_); }

  std::string axes() const {
    std::string out;
    for (int i = 0; low_ + i * step_ < high_ + step_ / 2; ++i) {
      const double ratio = low_ + i * step_;
      out += format(R"(<line class="%s" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/>)", i == 0 ? "axis" : "grid", left, right,
                    y(ratio), y(ratio));
      out += format(R"(<text x="%g" y="%.1f" text-anchor="end">%g%%</text>)", left - 6, y(ratio) + 4,
                    std::round(ratio * 1000) / 10);
    }
    for (std::size_t i = 0; i < panel_.rows.size(); ++i) {
      out += format(R"(<line class="axis" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/>)", x(i), x(i), bottom, bottom + 5);
      out += format(R"(<text x="%.1f" y="%g" text-anchor="middle">)", x(i), bottom + 19);
      out += spaced(panel_.rows[i].capacity) + "</text>";
    }
    out += format(R"(<text x="%g" y="%g" text-anchor="middle">capacity in %s</text>)", (left + right) / 2, height - 6,
                  panel_.by_bytes ? "bytes" : "entries");
    return out;
  }

  std::string line(std::size_t policy) const {
    const auto how = policies_[policy];
    const std::string name(caching::name_of(how));
    std::string points, marks;
    for (std::size_t i = 0; i < panel_.rows.size(); ++i) {
      const double ratio = panel_.rows[i].counts[policy].ratio();
      points += format("%.1f,%.1f ", x(i), y(ratio));
      marks += "<g>" + mark(how, x(i), y(ratio)) + "<title>" + name + ", " + spaced(panel_.rows[i].capacity) + ": " +
               format("%.2f %%", ratio * 100) + "</title></g>";
    }
    return "<g class=\"" + name + "\"><polyline class=\"line\" points=\"" + points + "\"/>" + marks + "</g>";
  }

  const comparison_panel& panel_;
  std::span<const caching::eviction> policies_;
  double low_ = 0, high_ = 1, step_ = 0.2;
};

std::string heading(const comparison_panel& p) {
  return escape_html(p.trace_name) + (p.ttl == 0 ? ", no TTL" : ", TTL of " + spaced(p.ttl) + " requests");
}

std::string table(const comparison_panel& panel, std::span<const caching::eviction> policies) {
  std::string out = "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Hit ratios: " + heading(panel) +
                    "\"><table><caption>Hit ratios in per cent: " + heading(panel) +
                    "</caption><thead><tr><th scope=\"col\">capacity</th>";
  for (const auto how : policies) out += "<th scope=\"col\">" + std::string(caching::name_of(how)) + "</th>";
  out += "</tr></thead><tbody>";
  for (const auto& row : panel.rows) {
    out += "<tr><th scope=\"row\">" + spaced(row.capacity) + "</th>";
    for (std::size_t i = 0; i < row.counts.size(); ++i) {
      const bool best = policies.size() > 1 && row.counts[i].hits == row.counts[row.best()].hits;
      out += std::string(best ? "<td class=\"best\">" : "<td>") + format("%.2f", row.counts[i].ratio() * 100) + "</td>";
    }
    out += "</tr>";
  }
  return out + "</tbody></table></div>";
}

std::string legend(std::span<const caching::eviction> policies) {
  std::string out = "<ul class=\"legend\">";
  for (const auto how : policies) {
    const std::string name(caching::name_of(how));
    out += "<li><svg class=\"" + name +
           "\" viewBox=\"0 0 40 16\" aria-hidden=\"true\"><path class=\"line\" d=\"M0 8h40\"/>" + mark(how, 20, 8) +
           "</svg>" + name + "</li>";
  }
  return out + "</ul>";
}

}  // namespace

std::string comparison_page(std::span<const comparison_panel> panels, std::span<const caching::eviction> policies) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<title>Eviction policies compared</title><style>\n";
  for (const auto& a : assets()) out += a.bytes;
  out +=
      "</style></head><body><h1>Eviction policies compared</h1>"
      "<p>Hits of all requests when a cache of that capacity is asked for each key of a trace and is filled with what "
      "it "
      "missed. A star marks the best of a row.</p>";
  out += legend(policies) + "<main>\n";
  for (const auto& panel : panels) {
    out += "<section><h2>" + heading(panel) + "</h2><p>" + spaced(panel.requests) + " requests for " +
           spaced(panel.distinct) + " keys</p>" + chart(panel, policies).draw() + table(panel, policies) +
           "</section>\n";
  }
  return out + "</main><footer>distsys " + escape_html(version()) + " cache-sim</footer></body></html>\n";
}

}  // namespace distsys::commands
