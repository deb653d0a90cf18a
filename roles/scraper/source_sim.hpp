// `sim:?city=santiago&seed=1&density=1&cap=0`: a simulated city, asked for what is going on now.
#pragma once

#include "feed.hpp"
#include "simulated_city.hpp"

#include "distsys/foundation/url.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

namespace distsys::roles::scraper {

class sim_feed final : public feed {
 public:
  /// Answers at most `cap` active events (0: all) of a box; nothing: of the whole city.
  sim_feed(std::shared_ptr<const simulated_city> city, std::string address, std::size_t cap,
           std::optional<domain::geo::box> where, bool whole = true)
      : address_(std::move(address)), city_(std::move(city)), cap_(cap), where_(where), whole_(whole) {}

  const std::string& name() const override { return name_; }
  feed_identity identity() const override { return {address_, "", name_}; }
  std::string area() const override { return city_->name(); }
  std::optional<domain::geo::box> where() const override { return where_; }
  std::size_t cap() const override { return cap_; }
  std::unique_ptr<feed> part(const domain::geo::box& b) const override;
  bool tells_ends() const override { return true; }
  std::optional<std::chrono::milliseconds> own_interval() const override { return std::chrono::seconds(1); }
  awaitable<poll_result> ask() override;
  void stored() override;

  /// A FeatureCollection; what has ended has the status "deleted". Leaves out the ended ones in `known`.
  static std::string document(const simulated_city::scene& scene, domain::geo::timestamp t,
                              const std::unordered_set<std::string>& known);

 private:
  const std::string name_ = "sim";
  const std::string address_;
  const std::shared_ptr<const simulated_city> city_;
  const std::size_t cap_;
  const std::optional<domain::geo::box> where_;
  const bool whole_;  // where_ is the city's own
  simulated_city::scene last_;
  std::unordered_set<std::string> told_;  // ended, and stored as such
};

/// errc::invalid for an unknown city or parameter.
result<std::unique_ptr<feed>> make_sim_feed(const url& address);

}  // namespace distsys::roles::scraper
