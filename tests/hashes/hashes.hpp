// What a kernel makes of a fixed set of inputs, as one number.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/runtime.hpp>

namespace sluice::hashes {

struct Subject {
  std::string function;
  Pass pass = Pass::forward;
  Dtype dtype = Dtype::f32;  // of all operands
  std::size_t operands = 0;  // of the kernel; of row functions what their inputs make them
};

// "silu forward f32"
[[nodiscard]] std::string name_of(const Subject& subject);

// The kernels of the library at the default parameters: elementwise ones of numbers alone, and
// those of row functions with the inputs that must be given.
[[nodiscard]] std::vector<Subject> subjects();

// Of the outputs, all NaN being one, on a target: 16 hexadecimal digits. Nothing where no kernel is
// made; the target is not to be replaced by another.
[[nodiscard]] std::optional<std::string> hash_on(Runtime& runtime, const Subject& subject,
                                                 const std::string& target);

// The parts of that for an elementwise subject, whose kernels are not the runtime's: how many
// elements each operand has, the bytes of the inputs, and the hash of the outputs', one after the
// other.
[[nodiscard]] std::size_t elements();
[[nodiscard]] std::string input_bytes(Dtype dtype, std::size_t operand);
[[nodiscard]] std::string hash_of_outputs(Dtype dtype, std::string bytes);

// The same of a row function: calls, whose operands lie row by row, each of the bytes that an input
// has and an output is of; and the hash of their outputs, in order.
struct RowOperandBytes {
  Dtype dtype = Dtype::f32;
  bool per_row = false;  // one element a row
  bool output = false;
  std::string bytes;
};
struct RowCase {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<RowOperandBytes> operands;
};
[[nodiscard]] std::vector<RowCase> row_cases(const Subject& subject);
[[nodiscard]] std::string hash_of_row_outputs(const Subject& subject,
                                              std::span<const std::string> outputs);

}  // namespace sluice::hashes
