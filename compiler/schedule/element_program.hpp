// The scheduled form of an elementwise kernel: what the back ends run.
//
// A kernel is called with an array of buffer pointers, the graph's inputs in order and then its
// outputs, a count of elements n, and an array of parameter slots. An input that is what an
// output's buffer holds (`accumulated`) has no pointer of its own. An input of element extent has n
// elements, one of scalar extent has one. Buffers may be aligned to their element or to nothing; an
// output may be the same buffer as an input, and never overlaps one otherwise. Nothing outside [0,
// n) is read or written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sluice/dtype.hpp>

#include "compiler/ir/graph.hpp"

namespace sluice::schedule {

// A stretch of the body, [begin, end), that counts only in lanes where `condition`, an `unlikely`
// before it, holds: selects on that read it. It may be jumped over where no lane has it.
struct Arm {
  ir::ValueId condition;
  std::size_t begin;
  std::size_t end;
  friend bool operator==(const Arm&, const Arm&) = default;
};

struct ElementProgram {
  std::string name;  // e.g. "gelu.forward.f32", for symbols and listings

  // Leaves and machine ops only. Parameters left in it are those passed at each call, a 64-bit slot
  // each, in order, holding the bits of the compute type in the low end.
  ir::Graph graph;
  std::vector<Dtype> input_dtypes;  // as stored; converted to the compute type when loaded
  std::vector<Dtype> output_dtypes;
  // The graph's last inputs are what these outputs' buffers hold before the call.
  std::vector<std::uint32_t> accumulated;

  // Scalar values, computed once a call, and element values, computed a vector at a time, each in
  // an order in which operands come first. Constants and leaves are in neither.
  std::vector<ir::ValueId> uniform;
  std::vector<ir::ValueId> body;
  std::vector<Arm> arms;  // in the body's order

  // From this many elements up, outputs are stored past the cache where the back end can; never
  // when it is 0.
  std::int64_t stream_from = 0;

  // Inputs with a buffer of their own; those buffers come first.
  [[nodiscard]] std::size_t sources() const { return graph.inputs().size() - accumulated.size(); }
  [[nodiscard]] std::uint32_t output_buffer(std::size_t output) const {
    return static_cast<std::uint32_t>(sources() + output);
  }
  [[nodiscard]] std::uint32_t input_buffer(std::size_t input) const {
    if (input < sources()) return static_cast<std::uint32_t>(input);
    return output_buffer(accumulated[input - sources()]);
  }
};

// Whether elements of this stored type become lanes of this type, and lanes such elements.
[[nodiscard]] bool is_storage_of(Dtype dtype, ir::Elem elem);
// What holds a lane as it is; of a bool a byte.
[[nodiscard]] Dtype lane_dtype(ir::Elem elem);

// The entry of a compiled kernel. Bits do not depend on alignment, on n, or on which code path an
// element takes.
using KernelEntry = void (*)(void* const* buffers, std::int64_t count, const std::uint64_t* params);

// Orders the graph's values for low register pressure. The graph must be expanded and baked.
[[nodiscard]] ElementProgram schedule_elements(std::string name, ir::Graph graph,
                                               std::vector<Dtype> input_dtypes,
                                               std::vector<Dtype> output_dtypes,
                                               std::vector<std::uint32_t> accumulated = {});

// One step, e.g. "%12 = fma %3, x, 0.5 : f32".
[[nodiscard]] std::string to_string(const ir::Graph& graph, ir::ValueId step);
// An operand as steps name it: an input by its name, a number, "%12".
[[nodiscard]] std::string operand_text(const ir::Graph& graph, ir::ValueId value);

// The steps as text, for `sluice show --emit schedule`.
[[nodiscard]] std::string to_string(const ElementProgram& program);

}  // namespace sluice::schedule
