#include "distsys/foundation/html.hpp"

#include "tests/support/catch.hpp"

using namespace std::string_view_literals;
using distsys::escape_html;

TEST_CASE("text of others cannot leave its place in a page") {
  CHECK(escape_html(R"(<a href="x" id='y'>&amp;</a>)") ==
        "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
  CHECK(escape_html("Preparación\tde\nÑuñoa") == "Preparación\tde\nÑuñoa");
  CHECK(escape_html("a\0b\x1b[31m"sv) ==
        "a\xef\xbf\xbd"
        "b\xef\xbf\xbd[31m");
  CHECK(escape_html("\xff\xc3") == "\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(escape_html("").empty());
}
