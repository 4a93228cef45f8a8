#include "compiler/ir/expr.hpp"

#include <bit>
#include <utility>

namespace sluice::ir {

Expr lookup(Expr index, std::string table_name, const std::vector<double>& entries) {
  Graph& graph = *index.graph;
  Table table{std::move(table_name), {}};
  for (const double entry : entries) {
    const bool wide = graph.compute() == Elem::f64;
    table.entries.push_back(wide ? std::bit_cast<std::uint64_t>(entry)
                                 : std::bit_cast<std::uint32_t>(static_cast<float>(entry)));
  }
  const std::uint64_t which = graph.add_table(std::move(table));
  return {&graph, graph.add(Op::lookup, {index.id}, which)};
}

}  // namespace sluice::ir
