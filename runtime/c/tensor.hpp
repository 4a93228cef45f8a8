// Tensors of a C caller as views.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include <sluice/sluice.h>
#include <sluice/status.hpp>
#include <sluice/tensor.hpp>

#include "runtime/broadcast.hpp"

namespace sluice::c {

// The views of a call, which take no memory but their own.
class Views {
 public:
  Views() = default;
  Views(const Views&) = delete;
  Views& operator=(const Views&) = delete;

  // Errors: invalid_operands.
  [[nodiscard]] Outcome set(const sluice_tensor* tensors, std::size_t count);
  [[nodiscard]] std::span<const TensorView> all() const { return {first(), count_}; }

 private:
  [[nodiscard]] const TensorView* first() const {
    return reinterpret_cast<const TensorView*>(room_.data());
  }

  // A kernel has no more operands; of the views only those that are needed are made.
  alignas(TensorView) std::array<std::byte, kMaxOperands * sizeof(TensorView)> room_;
  std::size_t count_ = 0;
};

}  // namespace sluice::c
