#include "reader_pool.hpp"

#include <pthread.h>

#include <memory>

namespace distsys::adapters::sqlite {

reader_pool::reader_pool(const options& settings) : settings_(settings), queue_(settings.queue) {
  for (unsigned i = 0; i < settings.readers; ++i) threads_.emplace_back([this] { work(); });
}

reader_pool::~reader_pool() { stop(); }

void reader_pool::stop() {
  queue_.close({errc::unavailable, "the database is closed (" + settings_.file.string() + ")"});
  for (std::thread& t : threads_)
    if (t.joinable()) t.join();
}

void reader_pool::work() {
  pthread_setname_np(pthread_self(), "sqlite-read");
  std::unique_ptr<connection> own;
  while (auto call = queue_.pop()) {
    if (!own || own->broken()) {
      own.reset();
      auto opened = connection::open(settings_, connection::access::read);
      if (!opened) {
        call->fail(opened.error());
        continue;
      }
      own = std::move(*opened);
    }
    own->limit(call->until(), call->stop());
    call->run(*own);
  }
}

}  // namespace distsys::adapters::sqlite
