// What the selectors of rows in registers and of rows in sweeps share: values of the call and of
// the row, the reductions' operations, what is stored once a row.
#pragma once

#include <string>
#include <vector>

#include "compiler/backend/x64/row_select.hpp"
#include "compiler/backend/x64/selector.hpp"

namespace sluice::x64 {

// Whether the order of a reduction's operands shows in its bits.
[[nodiscard]] inline bool is_ordered(ir::Op op) {
  return op == ir::Op::block_sum || op == ir::Op::block_prod;
}

class RowSelector : public Selector {
 public:
  RowSelector(const schedule::RowProgram& rows, const schedule::ElementProgram& shell,
              Machine machine, RowSelection& result);

  // The first thing there is no code for, if any.
  [[nodiscard]] std::string unsupported_in_rows() const;

 protected:
  [[nodiscard]] bool is_element(ValueId id) const {
    return graph()[id].type.extent == ir::Extent::element;
  }
  [[nodiscard]] bool is_call_value(ValueId id) const {
    return graph()[id].type.extent == ir::Extent::scalar;
  }
  [[nodiscard]] std::uint32_t round() const { return round_vectors(graph().compute(), machine_); }

  void count_row_uses();
  void select_call_values();  // into `once`, and to the frame
  void load_row_inputs();
  void load_one(std::size_t input);
  Ref keep_in_frame(Ref value);
  void begin_part();
  void select_row_value(ValueId id);
  [[nodiscard]] bool is_power_of_two_columns(ValueId id) const;
  void divide_once(std::size_t begin);
  void store_row_outputs();
  std::vector<Ref> to_store(const schedule::Pass& pass);

  Ref lane_numbers();
  Ref select_lanes(Ref condition, Ref a, Ref b);
  Ref identity(ir::Op op);            // what leaves any other operand as it is
  Ref both(ir::Op op, Ref a, Ref b);  // of what is not NaN where the op looks for the greatest
  Ref combine(ir::Op op, const std::vector<Ref>& accumulators, std::int64_t columns);
  Ref combine_from(ir::Op op, const std::vector<Ref>& accumulators, std::size_t j,
                   std::size_t count);

  const schedule::RowProgram& rows_;
  RowSelection& row_result_;
  Ref lane_numbers_;
};

}  // namespace sluice::x64
