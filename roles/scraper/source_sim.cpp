#include "source_sim.hpp"

#include "distsys/foundation/json.hpp"
#include "distsys/foundation/text.hpp"
#include "distsys/runtime/clock.hpp"

namespace distsys::roles::scraper {

using domain::geo::timestamp;

std::string sim_feed::document(const simulated_city::scene& scene, timestamp t,
                               const std::unordered_set<std::string>& known) {
  std::string out = R"({"type":"FeatureCollection","metadata":{"generated":)";
  out += std::to_string(t.time_since_epoch().count());
  out += R"(,"title":"sim"},"features":[)";
  bool first = true;
  const auto add = [&](const domain::geo::event& e) {
    if (!first) out += ",\n";
    first = false;
    out += domain::geo::to_feature(e);
  };
  for (const auto& e : scene.active) add(e);
  for (auto e : scene.ended) {
    if (known.contains(e.id)) continue;
    e.properties["status"] = "deleted";
    add(e);
  }
  return out += "]}\n";
}

awaitable<poll_result> sim_feed::ask() {
  const timestamp t = runtime::now();
  last_ = city_->at(t);
  if (!whole_) {
    const auto elsewhere = [this](const domain::geo::event& e) { return !domain::geo::contains(*where_, e.at); };
    std::erase_if(last_.active, elsewhere);
    std::erase_if(last_.ended, elsewhere);
  }
  if (cap_ > 0 && last_.active.size() > cap_) last_.active.resize(cap_);
  answer a;
  a.origin = name_;
  a.source = name_;
  a.observed = t;
  a.stamped = true;
  a.records = last_.active.size();
  a.document = document(last_, t, told_);
  poll_result p;
  p.said = std::move(a);
  co_return p;
}

std::unique_ptr<feed> sim_feed::part(const domain::geo::box& b) const {
  return where_ ? std::make_unique<sim_feed>(city_, address_, cap_, b, false) : nullptr;
}

void sim_feed::stored() {
  told_.clear();
  for (const auto& e : last_.ended) told_.insert(e.id);
}

result<std::unique_ptr<feed>> make_sim_feed(const url& address) {
  constexpr std::string_view known[] = {"city", "seed", "density", "cap"};
  if (auto ok = address.check_parameters(known); !ok) return ok.error();
  if (!address.host().empty() || !address.path().empty()) {
    return error{errc::invalid, "'" + address.masked() + "': write sim:?city=NAME&seed=N&density=X&cap=N"};
  }
  const std::string city(address.parameter("city").value_or("santiago"));
  const place* where = find_place(city);
  if (where == nullptr) return error{errc::invalid, address.masked() + ": " + unknown_place(city)};
  const auto seed = parse_integer(address.parameter("seed").value_or("1"));
  if (!seed || *seed < 0) return error{errc::invalid, address.masked() + ": seed is a number from 0"};
  const auto density = parse_real(address.parameter("density").value_or("1"));
  if (!density || *density < 0.01 || *density > 200) {
    return error{errc::invalid, address.masked() + ": density is a number from 0.01 to 200"};
  }
  const auto cap = parse_integer(address.parameter("cap").value_or("0"));
  if (!cap || *cap < 0 || *cap > 1'000'000) {
    return error{errc::invalid, address.masked() + ": cap is a number from 0 (none) to 1000000"};
  }
  // Its outermost vertices lie a little outside of the radius.
  const auto boxes = domain::geo::bounds(domain::geo::circle{where->center, where->radius_km * 1100});
  return std::unique_ptr<feed>(std::make_unique<sim_feed>(
      std::make_shared<const simulated_city>(*where, static_cast<std::uint64_t>(*seed), *density), address.masked(),
      static_cast<std::size_t>(*cap), boxes.size() == 1 ? std::optional(boxes[0]) : std::nullopt));
}

}  // namespace distsys::roles::scraper
