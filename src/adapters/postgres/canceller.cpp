#include "canceller.hpp"

#include "distsys/foundation/metrics.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <array>
#include <memory>
#include <utility>

namespace distsys::adapters::postgres {

void canceller::cancel(PGconn* connection, executor where, std::function<void()> done) {
  static metrics::counter& asked =
      metrics::get_counter("distsys_postgres_cancels_total", "Statements that the server was asked to end.");
  asked.add();
  const std::shared_ptr<PGcancel> request(PQgetCancel(connection), PQfreeCancel);
  auto work = std::make_shared<asio::executor_work_guard<executor>>(where);
  const bool queued = request && lane_.post([request, where, work, done] {
    std::array<char, 256> text{};
    PQcancel(request.get(), text.data(), static_cast<int>(text.size()));
    asio::post(where, done);
  });
  if (!queued) asio::post(where, std::move(done));
}

}  // namespace distsys::adapters::postgres
