#include "compiler/backend/composed/lanes.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "support/half.hpp"

namespace sluice::composed {
namespace {

template <typename Stored>
Stored read(const void* from) {
  Stored value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <typename Stored>
void write(void* to, Stored value) {
  std::memcpy(to, &value, sizeof value);
}

std::int64_t load_integer(Dtype dtype, const void* from) {
  switch (dtype) {
    case Dtype::i8: return read<std::int8_t>(from);
    case Dtype::u8:
    case Dtype::boolean: return read<std::uint8_t>(from);
    case Dtype::i32: return read<std::int32_t>(from);
    case Dtype::i64: return read<std::int64_t>(from);
    case Dtype::f32:
    case Dtype::f64:
    case Dtype::f16:
    case Dtype::bf16: break;
  }
  return 0;
}

void store_integer(Dtype dtype, void* to, std::int64_t value) {
  switch (dtype) {
    case Dtype::i8: return write(to, static_cast<std::int8_t>(value));
    case Dtype::u8:
    case Dtype::boolean: return write(to, static_cast<std::uint8_t>(value));
    case Dtype::i32: return write(to, static_cast<std::int32_t>(value));
    case Dtype::i64: return write(to, value);
    case Dtype::f32:
    case Dtype::f64:
    case Dtype::f16:
    case Dtype::bf16: break;
  }
}

template <typename T>
T load_number(Dtype dtype, const void* from) {
  switch (dtype) {
    case Dtype::f32: return static_cast<T>(read<float>(from));
    case Dtype::f64: return static_cast<T>(read<double>(from));
    case Dtype::f16: return static_cast<T>(static_cast<float>(read<F16>(from)));
    case Dtype::bf16: return static_cast<T>(static_cast<float>(read<BF16>(from)));
    case Dtype::i8:
    case Dtype::u8:
    case Dtype::i32:
    case Dtype::i64:
    case Dtype::boolean: break;
  }
  return 0;
}

template <typename T>
void store_number(Dtype dtype, void* to, T value) {
  switch (dtype) {
    case Dtype::f32: return write(to, static_cast<float>(value));
    case Dtype::f64: return write(to, static_cast<double>(value));
    case Dtype::f16: return write(to, F16(value));
    case Dtype::bf16: return write(to, BF16(value));
    case Dtype::i8:
    case Dtype::u8:
    case Dtype::i32:
    case Dtype::i64:
    case Dtype::boolean: break;
  }
}

}  // namespace

template <typename T>
typename Lane<T>::Bits load_lane(Dtype dtype, const void* from, bool integer) {
  using Bits = typename Lane<T>::Bits;
  using Integer = typename Lane<T>::Integer;
  if (!integer) return std::bit_cast<Bits>(load_number<T>(dtype, from));
  const auto value =
      std::clamp<std::int64_t>(load_integer(dtype, from), std::numeric_limits<Integer>::min(),
                               std::numeric_limits<Integer>::max());
  return static_cast<Bits>(static_cast<Integer>(value));
}

template <typename T>
void store_lane(Dtype dtype, void* to, typename Lane<T>::Bits bits, bool integer) {
  if (integer)
    store_integer(dtype, to, static_cast<typename Lane<T>::Integer>(bits));
  else
    store_number(dtype, to, std::bit_cast<T>(bits));
}

template std::uint32_t load_lane<float>(Dtype, const void*, bool);
template std::uint64_t load_lane<double>(Dtype, const void*, bool);
template void store_lane<float>(Dtype, void*, std::uint32_t, bool);
template void store_lane<double>(Dtype, void*, std::uint64_t, bool);

}  // namespace sluice::composed
