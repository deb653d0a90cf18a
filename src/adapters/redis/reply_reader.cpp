#include "reply_reader.hpp"

#include "stored_value.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>
#include <utility>

namespace distsys::adapters::redis {
namespace {

constexpr std::size_t max_line = 64u << 10;  // of a status, an error or an integer
constexpr std::size_t piece = 16u << 10;     // hiredis moves what is left of its buffer at each reply: keep it short
constexpr std::size_t kept_buffer = 256u << 10;
constexpr std::size_t max_number = 32;  // of the line before a bulk string or an array

error nonsense(std::string what) { return {errc::unavailable, "the server sent " + std::move(what)}; }

int depth_of(const redisReadTask* task) {
  int depth = 0;
  for (const auto* t = task->parent; t; t = t->parent) ++depth;
  return depth;
}

}  // namespace

redisReplyObjectFunctions reply_reader::functions_{&on_string, &on_array, &on_integer, &on_nil, &on_free};

reply_reader::reply_reader(reply_limits limits, bool stored)
    : limits_(limits), stored_(stored), reader_(redisReaderCreateWithFunctions(&functions_)) {
  if (!reader_) throw std::bad_alloc();
  reader_->maxbuf = kept_buffer;  // 16 KiB would be given back, and asked for again, at every reply of some size
}

// hiredis frees and links nothing by itself: a nested reply goes into its parent's elements, which were made with it.
reply* reply_reader::place(const redisReadTask* task) {
  if (!task->parent) return new reply;
  return &static_cast<reply*>(task->parent->obj)->elements[static_cast<std::size_t>(task->idx)];
}

void* reply_reader::on_string(const redisReadTask* task, char* text, std::size_t size) {
  // hiredis 0.14 steps over the two bytes after a bulk string without looking; text[size] and the next are in its
  // buffer. A null pointer ends the reading with an error.
  if (task->type == REDIS_REPLY_STRING && (text[size] != '\r' || text[size + 1] != '\n')) return nullptr;
  reply* const r = place(task);
  std::string_view bytes(text, size);
  r->type = task->type == REDIS_REPLY_STATUS  ? reply::kind::status
            : task->type == REDIS_REPLY_ERROR ? reply::kind::error
                                              : reply::kind::bulk;
  const auto* const self = static_cast<const reply_reader*>(task->privdata);
  if (r->type == reply::kind::bulk && self->stored_) {
    const stored_value value = decode(bytes);
    r->type = kind_of(value.kind);
    bytes = value.bytes;
  }
  if (r->type == reply::kind::bulk && size > self->limits_.value) {
    r->type = reply::kind::too_large;
    return r;
  }
  r->text.assign(bytes);
  return r;
}

void* reply_reader::on_array(const redisReadTask* task, int elements) {
  const auto* const self = static_cast<const reply_reader*>(task->privdata);
  if (static_cast<std::size_t>(elements) > self->limits_.elements || depth_of(task) >= self->limits_.depth)
    return nullptr;
  reply* const r = place(task);
  r->type = reply::kind::array;
  r->elements.resize(static_cast<std::size_t>(elements));
  return r;
}

void* reply_reader::on_integer(const redisReadTask* task, long long number) {
  reply* const r = place(task);
  r->type = reply::kind::integer;
  r->number = number;
  return r;
}

void* reply_reader::on_nil(const redisReadTask* task) {
  reply* const r = place(task);
  r->type = reply::kind::nil;
  return r;
}

void reply_reader::on_free(void* object) { delete static_cast<reply*>(object); }

result<std::size_t> reply_reader::feed(std::string_view bytes, std::size_t max_bytes) {
  if (large_.under_way()) return large_.feed(bytes);
  if (unfinished_ == 0) {
    const std::size_t most = left_of(max_bytes);
    if (const std::size_t n = most > 0 ? large_.begin(bytes, most, stored_) : 0; n > 0) {
      reads_large_ = true;
      return n;
    }
    if (const std::size_t n = begin_array(bytes); n > 0) return n;
  }
  bytes = bytes.substr(0, piece);
  reader_->privdata = this;  // hiredis's macro for it does not compile as C++
  if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK)
    return nonsense("a reply that does not fit into memory");
  unfinished_ += bytes.size();
  return bytes.size();
}

