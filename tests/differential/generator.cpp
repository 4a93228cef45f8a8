#include "generator.hpp"

#include <array>
#include <string_view>
#include <vector>

namespace sluice::differential {
namespace {

constexpr std::array<std::string_view, 16> kLiterals{
    "0",    "1",   "2",    "0.5",   "-1.5",  "3.25",  "0.1",    "1e-3",
    "-0.7", "1e4", "1e10", "1e-30", "1e-40", "0.333", "-1e-10", "1.702"};
constexpr std::array<std::string_view, 27> kUnary{
    "exp",        "exp2",    "expm1",       "log",       "log2",       "log1p",      "tanh",
    "erf",        "sigmoid", "log_sigmoid", "log1p_exp", "normal_cdf", "normal_pdf", "sqrt",
    "rsqrt",      "abs",     "sign",        "floor",     "ceil",       "round",      "trunc",
    "reciprocal", "relu",    "silu",        "gelu",      "mish",       "softsign"};
constexpr std::array<std::string_view, 2> kBinary{"min", "max"};
constexpr std::array<std::string_view, 4> kOperators{" + ", " - ", " * ", " / "};
constexpr std::array<std::string_view, 6> kComparisons{" < ",  " <= ", " > ",
                                                       " >= ", " == ", " != "};
constexpr std::array<std::string_view, 3> kTests{"isnan", "isinf", "isfinite"};

class Generator {
 public:
  explicit Generator(Random& random) : random_(random) {}

  std::string program() {
    std::string text = "fn f(x, y; a = 0.75, b = -1.25) {\n";
    names_ = {"x", "x", "x", "y", "a", "b"};
    const int lets = pick(4);
    for (int i = 0; i < lets; ++i) {
      const std::string name = "t" + std::to_string(i);
      text += "  let " + name + " = " + number(3) + "\n";
      names_.push_back(name);
    }
    return text + "  " + number(4) + "\n}\n";
  }

 private:
  int pick(int count) { return static_cast<int>(random_() % static_cast<std::uint64_t>(count)); }
  template <typename List>
  std::string one_of(const List& list) {
    return std::string(list[static_cast<std::size_t>(pick(static_cast<int>(list.size())))]);
  }

  std::string number(int depth) {
    if (depth == 0 || pick(8) == 0)
      return pick(4) == 0 ? "(" + one_of(kLiterals) + ")" : one_of(names_);
    const int d = depth - 1;
    switch (pick(10)) {
      case 0:
      case 1:
      case 2: return "(" + number(d) + one_of(kOperators) + number(d) + ")";
      case 3:
      case 4:
      case 5: return one_of(kUnary) + "(" + number(d) + ")";
      case 6: return one_of(kBinary) + "(" + number(d) + ", " + number(d) + ")";
      case 7: return "(if " + condition(d) + " then " + number(d) + " else " + number(d) + ")";
      case 8:
        return pick(2) == 0 ? "fma(" + number(d) + ", " + number(d) + ", " + number(d) + ")"
                            : "clamp(" + number(d) + ", -1.5, " + number(d) + ")";
      default:
        return "(" + number(d) + ")^" +
               one_of(std::array<std::string_view, 6>{"2", "3", "5", "0.5", "(-2)", "16"});
    }
  }

  std::string condition(int depth) {
    switch (depth == 0 ? 0 : pick(5)) {
      case 1:
        return "(" + condition(depth - 1) + (pick(2) == 0 ? " and " : " or ") +
               condition(depth - 1) + ")";
      case 2: return "not (" + condition(depth - 1) + ")";
      case 3: return one_of(kTests) + "(" + number(depth - 1) + ")";
      default: return number(depth == 0 ? 0 : depth - 1) + one_of(kComparisons) + number(0);
    }
  }

  Random& random_;
  std::vector<std::string> names_;
};

}  // namespace

std::string random_program(Random& random) { return Generator(random).program(); }

}  // namespace sluice::differential
