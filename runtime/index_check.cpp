#include "runtime/index_check.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "runtime/frame.hpp"
#include "runtime/kernel_state.hpp"
#include "runtime/row_call.hpp"
#include "runtime/strides.hpp"

namespace sluice {
namespace {

using Place = std::int64_t;  // as compiler/rewrite/index_reads.hpp numbers inputs

class IndexCheck {
 public:
  IndexCheck(const CallChecks& checks, std::span<const TensorView> views, const PieceOf* piece)
      : checks_(checks), piece_(piece), of_check_(KernelState::of(*checks.state().index_check)),
        frame_(std::size_t{*of_check_.spec->axis}) {
    for (const Argument& argument : of_check_.spec->arguments)
      if (of_check_.spec->operands[argument.operand].role == driver::Role::input)
        views_[inputs_] = views[inputs_], ++inputs_;
    outputs_ = of_check_.spec->arguments.size() - inputs_;
    // Of the inputs alone: together they are known to broadcast.
    for (std::size_t k = 0; k < inputs_; ++k)
      static_cast<void>(frame_.add(checks_.shape(k), is_per_row(k)));
    rows_ = frame_.rows();
    for (const std::int64_t extent : Shape(rows_)) count_ *= extent;
  }

  Outcome run(const std::uint64_t* params) {
    if (count_ == 0 || outputs_ == 0) return Unit{};
    const std::size_t places = outputs_ * static_cast<std::size_t>(count_);
    const std::unique_ptr<Place[]> memory(new (std::nothrow) Place[places]);
    if (!memory)
      return Error{Status::out_of_memory, "there is no memory to check the indices of " +
                                              std::to_string(count_) + " rows"};
    for (std::size_t i = 0; i < outputs_; ++i)
      views_[inputs_ + i] =
          TensorView(memory.get() + i * static_cast<std::size_t>(count_), Dtype::i64, Shape(rows_));
    if (Outcome done =
            checked_row_call(*checks_.state().index_check, all(), params, {{}, nullptr, piece_});
        !done.ok())
      return done;
    for (std::int64_t row = 0; row < count_; ++row)
      for (std::size_t i = 0; i < outputs_; ++i)
        if (const Place place =
                memory[i * static_cast<std::size_t>(count_) + static_cast<std::size_t>(row)])
          return found(static_cast<std::size_t>(place - 1), row);
    return Unit{};
  }

 private:
  [[nodiscard]] bool is_per_row(std::size_t k) const { return of_check_.operands[k].per_row; }
  [[nodiscard]] std::span<const TensorView> all() const {
    return std::span(views_).first(inputs_ + outputs_);
  }

  [[nodiscard]] Error found(std::size_t input, std::int64_t row) const {
    std::string index = "a computed index";
    for (std::size_t k = 0; k < inputs_; ++k)
      if (of_check_.spec->arguments[k].operand == input && input < inputs_of_kernel())
        index = "the index " + std::to_string(value(k, row)) + " of '" +
                of_check_.operands[k].name + "'";
    const std::int64_t columns = frame_.columns();
    return {Status::invalid_operands, index + " in row " + shown(row) + " is none of the row's " +
                                          std::to_string(columns) +
                                          (columns == 1 ? " column" : " columns")};
  }
  [[nodiscard]] std::size_t inputs_of_kernel() const {
    return of_check_.spec->operands.size() - outputs_;
  }

  // What the input has for the row.
  [[nodiscard]] std::int64_t value(std::size_t k, std::int64_t row) const {
    const Strides strides = strides_of(views_[k]);
    const Aligned own = frame_.align(checks_.shape(k), is_per_row(k));
    const Aligned steps = frame_.align_strides({strides.data(), views_[k].rank}, is_per_row(k));
    std::int64_t at = 0;
    for (std::size_t d = 0; d < frame_.rank(); ++d) {
      if (d == *of_check_.spec->axis) continue;
      if (own[d] != 1) at += row % frame_.extent(d) * steps[d];
      row /= frame_.extent(d);
    }
    if (views_[k].dtype == Dtype::i32) return read<std::int32_t>(views_[k].data, at);
    return read<std::int64_t>(views_[k].data, at);
  }

  template <typename T>
  static std::int64_t read(const void* data, std::int64_t at) {
    T value;
    std::memcpy(&value, static_cast<const T*>(data) + at, sizeof value);
    return value;
  }

  // Its number, or where rows have several dimensions its place.
  [[nodiscard]] std::string shown(std::int64_t row) const {
    const Shape extents = rows_;
    if (extents.size() < 2) return std::to_string(row + first_in(0));
    std::vector<std::int64_t> place(extents.size());
    for (std::size_t d = extents.size(); d-- > 0; row /= extents[d])
      place[d] = row % extents[d] + first_in(extents.size() - 1 - d);
    return to_string(place);
  }
  // Where a dimension of the rows, counted from the innermost, begins.
  [[nodiscard]] std::int64_t first_in(std::size_t d) const {
    const std::size_t axis = *of_check_.spec->axis;
    return piece_ == nullptr ? 0 : piece_->place[d < axis ? d : d + 1];
  }

  const CallChecks& checks_;
  const PieceOf* piece_;
  const KernelState& of_check_;
  Frame frame_;
  Extents rows_;
  std::array<TensorView, kMaxOperands> views_;
  std::size_t inputs_ = 0, outputs_ = 0;
  std::int64_t count_ = 1;
};

}  // namespace

Outcome check_indices(const CallChecks& checks, std::span<const TensorView> views,
                      const std::uint64_t* params, const PieceOf* piece) {
  return IndexCheck(checks, views, piece).run(params);
}

}  // namespace sluice
