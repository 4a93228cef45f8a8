// What a pass that rebuilds a graph keeps: for each value of the old graph its value in the new.
#pragma once

#include <vector>

#include "compiler/ir/graph.hpp"

namespace sluice::ir {

class Mapping {
 public:
  // `to` is a fresh `from.empty_copy()`: its inputs and parameters are the old ones' values.
  Mapping(const Graph& from, Graph& to);

  [[nodiscard]] ValueId operator[](ValueId old) const { return values_[old.index]; }
  void set(ValueId old, ValueId value) { values_[old.index] = value; }

  // The same node over the new operands, which are set by now; recorded and returned.
  ValueId copy(ValueId old);
  void copy_outputs();

 private:
  const Graph& from_;
  Graph& to_;
  std::vector<ValueId> values_;
};

}  // namespace sluice::ir
