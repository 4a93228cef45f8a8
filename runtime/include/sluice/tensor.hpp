// Views of tensors that a caller owns: what a checked call of a kernel takes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <ranges>
#include <span>
#include <type_traits>

#include <sluice/dtype.hpp>

namespace sluice {

// Aligned to anything. It does not own its data and is cheap to copy.
struct TensorView {
  static constexpr std::size_t kMaxRank = 16;

  void* data = nullptr;
  Dtype dtype = Dtype::f32;
  bool writable = false;
  std::size_t rank = 0;  // 0: one element
  std::array<std::int64_t, kMaxRank> shape{};
  // How many of `strides` are given: `rank` of them, or none, which is row-major without gaps.
  std::size_t stride_count = 0;
  // In elements, from one index of a dimension to the next: 0 has all of them be the same element,
  // a negative one goes backwards from `data`, which is where the element of all zeros lies.
  std::array<std::int64_t, kMaxRank> strides{};

  TensorView() = default;

  // Dimensions past kMaxRank are not kept: such a view has rank kMaxRank + 1, which every call
  // refuses.
  TensorView(void* elements, Dtype type, std::span<const std::int64_t> dimensions);
  TensorView(const void* elements, Dtype type, std::span<const std::int64_t> dimensions);
  TensorView(void* elements, Dtype type, std::initializer_list<std::int64_t> dimensions)
      : TensorView(elements, type, std::span(dimensions.begin(), dimensions.size())) {}
  TensorView(const void* elements, Dtype type, std::initializer_list<std::int64_t> dimensions)
      : TensorView(elements, type, std::span(dimensions.begin(), dimensions.size())) {}

  // With as many strides, in elements. What a kernel writes has each element in a place of its own.
  TensorView(void* elements, Dtype type, std::span<const std::int64_t> dimensions,
             std::span<const std::int64_t> steps);
  TensorView(const void* elements, Dtype type, std::span<const std::int64_t> dimensions,
             std::span<const std::int64_t> steps);
  TensorView(void* elements, Dtype type, std::initializer_list<std::int64_t> dimensions,
             std::initializer_list<std::int64_t> steps)
      : TensorView(elements, type, std::span(dimensions.begin(), dimensions.size()),
                   std::span(steps.begin(), steps.size())) {}
  TensorView(const void* elements, Dtype type, std::initializer_list<std::int64_t> dimensions,
             std::initializer_list<std::int64_t> steps)
      : TensorView(elements, type, std::span(dimensions.begin(), dimensions.size()),
                   std::span(steps.begin(), steps.size())) {}

  // One dimension, from anything that lies in memory as an array of float, double, bool, int8_t or
  // uint8_t;
  // implicit, so that a call takes spans and vectors as they stand.
  template <std::ranges::contiguous_range Range>
  TensorView(Range& range)
      : TensorView(std::ranges::data(range),
                   dtype_of<std::remove_cv_t<std::ranges::range_value_t<Range>>>(),
                   {static_cast<std::int64_t>(std::ranges::size(range))}) {}
  template <std::ranges::contiguous_range Range>
  TensorView(const Range& range)
      : TensorView(std::ranges::data(range),
                   dtype_of<std::remove_cv_t<std::ranges::range_value_t<Range>>>(),
                   {static_cast<std::int64_t>(std::ranges::size(range))}) {}

  // Elements in all; -1 for a negative dimension or a product that does not fit.
  [[nodiscard]] std::int64_t count() const;
  // Whether the elements lie row-major without gaps. The strides of dimensions with one index say
  // nothing, and where there are no elements none does.
  [[nodiscard]] bool contiguous() const { return stride_count == 0 || lies_row_major(); }

 private:
  [[nodiscard]] bool lies_row_major() const;
  template <typename T>
  static constexpr Dtype dtype_of() {
    if constexpr (std::is_same_v<T, float>) return Dtype::f32;
    if constexpr (std::is_same_v<T, double>) return Dtype::f64;
    if constexpr (std::is_same_v<T, bool>) return Dtype::boolean;
    if constexpr (std::is_same_v<T, std::int8_t>) return Dtype::i8;
    static_assert(std::is_floating_point_v<T> || std::is_same_v<T, bool> ||
                      std::is_same_v<T, std::int8_t> || std::is_same_v<T, std::uint8_t>,
                  "a range of float, double, bool, int8_t or uint8_t; other types need a dtype of "
                  "their own");
    return Dtype::u8;
  }
};

}  // namespace sluice
