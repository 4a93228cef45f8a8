// Selection of a row in registers: all its vectors, pass by pass, in one block.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <vector>

#include "compiler/backend/x64/row_selector.hpp"

namespace sluice::x64 {

class InRegisters : public RowSelector {
 public:
  InRegisters(const schedule::RowProgram& rows, const schedule::ElementProgram& shell,
              Machine machine, RowSelection& result)
      : RowSelector(rows, shell, machine, result), columns_(result.columns),
        vectors_(static_cast<std::uint32_t>((columns_ + machine.lanes() - 1) / machine.lanes())),
        rest_(result.rows > 1 ? 0 : static_cast<std::uint32_t>(columns_) % machine.lanes()),
        of_vector_(vectors_, std::vector<Ref>(graph().size())) {}

  void run_row() {
    count_row_uses();
    select_call_values();
    mask_last_vector();
    RowPart part;
    block_ = &part.block;
    begin_part();
    load_row_inputs();
    for (std::uint32_t v = 0; v < vectors_; ++v)
      for (std::size_t i = 0; i < graph().inputs().size(); ++i)
        if (is_element(graph().input_value(i))) add_input(i, v);
    for (const schedule::Phase& phase : rows_.phases) {
      splits_.clear();
      halves_.clear();
      for (const ir::ValueId id : phase.row_values) select_row_value(id);
      for (const schedule::Pass& pass : phase.passes) select_pass(pass);
      if (&phase != &rows_.phases.back())
        block_->stages.push_back(static_cast<std::uint32_t>(block_->code.size()));
    }
    store_row_outputs();
    row_result_.parts.push_back(std::move(part));
  }

  [[nodiscard]] std::size_t estimate() const {
    std::size_t count = 0;
    for (const schedule::Phase& phase : rows_.phases) {
      count += phase.row_values.size();
      for (const schedule::Pass& pass : phase.passes)
        count += vectors_ * (pass.body.size() + pass.reductions.size() + pass.outputs.size());
    }
    return count;
  }

 private:
  [[nodiscard]] bool is_partial(std::uint32_t v) const { return rest_ != 0 && v + 1 == vectors_; }

  void add_input(std::size_t input, std::uint32_t v) {
    Value value;
    value.home = static_cast<std::int32_t>(rows_.input_buffer(input));
    value.narrow = size_of(rows_.input_dtypes[input]) < machine_.lane_bytes();
    value.vector = static_cast<std::uint8_t>(v);
    value.partial = is_partial(v);
    of_vector_[v][graph().input_value(input).index] =
        Ref::value(static_cast<std::uint32_t>(block_->values.size()));
    block_->values.push_back(value);
  }

  // The lanes of the last vector that are columns.
  void mask_last_vector() {
    if (rest_ == 0) return;
    block_ = &result_.once;
    last_mask_ = keep_in_frame(
        machine_.avx512 ? emit(Opcode::mask_icompare, lane_numbers(), bits(rest_), kIntLess)
                        : emit(Opcode::icompare_gt, bits(rest_), lane_numbers()));
  }

  // In the order of the walk, so that few partial results are alive at once, and of a short row the
  // values that are still in registers come first; where there are none, as the columns lie.
  void select_pass(const schedule::Pass& pass) {
    std::vector<schedule::TreeVisit> visits(vectors_);
    schedule::tree_order(vectors_, round(), visits.data());
    if (pass.reductions.empty() && vectors_ > kShort)
      std::sort(visits.begin(), visits.end(), [](schedule::TreeVisit a, schedule::TreeVisit b) {
        return a.column() < b.column();
      });
    std::vector<Places> trees(pass.reductions.size());
    for (const schedule::TreeVisit visit : visits) {
      const std::uint32_t v = visit.column();
      enter_vector(v);
      for (const ir::ValueId id : pass.body) {
        node_ = id.index;
        refs_[id.index] = select_op(graph()[id]);
        of_vector_[v][id.index] = refs_[id.index];
      }
      node_ = Instruction::kNoValue;
      for (std::size_t r = 0; r < pass.reductions.size(); ++r) {
        const ir::Node& node = graph()[pass.reductions[r]];
        accumulate(node.op, trees[r], visit, ref(node.operand(0)));
      }
      store_outputs_of(pass, v);
      for (const ir::ValueId id : pass.kept) shelter(id, v);
    }
    splits_.clear();
    halves_.clear();
    for (std::size_t r = 0; r < pass.reductions.size(); ++r) {
      node_ = pass.reductions[r].index;
      const ir::Op op = graph()[pass.reductions[r]].op;
      refs_[node_] = combine(op, accumulators_of(op, trees[r]), columns_);
      node_ = Instruction::kNoValue;
    }
  }

