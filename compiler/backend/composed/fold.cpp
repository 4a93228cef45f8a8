#include "compiler/backend/composed/fold.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "compiler/schedule/row_program.hpp"

namespace sluice::composed {
namespace {

using ir::Op;

template <typename T>
inline constexpr std::size_t kPartials = schedule::partial_count(sizeof(T) == 8 ? ir::Elem::f64
                                                                                : ir::Elem::f32);

template <typename T>
struct Sum {
  using Value = T;
  static constexpr bool kOrdered = true;
  static constexpr T identity() { return -T{0}; }
  static T both(T a, T b) { return a + b; }
  static T result(T a) { return a; }
};
template <typename T>
struct Product {
  using Value = T;
  static constexpr bool kOrdered = true;
  static constexpr T identity() { return T{1}; }
  static T both(T a, T b) { return a * b; }
  static T result(T a) { return a; }
};
// A zero is +0: -0 + 0.
template <typename T>
struct Greatest {
  using Value = T;
  static constexpr bool kOrdered = false;
  static constexpr T identity() { return -std::numeric_limits<T>::infinity(); }
  static T both(T a, T b) { return b > a ? b : a; }
  static T result(T a) { return a + T{0}; }
};
template <typename T>
struct IntegerMin {
  using Value = typename Lane<T>::Integer;
  static constexpr bool kOrdered = false;
  static constexpr Value identity() { return std::numeric_limits<Value>::max(); }
  static Value both(Value a, Value b) { return b < a ? b : a; }
  static Value result(Value a) { return a; }
};

// Along a row the memory has the last group, which may not be whole, and then the counter over
// groups, the smallest first. What is free of order goes to the former alone, or of rows to the
// result's place: from the identity, which is what is left of a NaN.
template <typename T, typename Rule>
struct Loops {
  using Bits = typename Lane<T>::Bits;
  using Value = typename Rule::Value;

  static Bits both(Bits a, Bits b) {
    return std::bit_cast<Bits>(Rule::both(std::bit_cast<Value>(a), std::bit_cast<Value>(b)));
  }
  // A caller's columns are aligned to anything.
  static Bits load(const Bits* from) {
    Bits bits;
    std::memcpy(&bits, static_cast<const void*>(from), sizeof bits);
    return bits;
  }
  static void add(const Bits* left, const Bits* right, std::size_t count, Bits* result) {
    for (std::size_t i = 0; i < count; ++i) result[i] = both(left[i], load(right + i));
  }
  static Bits result_of(Bits bits) {
    return std::bit_cast<Bits>(Rule::result(std::bit_cast<Value>(bits)));
  }
  static Bits* level(Bits* memory, std::size_t index) {
    return memory + (1 + index) * kPartials<T>;
  }

  static void start(Bits* memory) {
    std::fill_n(memory, kPartials<T>, std::bit_cast<Bits>(Rule::identity()));
  }

  static void columns(Bits* memory, std::size_t first, const Bits* lanes, std::size_t count) {
    std::size_t group = first / kPartials<T>;
    if (!Rule::kOrdered)
      for (; count >= kPartials<T>; count -= kPartials<T>, lanes += kPartials<T>)
        add(memory, lanes, kPartials<T>, memory);
    for (; count >= kPartials<T>; count -= kPartials<T>, lanes += kPartials<T>, ++group) {
      Bits sums[kPartials<T>];
      std::copy_n(lanes, kPartials<T>, sums);
      std::size_t depth = 0;
      for (; (group >> depth & 1u) != 0; ++depth)
        add(level(memory, depth), sums, kPartials<T>, sums);
      std::copy_n(sums, kPartials<T>, level(memory, depth));
    }
    add(memory, lanes, count, memory);
  }

  static void finish(Bits* memory, std::size_t columns, Bits* result) {
    const std::size_t groups = Rule::kOrdered ? columns / kPartials<T> : 0;
    for (std::size_t depth = 0; groups >> depth != 0; ++depth)
      if ((groups >> depth & 1u) != 0) add(level(memory, depth), memory, kPartials<T>, memory);
    for (std::size_t half = kPartials<T> / 2; half > 0; half /= 2)
      add(memory, memory + half, half, memory);
    *result = result_of(*memory);
  }

  static void rows(Bits* memory, schedule::TreeVisit visit, const Bits* lanes, std::size_t rows) {
    Bits* const target = memory + visit.target() * rows;
    Bits* const sums = memory + schedule::kTreeResult * rows;
    if (!Rule::kOrdered) {
      if (visit.column() == 0) std::fill_n(sums, rows, std::bit_cast<Bits>(Rule::identity()));
      return add(sums, lanes, rows, sums);
    }
    const Bits* from = lanes;
    for (std::uint32_t levels = visit.levels(); levels != 0; levels &= levels - 1) {
      add(memory + static_cast<std::size_t>(std::countr_zero(levels)) * rows, from, rows, sums);
      from = sums;
    }
    if (from != target) std::copy_n(from, rows, target);
  }
  static void finish_rows(const Bits* memory, std::size_t rows, Bits* result) {
    const Bits* const sums = memory + schedule::kTreeResult * rows;
    for (std::size_t r = 0; r < rows; ++r) result[r] = result_of(sums[r]);
  }

  static constexpr Fold<T> kFold{&start, &columns, &finish, &rows, &finish_rows};
};

}  // namespace

template <typename T>
const Fold<T>& fold_of(Op op) {
  if (op == Op::block_prod) return Loops<T, Product<T>>::kFold;
  if (op == Op::block_greatest) return Loops<T, Greatest<T>>::kFold;
  if (op == Op::block_imin) return Loops<T, IntegerMin<T>>::kFold;
  return Loops<T, Sum<T>>::kFold;
}

template <typename T>
std::size_t fold_lanes() {
  constexpr std::size_t kGroups = schedule::kBlockColumns / kPartials<T>;
  return (2 + std::countr_zero(kGroups)) * kPartials<T>;
}
template <typename T>
std::size_t fold_lanes(std::size_t rows) {
  return schedule::kTreePlaces * rows;
}

template <typename T>
typename Lane<T>::Bits of_nothing(Op op) {
  using Bits = typename Lane<T>::Bits;
  if (op == Op::block_prod || op == Op::merge_prod)
    return std::bit_cast<Bits>(Product<T>::identity());
  if (op == Op::block_imin || op == Op::merge_imin)
    return std::bit_cast<Bits>(IntegerMin<T>::identity());
  const bool sum = op == Op::block_sum || op == Op::merge_sum || op == Op::merge_scaled;
  return std::bit_cast<Bits>(sum ? T{0} : Greatest<T>::identity());
}

template const Fold<float>& fold_of<float>(Op);
template const Fold<double>& fold_of<double>(Op);
template std::size_t fold_lanes<float>();
template std::size_t fold_lanes<double>();
template std::size_t fold_lanes<float>(std::size_t);
template std::size_t fold_lanes<double>(std::size_t);
template std::uint32_t of_nothing<float>(Op);
template std::uint64_t of_nothing<double>(Op);

}  // namespace sluice::composed
