#include <memory>

#include <catch2/catch.hpp>

#include "runtime/reclaim.hpp"

namespace sluice {
namespace {

TEST_CASE("what nobody reads is collected at once", "[runtime]") {
  ReclaimDomain domain;
  auto object = std::make_shared<int>(1);
  domain.retire(object);
  CHECK(domain.collect().size() == 1);
  CHECK(object.use_count() == 1);
}

TEST_CASE("what a reader may see is kept until it leaves", "[runtime]") {
  ReclaimDomain domain;
  ReclaimDomain::Count& early = domain.enter();
  domain.retire(std::make_shared<int>(1));
  CHECK(domain.collect().empty());
  // A reader who came after the object was unlinked, and one who came after the first attempt.
  ReclaimDomain::Count& late = domain.enter();
  domain.retire(std::make_shared<int>(2));
  CHECK(domain.collect().empty());
  early.fetch_sub(1);
  domain.retire(std::make_shared<int>(3));
  CHECK(domain.collect().size() <= 2);
  late.fetch_sub(1);
  domain.retire(std::make_shared<int>(4));
  const auto rest = domain.collect();
  CHECK_FALSE(rest.empty());
  CHECK(*static_cast<const int*>(rest.back().get()) == 4);
}

}  // namespace
}  // namespace sluice
