// What one connection asks next.
#pragma once

#include "distsys/runtime/random.hpp"
#include "plan.hpp"
#include "viewport.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace distsys::roles::loadgen {

/// Refers to the plan and the origin.
class request_source {
 public:
  request_source(const plan& p, const origin& server, const runtime::key_sampler& keys, std::size_t first);

  /// The bytes to send, valid until the next call. `number` counts the requests of all connections: it chooses in a
  /// replayed log and a file of keys, and moves a hot spot.
  std::string_view next(std::uint64_t number, runtime::random& r);
  /// A new session begins: at the first URL, as another user.
  void begin_session() noexcept;

 private:
  std::string_view key(std::uint64_t number, runtime::random& r);
  std::string_view look(runtime::random& r);

  const plan& plan_;
  const origin& server_;
  const runtime::key_sampler& keys_;
  std::size_t first_, next_;
  std::optional<viewport> view_;
  bool placed_ = false;
  std::string filled_, key_text_;
};

}  // namespace distsys::roles::loadgen
