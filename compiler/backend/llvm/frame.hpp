// What LLVM's .eh_frame says of a function, as a CallFrame.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "compiler/object/code_object.hpp"

namespace sluice::llvm_backend {

// Of a section with one function, of `code_size` bytes. Nothing where the frame is not one that a
// CallFrame can say.
[[nodiscard]] std::optional<object::CallFrame> frame_of(std::span<const std::uint8_t> section,
                                                        std::size_t code_size);

}  // namespace sluice::llvm_backend
