// What of a kernel of machine code outlasts the process: with it and its spec the kernel is made
// again without the compiler.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "compiler/object/code_object.hpp"
#include "support/bytes.hpp"

namespace sluice {

// A code object without what listings and tests look at.
struct StoredCode {
  std::vector<char> name;
  std::vector<std::uint8_t> bytes;
  std::uint64_t code_size = 0;
  std::vector<object::CallFrame> frame;  // one or none
};

constexpr auto fields(Type<object::CallFrame::Saved>) {
  return std::tuple(&object::CallFrame::Saved::reg, &object::CallFrame::Saved::below_rbp);
}
constexpr auto fields(Type<object::CallFrame>) {
  return std::tuple(&object::CallFrame::linked, &object::CallFrame::set, &object::CallFrame::pushed,
                    &object::CallFrame::left, &object::CallFrame::returned,
                    &object::CallFrame::saved);
}
constexpr auto fields(Type<StoredCode>) {
  return std::tuple(&StoredCode::name, &StoredCode::bytes, &StoredCode::code_size,
                    &StoredCode::frame);
}

[[nodiscard]] inline StoredCode to_stored(const object::CodeObject& code) {
  StoredCode stored{{code.name.begin(), code.name.end()}, code.bytes, code.code_size, {}};
  if (code.frame) stored.frame.push_back(*code.frame);
  return stored;
}
[[nodiscard]] inline object::CodeObject from_stored(const StoredCode& stored) {
  object::CodeObject code;
  code.name.assign(stored.name.begin(), stored.name.end());
  code.bytes = stored.bytes;
  code.code_size = static_cast<std::size_t>(stored.code_size);
  if (!stored.frame.empty()) code.frame = stored.frame.front();
  return code;
}

struct KernelImage {
  // An elementwise kernel has one; of a row kernel they are what its plan's numbers stand for.
  std::vector<StoredCode> codes;
  std::vector<std::uint8_t> plan;  // of a row kernel: RowKernel::plan_bytes()
  bool reads_row_index = false;
};

constexpr auto fields(Type<KernelImage>) {
  return std::tuple(&KernelImage::codes, &KernelImage::plan, &KernelImage::reads_row_index);
}

}  // namespace sluice
