#include "compiler/backend/composed/fold.hpp"

#include <algorithm>
#include <bit>
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
  static constexpr T identity() { return -T{0}; }
  static T both(T a, T b) { return a + b; }
  static T result(T a) { return a; }
};
template <typename T>
struct Product {
  using Value = T;
  static constexpr T identity() { return T{1}; }
  static T both(T a, T b) { return a * b; }
  static T result(T a) { return a; }
};
// A zero is +0: -0 + 0.
template <typename T>
struct Greatest {
  using Value = T;
  static constexpr T identity() { return -std::numeric_limits<T>::infinity(); }
  static T both(T a, T b) { return b > a ? b : a; }
  static T result(T a) { return a + T{0}; }
};
template <typename T>
struct IntegerMin {
  using Value = typename Lane<T>::Integer;
  static constexpr Value identity() { return std::numeric_limits<Value>::max(); }
  static Value both(Value a, Value b) { return b < a ? b : a; }
  static Value result(Value a) { return a; }
};

template <typename T, typename Rule>
struct Loops {
  using Bits = typename Lane<T>::Bits;
  using Value = typename Rule::Value;

  static Bits both(Bits a, Bits b) {
    return std::bit_cast<Bits>(Rule::both(std::bit_cast<Value>(a), std::bit_cast<Value>(b)));
  }

  static void start(Bits* partials, std::size_t count) {
    std::fill_n(partials, count, std::bit_cast<Bits>(Rule::identity()));
  }
  static void rows(Bits* partials, const Bits* lanes, std::size_t rows) {
    for (std::size_t r = 0; r < rows; ++r) partials[r] = both(partials[r], lanes[r]);
  }
  static void columns(Bits* partials, const Bits* lanes, std::size_t columns) {
    for (; columns >= kPartials<T>; columns -= kPartials<T>, lanes += kPartials<T>)
      rows(partials, lanes, kPartials<T>);
    rows(partials, lanes, columns);
  }
  static void finish(Bits* partials, std::size_t stride, std::size_t rows, Bits* result) {
    for (std::size_t half = kPartials<T> / 2; half > 0; half /= 2)
      for (std::size_t j = 0; j < half; ++j)
        Loops::rows(partials + j * stride, partials + (j + half) * stride, rows);
    for (std::size_t r = 0; r < rows; ++r)
      result[r] = std::bit_cast<Bits>(Rule::result(std::bit_cast<Value>(partials[r])));
  }

  static constexpr Fold<T> kFold{&start, &columns, &rows, &finish};
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
template std::uint32_t of_nothing<float>(Op);
template std::uint64_t of_nothing<double>(Op);

}  // namespace sluice::composed
