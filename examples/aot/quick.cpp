// Functions written as C++ expressions: the build runs this program and compiles what it prints.
#include <cstdio>

#include <sluice/expr.hpp>

int main() {
  constexpr auto quick = [](auto x) { return x * sigmoid(1.702 * x); };
  std::fputs(sluice::define_text("quick", quick).c_str(), stdout);
}
