// Operands of a run: where their elements come from, and how they are read a piece of the result at
// a time.
//
// In: values from the command line, or a file, and the result's shape. Out: for any range of the
// result's elements, in row-major order, the operand's elements that go with them by NumPy's
// broadcasting, in the type that the kernel wants. Memory is bounded whatever the file's size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <sluice/dtype.hpp>
#include <sluice/status.hpp>

#include "tools/npy.hpp"

namespace sluice::tools {

// Elements as they are stored: in memory or in a file.
class Source {
 public:
  Source(std::vector<std::byte> elements, Dtype dtype, Shape shape)
      : elements_(std::move(elements)), dtype_(dtype), shape_(std::move(shape)) {}
  explicit Source(NpyReader file)
      : file_(std::make_shared<NpyReader>(std::move(file))), dtype_(file_->header().dtype),
        shape_(file_->header().shape) {}

  [[nodiscard]] Dtype dtype() const { return dtype_; }
  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] std::int64_t count() const { return element_count(shape_); }
  // Integers of 16 bits that nothing says to be bf16.
  [[nodiscard]] bool is_uint16() const { return file_ && file_->header().is_uint16; }

  // The same elements under another shape of as many.
  void reshape(Shape shape) { shape_ = std::move(shape); }

  [[nodiscard]] Outcome read(std::int64_t first, std::span<std::byte> out) const;

 private:
  std::vector<std::byte> elements_;
  std::shared_ptr<NpyReader> file_;  // null: the elements are in memory
  Dtype dtype_;
  Shape shape_;
};

// NumPy's rule; invalid_operands where the shapes do not go together.
[[nodiscard]] Result<Shape> broadcast(const Shape& a, const Shape& b);

// The map from a result's elements to an operand's, whose shape broadcasts to the result's.
class Broadcast {
 public:
  Broadcast(const Shape& operand, const Shape& result);

  // Every element of the result has its own.
  [[nodiscard]] bool whole() const { return groups_.size() <= 1 && !repeats_innermost(); }
  // One element goes with all.
  [[nodiscard]] bool single() const { return groups_.size() == 1 && groups_[0].repeats; }

  // Elements first to first + count - 1 of the result as runs: `use(offset, length, repeats)`, for
  // `length` elements from `offset` on, or for that element `length` times.
  using Use = std::function<Outcome(std::int64_t offset, std::int64_t length, bool repeats)>;
  [[nodiscard]] Outcome runs(std::int64_t first, std::int64_t count, const Use& use) const;

 private:
  // Neighbouring dimensions that all repeat, or that all do not, outermost first.
  struct Group {
    std::int64_t extent;
    std::int64_t stride;  // in elements of the operand, of the innermost of its dimensions
    bool repeats;
  };
  [[nodiscard]] bool repeats_innermost() const {
    return !groups_.empty() && groups_.back().repeats;
  }

  std::vector<Group> groups_;
};

// A source as a kernel reads it.
class OperandStream {
 public:
  OperandStream(Source source, Dtype wanted, const Shape& result);

  // One element goes with all of the result: fill() then gives that one.
  [[nodiscard]] bool single() const { return map_.single(); }
  [[nodiscard]] Dtype dtype() const { return wanted_; }

  // The operand's elements for elements first to first + count - 1 of the result.
  [[nodiscard]] Outcome fill(std::int64_t first, std::int64_t count, std::span<std::byte> out);

 private:
  [[nodiscard]] Outcome gather(std::int64_t first, std::int64_t count, std::span<std::byte> out);
  // Stored elements from `offset` on, at least `length` of them, through a window of the file.
  [[nodiscard]] Result<std::span<const std::byte>> stored(std::int64_t offset, std::int64_t length);

  Source source_;
  Dtype wanted_;
  Broadcast map_;
  std::vector<std::byte> window_;
  std::int64_t window_first_ = 0;
  std::int64_t window_count_ = 0;
};

}  // namespace sluice::tools
