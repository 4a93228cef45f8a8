#include <catch2/catch.hpp>

#include <string_view>

#include "support/utf8.hpp"

namespace sluice {
namespace {

TEST_CASE("well-formed sequences are decoded", "[support]") {
  const auto is = [](std::string_view text, std::uint32_t value) {
    const CodePoint point = decode_utf8(text, 0);
    return point.value == value && point.length == text.size();
  };
  CHECK(is("a", 'a'));
  CHECK(is(std::string_view("\0", 1), 0));
  CHECK(is("\xC3\xA9", 0xE9));
  CHECK(is("\xE2\x88\x92", 0x2212));
  CHECK(is("\xEF\xBF\xBF", 0xFFFF));
  CHECK(is("\xF0\x9F\x98\x80", 0x1F600));
  CHECK(is("\xF4\x8F\xBF\xBF", 0x10FFFF));
}

TEST_CASE("everything else is not", "[support]") {
  for (const std::string_view text :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x80\x80", "\xED\xA0\x80", "\xE2\x88",
        "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    CHECK(decode_utf8(text, 0).length == 0);
  }
}

}  // namespace
}  // namespace sluice
