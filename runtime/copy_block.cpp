// Loops that compilers turn into vector code: steps that are common are constants, transposes go by
// squares of registers.
#include "runtime/copy_block.hpp"

#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sluice {
namespace {

template <typename T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <typename T>
void store(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

constexpr std::int64_t kAny = 0;

// A row: steps in elements where they are constants.
template <typename T, std::int64_t kTo, std::int64_t kFrom>
void copy_row(std::byte* to, std::int64_t to_step, const std::byte* from, std::int64_t from_step,
              std::int64_t count) {
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(T));
  if constexpr (kTo != kAny) to_step = kTo * kSize;
  if constexpr (kFrom != kAny) from_step = kFrom * kSize;
  for (std::int64_t i = 0; i < count; ++i) store(to + i * to_step, load<T>(from + i * from_step));
}

template <typename T>
void fill_row(std::byte* to, const std::byte* from, std::int64_t count) {
  const T value = load<T>(from);
  for (std::int64_t i = 0; i < count; ++i)
    store(to + i * static_cast<std::int64_t>(sizeof(T)), value);
}

template <typename T>
void copy_any_row(std::byte* to, std::int64_t to_step, const std::byte* from,
                  std::int64_t from_step, std::int64_t count) {
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(T));
  if (to_step == kSize) {
    if (from_step == kSize) {
      std::memcpy(to, from, static_cast<std::size_t>(count * kSize));
      return;
    }
    switch (from_step / kSize) {
      case 0: return fill_row<T>(to, from, count);
      case -1: return copy_row<T, 1, -1>(to, to_step, from, from_step, count);
      case 2: return copy_row<T, 1, 2>(to, to_step, from, from_step, count);
      case 3: return copy_row<T, 1, 3>(to, to_step, from, from_step, count);
      case 4: return copy_row<T, 1, 4>(to, to_step, from, from_step, count);
      default: return copy_row<T, 1, kAny>(to, to_step, from, from_step, count);
    }
  }
  if (from_step != kSize) return copy_row<T, kAny, kAny>(to, to_step, from, from_step, count);
  if (to_step == -kSize) return copy_row<T, -1, 1>(to, to_step, from, from_step, count);
  copy_row<T, kAny, 1>(to, to_step, from, from_step, count);
}

// As many elements as a vector of SSE2 has, which every x86-64 processor knows.
template <typename T>
constexpr std::int64_t kSide = 16 / static_cast<std::int64_t>(sizeof(T));

#if defined(__SSE2__)
template <typename T>
__m128i interleave_low(__m128i a, __m128i b) {
  if constexpr (sizeof(T) == 1) return _mm_unpacklo_epi8(a, b);
  if constexpr (sizeof(T) == 2) return _mm_unpacklo_epi16(a, b);
  if constexpr (sizeof(T) == 4) return _mm_unpacklo_epi32(a, b);
  return _mm_unpacklo_epi64(a, b);
}

template <typename T>
__m128i interleave_high(__m128i a, __m128i b) {
  if constexpr (sizeof(T) == 1) return _mm_unpackhi_epi8(a, b);
  if constexpr (sizeof(T) == 2) return _mm_unpackhi_epi16(a, b);
  if constexpr (sizeof(T) == 4) return _mm_unpackhi_epi32(a, b);
  return _mm_unpackhi_epi64(a, b);
}
#endif

// A square of kSide * kSide elements: from[i][j] to to[j][i], where those of a line lie together.
template <typename T>
void transpose_square(std::byte* to, std::int64_t to_step, const std::byte* from,
                      std::int64_t from_step) {
#if defined(__SSE2__)
  constexpr auto kLines = static_cast<std::size_t>(kSide<T>);
  __m128i lines[kLines], shuffled[kLines];
  for (std::size_t i = 0; i < kLines; ++i)
    lines[i] = load<__m128i>(from + static_cast<std::int64_t>(i) * from_step);
  // Interleaving the first half of the lines with the second moves the highest bit of a line's
  // number to the lowest of the column's; after as many rounds as it has bits they have changed
  // places.
  for (std::size_t round = 1; round < kLines; round *= 2) {
    for (std::size_t i = 0; i < kLines / 2; ++i) {
      shuffled[2 * i] = interleave_low<T>(lines[i], lines[i + kLines / 2]);
      shuffled[2 * i + 1] = interleave_high<T>(lines[i], lines[i + kLines / 2]);
    }
    for (std::size_t i = 0; i < kLines; ++i) lines[i] = shuffled[i];
  }
  for (std::size_t i = 0; i < kLines; ++i)
    store(to + static_cast<std::int64_t>(i) * to_step, lines[i]);
#else
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(T));
  for (std::int64_t j = 0; j < kSide<T>; ++j)
    for (std::int64_t i = 0; i < kSide<T>; ++i)
      store(to + j * to_step + i * kSize, load<T>(from + i * from_step + j * kSize));
#endif
}

// from[i][j] to to[j][i]: `lines` of `from`, each of `count` elements that lie together; those of
// `to` are the other way round.
template <typename T>
void transpose(std::byte* to, std::int64_t to_step, const std::byte* from, std::int64_t from_step,
               std::int64_t lines, std::int64_t count) {
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(T));
  std::int64_t line = 0;
  for (; line + kSide<T> <= lines; line += kSide<T>) {
    const std::byte* const first = from + line * from_step;
    std::int64_t j = 0;
    for (; j + kSide<T> <= count; j += kSide<T>)
      transpose_square<T>(to + j * to_step + line * kSize, to_step, first + j * kSize, from_step);
    for (; j < count; ++j)
      copy_row<T, 1, kAny>(to + j * to_step + line * kSize, kSize, first + j * kSize, from_step,
                           kSide<T>);
  }
  for (; line < lines; ++line)
    copy_row<T, kAny, 1>(to + line * kSize, to_step, from + line * from_step, kSize, count);
}

template <typename T>
void copy_elements(const BlockPlace& to, const BlockPlace& from, std::int64_t rows,
                   std::int64_t columns) {
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(T));
  if (rows >= 4 && columns >= 4) {
    if (to.column_step == kSize && from.row_step == kSize)
      return transpose<T>(to.data, to.row_step, from.data, from.column_step, columns, rows);
    if (to.row_step == kSize && from.column_step == kSize)
      return transpose<T>(to.data, to.column_step, from.data, from.row_step, rows, columns);
  }
  for (std::int64_t row = 0; row < rows; ++row)
    copy_any_row<T>(to.data + row * to.row_step, to.column_step, from.data + row * from.row_step,
                    from.column_step, columns);
}

}  // namespace

void copy_block(const BlockPlace& to, const BlockPlace& from, std::int64_t rows,
                std::int64_t columns, std::size_t size) {
  switch (size) {
    case 1: return copy_elements<std::uint8_t>(to, from, rows, columns);
    case 2: return copy_elements<std::uint16_t>(to, from, rows, columns);
    case 4: return copy_elements<std::uint32_t>(to, from, rows, columns);
    default: return copy_elements<std::uint64_t>(to, from, rows, columns);
  }
}

}  // namespace sluice