/// What one more value may have.
std::size_t reply_reader::left_of(std::size_t max_bytes) const noexcept {
  const std::size_t left = max_bytes - std::min(max_bytes, array_bytes_ + 2);
  return std::min(left, limits_.value);
}

/// "*16\r\n": of values.
std::size_t reply_reader::begin_array(std::string_view bytes) {
  if (!stored_ || array_ || bytes.front() != '*') return 0;
  const auto end = bytes.substr(0, max_number).find("\r\n");
  if (end == std::string_view::npos) return 0;
  std::size_t size = 0;
  const auto [stop, bad] = std::from_chars(bytes.data() + 1, bytes.data() + end, size);
  if (bad != std::errc{} || stop != bytes.data() + end || size == 0 || size > limits_.elements) return 0;
  array_.emplace().type = reply::kind::array;
  array_->elements.reserve(size);
  array_size_ = size;
  array_bytes_ = 0;
  return end + 2;
}

/// What hiredis waits for may be a large value, whose beginning came behind something else: it is taken from it.
bool reply_reader::begin_large_behind_hiredis(std::size_t max_bytes) {
  redisReader& r = *reader_;
  if (r.ridx != 0 || r.rstack[0].type != REDIS_REPLY_STRING || max_bytes == 0) return false;
  const std::string_view waiting(r.buf + r.pos, r.len - r.pos);
  const std::string start = "$" + std::string(waiting.substr(0, max_number + max_head));  // hiredis has taken the '$'
  const std::size_t n = large_.begin(start, left_of(max_bytes), stored_);
  if (n == 0) return false;
  large_.feed(waiting.substr(n - 1));
  r.ridx = -1;  // as after a whole reply
  r.pos = r.len;
  unfinished_ = 0;
  reads_large_ = true;
  return true;
}

// A line that never ends would be searched for its end again at every byte.
bool reply_reader::plausible() const noexcept {
  const redisReader& r = *reader_;
  if (r.ridx < 0) return true;
  const int type = r.rstack[r.ridx].type;
  const std::size_t waiting = r.len - r.pos;
  if (type == REDIS_REPLY_STATUS || type == REDIS_REPLY_ERROR || type == REDIS_REPLY_INTEGER) return waiting < max_line;
  if (type == REDIS_REPLY_STRING || type == REDIS_REPLY_ARRAY)
    return waiting < max_number || std::memchr(r.buf + r.pos, '\n', max_number) != nullptr;
  return true;
}

result<std::optional<reply>> reply_reader::next(std::size_t max_bytes) {
  for (;;) {
    auto one = next_part(max_bytes);
    if (!one || !*one || !array_) return one;
    if ((*one)->type == reply::kind::array) return nonsense("an array where a value belongs");
    array_bytes_ += (*one)->text.size();
    array_->elements.push_back(std::move(**one));
    if (array_->elements.size() == array_size_) {
      array_bytes_ = 0;
      return std::exchange(array_, std::nullopt);
    }
  }
}

/// A whole reply, or an element of array_.
result<std::optional<reply>> reply_reader::next_part(std::size_t max_bytes) {
  if (large_.under_way()) return large_.take();
  return next_of_hiredis(max_bytes);
}

result<std::optional<reply>> reply_reader::next_of_hiredis(std::size_t max_bytes) {
  void* object = nullptr;
  if (redisReaderGetReply(reader_.get(), &object) != REDIS_OK) return nonsense("what is not the Redis protocol");
  if (object) {
    const std::unique_ptr<reply> whole(static_cast<reply*>(object));
    unfinished_ = reader_->len - reader_->pos;
    reads_large_ = false;
    return std::optional<reply>(std::move(*whole));
  }
  if (begin_large_behind_hiredis(max_bytes)) return std::optional<reply>();
  if (unfinished_ > max_bytes)
    return error{errc::too_large, "the server sent a reply of more than " + std::to_string(max_bytes) + " bytes"};
  if (!plausible()) return nonsense("what is not the Redis protocol");
  return std::optional<reply>();
}

}  // namespace distsys::adapters::redis
