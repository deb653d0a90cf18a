// The statements of one writing transaction, filled event by event.
#pragma once

#include "distsys/domain/geo/event_repository.hpp"
#include "known_events.hpp"

#include <string_view>

namespace distsys::domain::geo {

/// An event with all that is stored of it.
struct prepared_event {
  const event* what;
  std::string_view feature;
  std::int64_t content;  // the feature's hash
  std::int64_t since;
};

class change_plan {
 public:
  change_plan(ports::dialect d, timestamp observed, timestamp recorded);

  void add(const prepared_event& e);
  /// An active event changes, an ended one appears again.
  void change(const prepared_event& e, const known_event& known);
  void end(const known_event& known);

  bool empty() const noexcept { return appeared_.parameters.empty() && changed_.parameters.empty(); }
  /// The plan is empty afterwards; the outcome stays.
  ports::batch take();

  store_outcome outcome;

 private:
  void note(ports::statement& to, std::int64_t key, change_kind kind, const position& at);
  void add_content(ports::table& to, const prepared_event& e);
  void add_aliases(const event& e, std::int64_t key);

  std::int64_t observed_, recorded_;
  ports::statement insert_, appeared_, changed_, update_, finish_, alias_;
};

}  // namespace distsys::domain::geo
