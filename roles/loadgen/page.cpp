#include "page.hpp"

#include "chart.hpp"
#include "distsys/foundation/asset.hpp"
#include "distsys/foundation/html.hpp"
#include "figures_of_run.hpp"
#include "page_charts.hpp"
#include "report.hpp"

#include <algorithm>
#include <cstdio>

namespace distsys::roles::loadgen {

// Compiled in: web/report.css.
std::span<const asset> assets();

namespace {

std::string text_of(const json::value& v) {
  if (v.is_string()) return std::string(v.get_string());
  if (v.is_null()) return "–";
  if (v.is_bool()) return v.get_bool() ? "yes" : "no";
  if (const json::array* a = v.if_array()) {
    std::string out;
    for (const json::value& item : *a) out += (out.empty() ? "" : ", ") + text_of(item);
    return out.empty() ? "–" : out;
  }
  if (v.is_number()) {
    char text[32];
    std::snprintf(text, sizeof text, "%.10g", v.to_number<double>());
    return text;
  }
  return boost::json::serialize(v);
}

/// The value as people read it: the unit stands in the member's name.
std::string value_of(std::string_view member, const json::value& v) {
  if (v.is_number() && member.ends_with("_bytes")) return human_bytes(v.to_number<double>());
  if (v.is_number() && member.ends_with("_seconds")) return text_of(v) + " s";
  return text_of(v);
}

std::string words_of(std::string_view member) {
  for (const std::string_view unit : {"_seconds", "_bytes"}) {
    if (member.ends_with(unit)) member.remove_suffix(unit.size());
  }
  std::string out(member);
  std::replace(out.begin(), out.end(), '_', ' ');
  return out;
}

/// Rows of an object's members, one column a run.
std::string member_table(std::span<const shown_run> runs, std::string_view member, const std::string& title) {
  std::vector<std::string> names;
  for (const shown_run& r : runs) {
    const json::object* o = json::get_object(r.data, member);
    if (o == nullptr) continue;
    for (const auto& item : *o) {
      if (std::find(names.begin(), names.end(), item.key()) == names.end()) names.emplace_back(item.key());
    }
  }
  if (names.empty()) return "";
  std::string out = "<section class=\"card\"><h2>" + title + "</h2><div class=\"scroll\"><table class=\"facts\">";
  if (runs.size() > 1) {
    out += "<thead><tr><td></td>";
    for (const shown_run& r : runs) out += "<th scope=\"col\">" + escape_html(r.name) + "</th>";
    out += "</tr></thead>";
  }
  out += "<tbody>";
  for (const std::string& name : names) {
    out += "<tr><th scope=\"row\">" + escape_html(words_of(name)) + "</th>";
    for (const shown_run& r : runs) {
      const json::object* o = json::get_object(r.data, member);
      const json::value* v = o == nullptr ? nullptr : o->if_contains(name);
      out += "<td>" + (v == nullptr ? std::string("–") : escape_html(value_of(name, *v))) + "</td>";
    }
    out += "</tr>";
  }
  return out + "</tbody></table></div></section>";
}

std::string cards(const json::object& run) {
  constexpr std::string_view wanted[] = {"answers a second", "p50",     "p99",    "p99.9",
                                         "latency, max",     "answers", "errors", "cache hit ratio"};
  std::string out = "<section class=\"cards\" aria-label=\"Summary\">";
  for (const run_figure& f : figures_of(run)) {
    const bool shows = std::find(std::begin(wanted), std::end(wanted), f.name) != std::end(wanted);
    if (!shows || !f.value) continue;
    const bool alarm = f.name == "errors" && *f.value > 0;
    out += "<div class=\"card figure" + std::string(alarm ? " bad" : "") + "\"><span class=\"label\">" +
           escape_html(f.name) + "</span><span class=\"value\">" + escape_html(shown(f)) + "</span></div>";
  }
  return out + "</section>";
}

std::string side_by_side(std::span<const shown_run> runs) {
  std::string out = "<section class=\"card\"><h2>The runs side by side</h2><p class=\"note\">Changes are from " +
                    escape_html(runs.front().name) + ".</p><div class=\"scroll\"><table><thead><tr><td></td>";
  for (const shown_run& r : runs) out += "<th scope=\"col\">" + escape_html(r.name) + "</th>";
  out += "</tr></thead><tbody>";
  std::vector<std::vector<run_figure>> figures;
  for (const shown_run& r : runs) figures.push_back(figures_of(r.data));
  for (std::size_t row = 0; row < figures.front().size(); ++row) {
    if (std::none_of(figures.begin(), figures.end(), [&](const auto& f) { return f[row].value.has_value(); })) continue;
    const run_figure& base = figures.front()[row];
    out += "<tr><th scope=\"row\">" + escape_html(base.name) + "</th>";
    for (std::size_t i = 0; i < figures.size(); ++i) {
      const run_figure& f = figures[i][row];
      const int way = i == 0 ? 0 : direction_of(base, f);
      out += "<td>" + escape_html(shown(f));
      if (const std::string change = i == 0 ? "" : change_between(base, f); !change.empty())
        out += " <span class=\"change" +
               std::string(way > 0   ? " good"
                           : way < 0 ? " bad"
                                     : "") +
               "\">" + escape_html(change) + "</span>";
      out += "</td>";
    }
    out += "</tr>";
  }
  return out + "</tbody></table></div></section>";
}

std::string honesty(const shown_run& run, bool named) {
  const json::object* v = json::get_object(run.data, "validity");
  const bool valid = json::get_bool(run.data, "valid").value_or(true);
  std::string line = "Its busiest loop was busy " + fixed(number_at(run.data, "generator/cpu_percent").value_or(0), 0) +
                     " % of the time";
  if (const auto lag = number_at(run.data, "generator/send_lag_us/percentiles/99"))
    line += "; requests left " + human_time(*lag) + " late at p99";
  line += ".";
  std::string out = "<section class=\"card honesty " + std::string(valid ? "good" : "bad") + "\"><strong>" +
                    (named ? escape_html(run.name) + ": " : "") + (valid ? "Valid run" : "INVALID run") +
                    "</strong> <span>" +
                    (valid ? "The generator was not the bottleneck. " : "The generator was the bottleneck. ") +
                    escape_html(line) + "</span>";
  const json::array* why = v == nullptr ? nullptr : json::get_array(*v, "reasons");
  if (why != nullptr && !why->empty()) {
    out += "<ul>";
    for (const json::value& reason : *why) out += "<li>" + escape_html(text_of(reason)) + "</li>";
    out += "</ul>";
  }
  return out + "</section>";
}

std::string verdicts(const json::object& run) {
  const json::array* all = json::get_array(run, "thresholds");
  if (all == nullptr || all->empty()) return "";
  std::string out = "<section class=\"card\"><h2>Thresholds</h2><ul class=\"verdicts\">";
  for (const json::value& item : *all) {
    const json::object* t = item.if_object();
    if (t == nullptr) continue;
    const bool failed = json::get_bool(*t, "failed").value_or(false);
    out += "<li><span class=\"badge " + std::string(failed ? "bad\">failed" : "good\">passed") +
           "</span> fail if <code>" + escape_html(json::get_string(*t, "fail_if").value_or("")) + "</code>";
    if (const json::array* parts = json::get_array(*t, "parts")) {
      for (const json::value& part : *parts) {
        const json::object* p = part.if_object();
        if (p != nullptr)
          out += "<br><span class=\"note\">" + escape_html(json::get_string(*p, "text").value_or("")) + "</span>";
      }
    }
    out += "</li>";
  }
  return out + "</ul></section>";
}

std::string search(const json::object& run) {
  const json::object* s = json::get_object(run, "find_max");
  if (s == nullptr) return "";
  const double rate = json::get_number(*s, "rate").value_or(0);
  std::string found = rate > 0 ? grouped(whole(rate)) + " requests a second" : "no rate";
  found += " held, in " + fixed(json::get_number(*s, "held").value_or(0), 0) + " of " +
           fixed(json::get_number(*s, "runs").value_or(0), 0) + " runs";
  if (const auto failed = json::get_number(*s, "failed_at"))
    found += "; " + grouped(whole(*failed)) + " a second failed";
  const auto ended = json::get_string(*s, "ended").value_or("");
  if (!ended.empty()) found += " (not verified: " + std::string(ended) + ")";
  std::string out =
      "<section class=\"card\"><h2>Highest rate that holds <code>" +
      escape_html(json::get_string(*s, "condition").value_or("")) + "</code></h2><p>" + escape_html(found) +
      ".</p><div class=\"scroll\"><table><thead><tr><th scope=\"col\">rate</th><th scope=\"col\">step</th>"
      "<th scope=\"col\">outcome</th><th scope=\"col\">p50</th><th scope=\"col\">p99</th></tr></thead><tbody>";
  if (const json::array* steps = json::get_array(*s, "steps")) {
    for (const json::value& item : *steps) {
      const json::object* t = item.if_object();
      if (t == nullptr) continue;
      const bool held = json::get_bool(*t, "held").value_or(false), valid = json::get_bool(*t, "valid").value_or(true);
      out += "<tr><th scope=\"row\">" + grouped(whole(json::get_number(*t, "rate").value_or(0))) + "</th><td>" +
             escape_html(json::get_string(*t, "why").value_or("")) + "</td><td><span class=\"badge " +
             (held    ? "good\">held"
              : valid ? "bad\">failed"
                      : "bad\">invalid") +
             "</span></td><td>" + escape_html(human_time(json::get_number(*t, "p50_us").value_or(0))) + "</td><td>" +
             escape_html(human_time(json::get_number(*t, "p99_us").value_or(0))) + "</td></tr>";
    }
  }
  return out + "</tbody></table></div></section>";
}

std::string percentile_table(std::span<const shown_run> runs) {
  std::string head, rows;
  const bool alone = runs.size() == 1;
  std::vector<std::pair<std::string, std::string>> columns;  // path, title
  if (alone) {
    const json::object& run = runs.front().data;
    columns.emplace_back(
        "latency_us", json::get_string(run, "latency_from") == "intended" ? "from the intended time" : "from sending");
    if (json::get_string(run, "latency_from") == "intended")
      columns.emplace_back("raw_latency_us", "raw, from sending");
    else if (json::get_object(run, "corrected_latency_us") != nullptr)
      columns.emplace_back("corrected_latency_us", "corrected");
  }
  for (const auto& c : columns) head += "<th scope=\"col\">" + c.second + "</th>";
  if (!alone) {
    for (const shown_run& r : runs) head += "<th scope=\"col\">" + escape_html(r.name) + "</th>";
  }
  const auto cell = [](const json::object& run, const std::string& path) {
    const auto v = number_at(run, path);
    return "<td>" + (v ? escape_html(human_time(*v)) : std::string("–")) + "</td>";
  };
  for (const double q : shown_percentiles) {
    const std::string name = percentile_name(q);
    rows += "<tr><th scope=\"row\">" + (q == 100 ? std::string("max") : name + " %") + "</th>";
    for (const auto& c : columns) rows += cell(runs.front().data, c.first + "/percentiles/" + name);
    if (!alone) {
      for (const shown_run& r : runs) rows += cell(r.data, "latency_us/percentiles/" + name);
    }
    rows += "</tr>";
  }
  std::string missing;
  for (const shown_run& r : runs) {
    const auto note = json::get_string(r.data, "unanswered_note").value_or("");
    if (!note.empty())
      missing += "<p class=\"note\">" + (alone ? "" : escape_html(r.name) + ": ") + escape_html(note) + ".</p>";
  }
  return "<section class=\"card\"><h2>Latency</h2>" + missing + "<div class=\"scroll\"><table><thead><tr><td></td>" +
         head + "</tr></thead><tbody>" + rows + "</tbody></table></div></section>";
}

std::string warnings(const json::object& run) {
  const json::object* g = json::get_object(run, "generator");
  const json::array* all = g == nullptr ? nullptr : json::get_array(*g, "warnings");
  const json::object* v = json::get_object(run, "validity");
  const json::array* said = v == nullptr ? nullptr : json::get_array(*v, "reasons");
  std::string items;
  for (const json::value& w : all == nullptr ? json::array{} : *all) {
    if (said != nullptr && std::find(said->begin(), said->end(), w) != said->end()) continue;
    items += "<li>" + escape_html(text_of(w)) + "</li>";
  }
  return items.empty() ? "" : "<section class=\"card\"><h2>Warnings</h2><ul>" + items + "</ul></section>";
}

std::string heading(std::span<const shown_run> runs) {
  const json::object& run = runs.front().data;
  std::string target;
  for (const shown_run& r : runs) target += (target.empty() ? "" : ", ") + r.name;
  if (const json::object* c = json::get_object(run, "config"); c != nullptr && runs.size() == 1) {
    const json::array* targets = json::get_array(*c, "targets");
    target = std::string(json::get_string(*c, "method").value_or("")) + " ";
    if (targets != nullptr && !targets->empty()) {
      target += text_of(targets->front());
      if (targets->size() > 1) target += " and " + std::to_string(targets->size() - 1) + " more";
    }
  }
  std::string when = std::string(json::get_string(run, "began").value_or(""));
  if (const auto dot = when.find('.'); dot != std::string::npos) when = when.substr(0, dot) + "Z";
  std::replace(when.begin(), when.end(), 'T', ' ');
  return "<header><h1>" + std::string(runs.size() == 1 ? "Load test" : "Load tests compared") +
         "</h1><p class=\"target\">" + escape_html(target) + "</p><p class=\"note\">" + escape_html(when) +
         "</p></header>";
}

}  // namespace

std::string as_page(std::span<const shown_run> runs) {
  std::string out =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<meta name=\"color-scheme\" content=\"light dark\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src "
      "data:\">"
      "<link rel=\"icon\" href=\"data:,\"><title>Load test report</title><style>";
  out += assets().front().bytes;
  out += "</style></head><body>" + heading(runs) + "<main>";
  for (const shown_run& r : runs) out += honesty(r, runs.size() > 1);
  if (runs.size() == 1) {
    const json::object& run = runs.front().data;
    out += cards(run) + verdicts(run) + search(run) + warnings(run);
  } else {
    out += side_by_side(runs);
  }
  out += chart_sections(runs) + percentile_table(runs);
  out += member_table(runs, "status", "Statuses");
  const bool errors = std::any_of(runs.begin(), runs.end(),
                                  [](const shown_run& r) { return number_at(r.data, "errors_total").value_or(0) > 0; });
  if (errors) out += member_table(runs, "errors", "Errors");
  if (runs.size() == 1) out += course_table(runs.front().data);
  out += member_table(runs, "config", "Configuration") + member_table(runs, "environment", "Environment");
  return out + "</main></body></html>\n";
}

}  // namespace distsys::roles::loadgen
