#include "roles/cache/access.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace distsys;
using namespace distsys::roles::cache;

TEST_CASE("a token has a name and scopes") {
  const std::vector<std::string> texts{"phone=0123456789abcdef", "ops=fedcba9876543210:cache:purge,events:any-source",
                                       ""};
  const auto list = access_list::parse(texts);
  REQUIRE(list.has_value());
  CHECK_FALSE(list->empty());
  const token_grant* phone = list->find("phone");
  REQUIRE(phone != nullptr);
  CHECK(phone->may(scope::events_write));
  CHECK_FALSE(phone->may(scope::cache_purge));
  const token_grant* ops = list->find("ops");
  REQUIRE(ops != nullptr);
  CHECK(ops->may(scope::cache_purge));
  CHECK(ops->may(scope::any_source));
  CHECK_FALSE(ops->may(scope::events_write));
  CHECK(list->find("") == nullptr);
}

TEST_CASE("what is wrong with a token is said without repeating it") {
  const std::string secret = "s3cr3t-s3cr3t-s3cr3t";
  const std::vector<std::string> bad{secret,
                                     "=" + secret,
                                     "Phone=" + secret,
                                     "phone=short",
                                     "phone=" + secret + " x",
                                     "phone=" + secret + ":events:read",
                                     "phone=" + secret + ":"};
  for (const std::string& text : bad) {
    INFO(text);
    const std::string why = valid_token(text);
    CHECK_FALSE(why.empty());
    CHECK(why.find(secret) == std::string::npos);
  }
  CHECK(valid_token("phone=" + secret).empty());
  const std::vector<std::string> twice{"phone=" + secret, "phone=" + secret + "2"};
  CHECK(access_list::parse(twice).has_error());
}

namespace {

/// 200 for those who are let in.
int ask(const net::admission& admit, std::string_view authorization) {
  const net::header_field fields[] = {{"Authorization", authorization}};
  net::http_request request;
  if (!authorization.empty()) request.headers = fields;
  const auto refusal = admit(request);
  CHECK(request.user.empty() == (refusal && refusal->status == 401));
  return refusal ? refusal->status : 200;
}

}  // namespace

TEST_CASE("those with the scope are admitted") {
  const std::vector<std::string> texts{"phone=0123456789abcdef", "ops=fedcba9876543210:cache:purge"};
  const auto list = access_list::parse(texts);
  const net::admission write = list->admission(scope::events_write);
  CHECK(ask(write, "Bearer 0123456789abcdef") == 200);
  CHECK(ask(write, "bearer 0123456789abcdef") == 200);
  CHECK(ask(write, "Bearer fedcba9876543210") == 403);
  for (const char* no :
       {"", "Bearer", "Bearer ", "Bearer 0123456789abcdeg", "Bearer 0123456789abcde", "Basic MDEyMzQ1"})
    CHECK(ask(write, no) == 401);
  net::http_request anybody;
  CHECK(access_list().admission(scope::events_write)(anybody)->status == 403);
}
