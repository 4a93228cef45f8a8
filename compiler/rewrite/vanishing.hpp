// Products that vanish although a factor overflows: e^x f(e^x), for an f that falls like an
// exponential, is nothing from x = 7 on, and inf * 0 from 89 on. The chain rule makes them of
// functions of exponentials.
//
// In: a graph in its stable form, differentiated. Out: the same values, but 0 or inf in place of
// NaN in such products, where x is finite. Where a branch that bounds x surrounds one it is left
// alone.
#pragma once

#include "compiler/ir/graph.hpp"

namespace sluice::rewrite {

[[nodiscard]] ir::Graph with_vanishing_products(const ir::Graph& graph);

}  // namespace sluice::rewrite
