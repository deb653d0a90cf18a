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
  /// An active event changes, an ended one appears again. `e` may have another id than was known: the old one stays an
  /// alias.
  void change(const prepared_event& e, const known_event& known);
  void end(const known_event& known);
  /// `other` turned out to be the same event as `kept`: it ends, unless it has, and its names lead to `kept`.
  void merge(const known_event& other, const std::string& source, const known_event& kept);
  /// The event's names lead to what is known, which stays as it is.
  void add_names(const event& e, const known_event& known);

  bool empty() const noexcept;
  /// The plan is empty afterwards; the outcome stays.
  ports::batch take();

  store_outcome outcome;

 private:
  void note(ports::statement& to, std::int64_t key, change_kind kind, std::int64_t observed, const position& at);
  void add_content(ports::table& to, const prepared_event& e);
  void add_alias(std::string_view source, std::string_view alias, std::int64_t key);
  void add_aliases(const event& e, std::int64_t key);

  std::int64_t observed_, recorded_;
  ports::statement retire_, move_aliases_, insert_, appeared_, changed_, update_, finish_, alias_;
};

}  // namespace distsys::domain::geo
