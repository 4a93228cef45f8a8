// What is known of values from the graph's shape: sign, and what goes into them.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/ir/graph.hpp"

namespace sluice::rewrite {

enum class Sign : std::uint8_t { unknown, positive, negative };  // both with 0

// Facts of a graph that grows: values made later are learnt when they are asked for.
class Facts {
 public:
  explicit Facts(const ir::Graph& graph) : graph_(graph) {}

  Sign sign(ir::ValueId value) { return of(value).sign; }
  // Whether an elementary function's value goes into it by arithmetic and choice alone.
  bool has_function(ir::ValueId value) { return of(value).has_function; }
  // An input or a parameter as it stands, detached or not.
  bool is_operand(ir::ValueId value) { return of(value).is_operand; }
  // How many inputs the value depends on, counted up to 2.
  int input_count(ir::ValueId value);

 private:
  struct Fact {
    Sign sign = Sign::unknown;
    bool has_function = false;
    bool is_operand = false;
    int inputs = 0;
    std::uint64_t input = 0;  // which, where it is one
  };
  Fact of(ir::ValueId value);
  [[nodiscard]] Fact learn(const ir::Node& node) const;
  [[nodiscard]] Sign sign_of(const ir::Node& node) const;
  [[nodiscard]] bool is_negative(const ir::Node& constant) const;

  const ir::Graph& graph_;
  std::vector<Fact> known_;
};

}  // namespace sluice::rewrite
