// How many point reads a second a number of callers does through the database port, each waiting for its answer: what
// `pgbench -S` does, on its table.
//
//   bench_database URL CALLERS LOOPS ROWS SECONDS      prints "RATE requests/s, CPU us a request"
#include "distsys/ports/driver.hpp"
#include "distsys/runtime/random.hpp"
#include "distsys/runtime/runtime.hpp"
#include "distsys/runtime/task_group.hpp"

#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <variant>

using namespace distsys;

namespace {

double cpu_seconds() {
  rusage u{};
  getrusage(RUSAGE_SELF, &u);
  return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

std::shared_ptr<ports::database> open_database(runtime::runtime& loops, const std::string& address) {
  const auto parsed = url::parse(address).value();
  for (const ports::driver& d : ports::drivers()) {
    const auto* open = std::get_if<ports::open_function<ports::database>>(&d.open);
    if (open && d.scheme == parsed.scheme()) return (*open)(parsed, {loops, "/tmp"}).value();
  }
  std::fprintf(stderr, "no driver for %s\n", parsed.masked().c_str());
  std::exit(64);
}

awaitable<void> call(ports::database& db, std::int64_t rows, runtime::deadline end, std::atomic<std::uint64_t>& sum) {
  std::uint64_t done = 0;
  auto& dice = runtime::thread_random();
  while (runtime::steady_now() < end) {
    const auto c = ports::call_context::within(std::chrono::seconds(5));
    const auto id = static_cast<std::int64_t>(dice.below(static_cast<std::uint64_t>(rows))) + 1;
    const auto got =
        co_await db.query(c, {"SELECT abalance FROM pgbench_accounts WHERE aid = ?", ports::table::row(id), {}});
    if (!got || got->rows() != 1) {
      std::fprintf(stderr, "%s\n", got ? "a row is missing" : got.error().what().c_str());
      std::exit(1);
    }
    ++done;
  }
  sum += done;
}

awaitable<void> run(runtime::runtime& loops, ports::database& db, int callers, std::int64_t rows, int seconds) {
  std::atomic<std::uint64_t> sum{0};
  runtime::task_group group;
  const double cpu = cpu_seconds();
  const auto start = runtime::steady_now();
  const auto end = start + std::chrono::seconds(seconds);
  for (int i = 0; i < callers; ++i)
    group.spawn(loops.loop(static_cast<unsigned>(i) % loops.size()), call(db, rows, end, sum));
  co_await group.wait();
  const double elapsed = std::chrono::duration<double>(runtime::steady_now() - start).count();
  const auto done = static_cast<double>(sum.load());
  std::printf("%.0f requests/s, %.2f us a request\n", done / elapsed, (cpu_seconds() - cpu) / done * 1e6);
  co_await db.close();
  loops.stop();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: bench_database URL CALLERS LOOPS ROWS SECONDS\n");
    return 64;
  }
  runtime::runtime loops(static_cast<unsigned>(std::atoi(argv[3])));
  const auto db = open_database(loops, argv[1]);
  runtime::task_group group;
  group.spawn(loops.loop(0), run(loops, *db, std::atoi(argv[2]), std::atoll(argv[4]), std::atoi(argv[5])));
  loops.run();
}
