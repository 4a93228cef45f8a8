#include <catch2/catch.hpp>

#include <string_view>

#include "dsl/digest.hpp"
#include "tests/unit/dsl/program_of.hpp"

namespace sluice::dsl {
namespace {

Digest of(std::string_view text) { return test::last(test::program_of(text)).digest; }

TEST_CASE("the digest is FNV-1a with 128 bits", "[dsl]") {
  // The empty text and "a" (draft-eastlake-fnv, test vectors).
  CHECK(digest_of("") == Digest{0x6c62272e07bb0142, 0x62b821756295c58d});
  CHECK(digest_of("a") == Digest{0xd228cb696f1a8caf, 0x78912b704e4a8964});
}

TEST_CASE("the digest looks at the meaning, not at the layout", "[dsl]") {
  // 2 and 2.0 differ under ^.
  CHECK_FALSE(of("fn f(x) = x * 2 + 1") == of("fn f(x) = x * 2.0 + 1"));
  CHECK(of("fn f(x) = x * 2 + 1") == of("# c\n## doc\nfn f ( x ) =\n  ((x * 2) + 0x1)"));
  CHECK(of("fn f(x; a = 2) = x * a") == of("fn f(x; a = 1 + 1) = x * a"));
}

TEST_CASE("the digest changes with what changes the meaning", "[dsl]") {
  const Digest digest = of("fn f(x; a = 1) = x * a");
  CHECK_FALSE(digest == of("fn f(x; a = 2) = x * a"));
  CHECK_FALSE(digest == of("fn f(x; a = 1) = a * x"));
  CHECK_FALSE(digest == of("@exact\nfn f(x; a = 1) = x * a"));
  CHECK_FALSE(digest == of("fn f(x; a: int = 1) = x * a"));
  CHECK_FALSE(of("fn g(x) = x\nfn f(x) = g(x)") == of("fn g(x) = -x\nfn f(x) = g(x)"));
  CHECK_FALSE(of("fn g(x) = x\nfn f(x) = g(g(x))") == of("fn g(x) = x\nfn f(x) = g(x)"));
}

}  // namespace
}  // namespace sluice::dsl
