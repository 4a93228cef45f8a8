// How two numbers of a reference compare.
#pragma once

#include <cstdint>

namespace sluice::accuracy {

enum class Order : std::uint8_t {
  less,
  equal,
  greater,
  unordered,  // one is NaN
  unknown,    // nearer to each other than their errors
};

}  // namespace sluice::accuracy
