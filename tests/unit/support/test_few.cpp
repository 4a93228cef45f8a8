#include "support/few.hpp"

#include <vector>

#include <catch2/catch.hpp>

namespace sluice {
namespace {

struct Part {
  int number = 7;
  bool flag = false;
  friend bool operator==(const Part&, const Part&) = default;
};

std::vector<int> numbers(const Few<Part, 4>& few) {
  std::vector<int> all;
  for (const Part& each : few) all.push_back(each.number);
  return all;
}

TEST_CASE("a few elements are added, erased and copied in place", "[support]") {
  Few<Part, 4> few;
  CHECK(few.empty());
  for (const int number : {1, 2, 3, 4}) few.push_back({number, number % 2 == 0});
  CHECK(few.size() == 4);
  const Few<Part, 4> copy = few;
  few.erase(&few[1]);
  CHECK(numbers(few) == std::vector<int>{1, 3, 4});
  few.erase_if([](const Part& each) { return each.flag; });
  CHECK(numbers(few) == std::vector<int>{1, 3});
  CHECK(numbers(copy) == std::vector<int>{1, 2, 3, 4});
  few = copy;
  CHECK(numbers(few) == numbers(copy));
  few = Few<Part, 4>();
  CHECK(few.empty());
  CHECK(few.begin() == few.end());
}

}  // namespace
}  // namespace sluice
