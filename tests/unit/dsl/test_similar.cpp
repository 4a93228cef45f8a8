#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "dsl/similar.hpp"

namespace sluice::dsl {
namespace {

TEST_CASE("near names are offered, nearest first", "[dsl]") {
  const std::vector<std::string> known = {"sigmoid", "silu", "gelu", "elu", "exp", "exp2", "x"};
  CHECK(did_you_mean("sigmod", known) == "did you mean 'sigmoid'?");
  CHECK(did_you_mean("sgimoid", known) == "did you mean 'sigmoid'?");  // neighbours swapped
  CHECK(did_you_mean("GELU", known) == "did you mean 'gelu' or 'elu'?");
  CHECK(did_you_mean("exp3", known) == "did you mean 'exp' or 'exp2'?");
  CHECK(did_you_mean("frobnicate", known).empty());
  CHECK(did_you_mean("y", known).empty());  // shares nothing with x
  CHECK(did_you_mean(std::string(1000, 'a'), known).empty());
  CHECK(similar_names("silu", {}).empty());
}

}  // namespace
}  // namespace sluice::dsl