  // A whole vector of what a later pass reads may lie in the output that pass stores.
  void shelter(ir::ValueId id, std::uint32_t v) {
    const std::uint32_t output = rows_.kept_in[id.index];
    if (output == schedule::RowProgram::kInWorkspace || is_partial(v) || row_result_.rows > 1)
      return;
    const Ref ref = of_vector_[v][id.index];
    if (!ref.is_value()) return;
    Value& value = block_->values[ref.index()];
    if (value.home != Value::kNoHome) return;
    value.shelter = static_cast<std::int32_t>(rows_.output_buffer(output));
    value.shelter_from = static_cast<std::uint32_t>(block_->code.size());
    value.vector = static_cast<std::uint8_t>(v);
  }

  // The columns of vector v: their inputs, what earlier passes computed, their indices.
  void enter_vector(std::uint32_t v) {
    splits_.clear();
    halves_.clear();
    for (std::uint32_t i = 0; i < graph().size(); ++i) {
      if (!is_element(ir::ValueId{i})) continue;
      refs_[i] = of_vector_[v][i];
      if (graph()[ir::ValueId{i}].op != ir::Op::column || uses_[i] == 0) continue;
      refs_[i] =
          v == 0 ? lane_numbers()
                 : emit(Opcode::iadd, lane_numbers(), bits(std::uint64_t{v} * machine_.lanes()));
    }
  }

  // Partial results: by the walk's place, or where the order is free by accumulator.
  using Places = std::array<Ref, schedule::kTreePlaces>;

  void accumulate(ir::Op op, Places& places, schedule::TreeVisit visit, Ref value) {
    const std::uint32_t v = visit.column();
    if (is_partial(v)) value = select_lanes(last_mask_, value, identity(op));
    if (is_ordered(op)) {
      for (std::uint32_t levels = visit.levels(); levels != 0; levels &= levels - 1)
        value = both(op, places[static_cast<std::size_t>(std::countr_zero(levels))], value);
      places[visit.target()] = value;
      return;
    }
    // vmaxps gives its second source where the first is NaN.
    Ref& accumulator = places[v % round()];
    accumulator = accumulator                    ? both(op, accumulator, value)
                  : op == ir::Op::block_greatest ? emit(Opcode::max, value, identity(op))
                                                 : value;
  }

  [[nodiscard]] std::vector<Ref> accumulators_of(ir::Op op, const Places& places) const {
    if (is_ordered(op)) return {places[schedule::kTreeResult]};
    return {places.begin(), places.begin() + round()};
  }

  void store_outputs_of(const schedule::Pass& pass, std::uint32_t v) {
    const std::vector<Ref> stored = to_store(pass);
    for (std::size_t i = 0; i < stored.size(); ++i) {
      const std::uint32_t output = pass.outputs[i];
      Instruction store;
      store.opcode = Opcode::store;
      store.place = static_cast<std::uint32_t>(rows_.output_buffer(output));
      store.narrow = size_of(rows_.output_dtypes[output]) < machine_.lane_bytes();
      store.vector = static_cast<std::uint8_t>(v);
      store.partial = is_partial(v);
      store.src[0] = stored[i];
      push(store);
    }
  }

  static constexpr std::uint32_t kShort = 8;
  std::int64_t columns_;
  std::uint32_t vectors_;
  std::uint32_t rest_;  // columns of the last vector, where it is not a whole one
  std::vector<std::vector<Ref>> of_vector_;
  Ref last_mask_;
};

}  // namespace sluice::x64
