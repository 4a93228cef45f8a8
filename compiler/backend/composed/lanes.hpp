// One element as a lane holds it, and back.
#pragma once

#include <cstdint>

#include <sluice/dtype.hpp>

namespace sluice::composed {

// T is the compute type. A number is converted to it; an integer is the lane's, the nearest of its
// range.
template <typename T>
struct Lane;
template <>
struct Lane<float> {
  using Bits = std::uint32_t;
  using Integer = std::int32_t;
};
template <>
struct Lane<double> {
  using Bits = std::uint64_t;
  using Integer = std::int64_t;
};

template <typename T>
[[nodiscard]] typename Lane<T>::Bits load_lane(Dtype dtype, const void* from, bool integer);
template <typename T>
void store_lane(Dtype dtype, void* to, typename Lane<T>::Bits bits, bool integer);

}  // namespace sluice::composed
