#include "upload.hpp"

#include "distsys/domain/geo/codecs.hpp"
#include "distsys/foundation/json.hpp"
#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

namespace distsys::roles::cache {
namespace {

using namespace std::chrono_literals;
namespace geo = domain::geo;

constexpr std::size_t max_line_bytes = 1u << 20;
constexpr auto clocks_differ = 5min;  // more is a mistake, and not a clock that is fast
constexpr char record_separator = '\x1e';

class reader {
 public:
  reader(const std::string& source, geo::timestamp observed) : source_(source) { out_.seen.observed = observed; }

  void feature(std::size_t number, json::value v) {
    upload_row row{.number = number};
    const json::object* o = v.if_object();
    if (o == nullptr || json::get_string(*o, "type") != "Feature") {
      geo::refusal no{"wrong_type", "not a GeoJSON Feature", {}};
      no.document = boost::json::serialize(geo::without_personal_data(std::move(v)));
      return refuse(std::move(row), std::move(no));
    }
    json::object document;
    document["type"] = "FeatureCollection";
    document["features"].emplace_array().push_back(std::move(v));
    auto read = geo::decode(json::value(std::move(document)), {.source = source_, .observed = out_.seen.observed});
    if (!read) return refuse(std::move(row), {"wrong_type", read.error().detail, {}});
    if (read->events.empty()) {
      if (read->refused.empty()) return refuse(std::move(row), {"wrong_type", "no event was read", {}});
      return refuse(std::move(row), std::move(read->refused.front()));
    }
    row.id = read->events.front().id;
    take(std::move(row), std::move(read->events.front()));
  }

  void refuse(upload_row row, geo::refusal why) {
    row.reason = why.reason;
    row.detail = why.detail;
    out_.rows.push_back(std::move(row));
    out_.seen.refused.push_back(std::move(why));
  }

  std::size_t rows() const noexcept { return out_.rows.size(); }

  upload finish() {
    for (auto& [id, c] : chosen_) {
      if (geo::says_deleted(c.what)) {
        out_.ended.push_back(id);
        out_.over.push_back(c.row);
      } else {
        out_.seen.events.push_back(std::move(c.what));
        out_.live.push_back(c.row);
      }
    }
    return std::move(out_);
  }

 private:
  struct choice {
    geo::event what;
    std::size_t row = 0;
  };

  void take(upload_row row, geo::event e) {
    const std::size_t mine = out_.rows.size();
    out_.rows.push_back(std::move(row));
    const auto [at, fresh] = chosen_.try_emplace(e.id);
    if (fresh) {
      at->second = {std::move(e), mine};
      return;
    }
    const auto &then = at->second.what.updated, &now = e.updated;
    std::size_t loser = mine;
    if (!then || !now || *now >= *then) {
      loser = std::exchange(at->second.row, mine);
      at->second.what = std::move(e);
    }
    out_.rows[loser].verdict = row_verdict::older;
    out_.rows[loser].reason = "duplicate";
    out_.rows[loser].detail = "row " + std::to_string(out_.rows[at->second.row].number) + " has the same id";
  }

  const std::string& source_;
  upload out_;
  std::map<std::string, choice> chosen_;
};

error too_many() { return {errc::too_large, "more than 10000 features in one call"}; }

result<upload> read_lines(std::string_view body, const std::string& source, geo::timestamp now) {
  reader r(source, now);
  // RFC 8142: each text after a separator, which no JSON text holds, and of as many lines as it likes.
  const char end = body.starts_with(record_separator) ? record_separator : '\n';
  if (end == record_separator) body.remove_prefix(1);
  for (std::size_t number = 0; !body.empty(); ++number) {
    const std::string_view line = body.substr(0, body.find(end));
    body.remove_prefix(std::min(body.size(), line.size() + 1));
    if (trim(line).empty()) continue;
    if (r.rows() == max_upload_rows) return too_many();
    auto v = json::parse(line, max_line_bytes);
    if (v) {
      r.feature(number, std::move(*v));
    } else {  // its text is not kept: what is not JSON cannot be cleared of personal data
      r.refuse({.number = number}, {"not_json", v.error().detail, {}});
    }
  }
  if (r.rows() == 0) return error{errc::invalid, "the body is empty"};
  return r.finish();
}

result<upload> read_document(std::string_view body, const std::string& source, geo::timestamp now) {
  auto document = json::parse(body, max_upload_bytes);
  if (!document) return document.error();
  json::object* o = document->if_object();
  const auto type = o != nullptr ? json::get_string(*o, "type") : std::nullopt;
  if (type == "Feature") {
    reader r(source, now);
    r.feature(0, std::move(*document));
    return r.finish();
  }
  const json::array* features = o != nullptr ? json::get_array(*o, "features") : nullptr;
  if (type != "FeatureCollection" || features == nullptr) {
    return error{errc::invalid, "neither a GeoJSON Feature nor a FeatureCollection with features"};
  }
  if (features->size() > max_upload_rows) return too_many();
  const auto observed = geo::observation_time(*document).value_or(now);
  if (observed > now + clocks_differ) {
    return error{errc::invalid, "the collection says it is from " + format_time(observed) + ", which is yet to come"};
  }
  // An observation of the future would keep the newer ones out, which come before its time.
  reader r(source, std::min(observed, now));
  std::size_t number = 0;
  for (json::value& v : (*o)["features"].get_array()) r.feature(number++, std::move(v));
  return r.finish();
}

}  // namespace

std::string_view name(row_verdict v) noexcept {
  constexpr std::array<std::string_view, 6> names{"added", "changed", "unchanged", "older", "ended", "refused"};
  return names[static_cast<std::size_t>(v)];
}

result<upload> read_upload(upload_format format, std::string_view body, const std::string& source, geo::timestamp now) {
  return format == upload_format::lines ? read_lines(body, source, now) : read_document(body, source, now);
}

std::string verdicts_json(const std::vector<upload_row>& rows) {
  std::array<std::size_t, 6> counts{};
  for (const upload_row& r : rows) ++counts[static_cast<std::size_t>(r.verdict)];
  std::string out;
  out.reserve(128 + 64 * rows.size());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    out += i == 0 ? "{\"" : ",\"";
    out += name(static_cast<row_verdict>(i));
    out += "\":" + std::to_string(counts[i]);
  }
  out += ",\"rows\":[";
  const auto member = [&out](std::string_view key, std::string_view text) {
    if (text.empty()) return;
    out.append(",\"").append(key).append("\":");
    json::append_string(out, text);
  };
  for (bool first = true; const upload_row& r : rows) {
    out += first ? "{\"row\":" : ",{\"row\":";
    first = false;
    out += std::to_string(r.number);
    member("id", r.id);
    member("verdict", name(r.verdict));
    member("reason", r.reason);
    member("detail", r.detail);
    out += '}';
  }
  return out + "]}";
}

}  // namespace distsys::roles::cache
