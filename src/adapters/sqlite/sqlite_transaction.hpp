// An interactive transaction: it holds the writer's thread until it ends or its time is over.
#pragma once

#include "connection.hpp"
#include "distsys/ports/database.hpp"
#include "lane_call.hpp"

#include <chrono>
#include <memory>

namespace distsys::adapters::sqlite {

/// A call to the writer that opens the transaction, answers with it, and serves it on that thread.
class begin_call final : public answered_call<std::unique_ptr<ports::transaction>> {
 public:
  begin_call(runtime::deadline until, std::chrono::milliseconds time_limit)
      : answered_call(until), time_limit_(time_limit) {}
  void run(connection& c) override;

 private:
  std::chrono::milliseconds time_limit_;
};

}  // namespace distsys::adapters::sqlite
