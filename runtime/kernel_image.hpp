// What of a kernel of machine code outlasts the process: with it and its spec the kernel is made
// again without the compiler.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "support/bytes.hpp"

namespace sluice {

struct KernelImage {
  // Position-independent, entry at 0. An elementwise kernel has one; of a row kernel they are what
  // its plan's numbers stand for.
  std::vector<std::vector<std::uint8_t>> codes;
  std::vector<std::uint8_t> plan;  // of a row kernel: RowKernel::plan_bytes()
  bool reads_row_index = false;
};

constexpr auto fields(Type<KernelImage>) {
  return std::tuple(&KernelImage::codes, &KernelImage::plan, &KernelImage::reads_row_index);
}

}  // namespace sluice
