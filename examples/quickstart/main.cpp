// The smallest whole program: an activation as text, its kernel and its derivative's, one call
// each.
#include <cstdio>
#include <vector>

#include <sluice/sluice.hpp>

namespace {

sluice::Outcome run() {
  sluice::Runtime runtime;
  const char* text = "fn star(x; s = 0.8944, b = -0.4472) = s * max(x, 0)^2 + b";
  if (auto defined = runtime.define(text); !defined) return defined;

  const auto f32 = sluice::f32({4});
  const auto star = runtime.compile({.function = "star", .operands = {f32, f32}});
  if (!star) return star.error();
  const auto slope =
      runtime.compile({.function = "star", .pass = sluice::backward, .operands = {f32, f32, f32}});
  if (!slope) return slope.error();

  const std::vector<float> x = {-1, 0, 1, 2}, dy = {1, 1, 1, 1};
  std::vector<float> y(4), dx(4);
  if (auto called = (*star)(x, y); !called) return called;
  if (auto called = (*slope)(x, dy, dx); !called) return called;
  for (std::size_t i = 0; i < x.size(); ++i)
    std::printf("star(%g) = %g, star'(%g) = %g\n", x[i], y[i], x[i], dx[i]);
  return sluice::Unit{};
}

}  // namespace

int main() {
  const auto outcome = run();
  if (!outcome) std::fprintf(stderr, "%s\n", outcome.error().message.c_str());
  return outcome ? 0 : 1;
}
