// `sim:?city=santiago&seed=1&density=1`: a simulated city, asked for what is going on now.
#pragma once

#include "feed.hpp"
#include "simulated_city.hpp"

#include "distsys/foundation/url.hpp"

#include <memory>
#include <string>
#include <unordered_set>

namespace distsys::roles::scraper {

class sim_feed final : public feed {
 public:
  explicit sim_feed(simulated_city city) : city_(std::move(city)) {}

  const std::string& name() const override { return name_; }
  std::optional<std::chrono::milliseconds> own_interval() const override { return std::chrono::seconds(1); }
  awaitable<poll_result> ask() override;
  void stored() override;

  /// A FeatureCollection; what has ended has the status "deleted". Leaves out the ended ones in `known`.
  static std::string document(const simulated_city::scene& scene, domain::geo::timestamp t,
                              const std::unordered_set<std::string>& known);

 private:
  const std::string name_ = "sim";
  simulated_city city_;
  simulated_city::scene last_;
  std::unordered_set<std::string> told_;  // ended, and stored as such
};

/// errc::invalid for an unknown city or parameter.
result<std::unique_ptr<feed>> make_sim_feed(const url& address);

}  // namespace distsys::roles::scraper
