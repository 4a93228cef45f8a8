#include "run.hpp"

#include <cstring>
#include <functional>
#include <limits>

#include "compiler/backend/interpreter/interpreter.hpp"
#include "compiler/driver/compile.hpp"
#include "compiler/driver/llvm.hpp"
#include "compiler/object/executable_memory.hpp"
#include "support/target.hpp"

namespace sluice::differential {
namespace {

using Call = std::function<void(void* const*, std::int64_t, const std::uint64_t*)>;

template <typename T>
void make_nans_one(std::vector<std::uint8_t>& bytes) {
  for (std::size_t i = 0; i + sizeof(T) <= bytes.size(); i += sizeof(T)) {
    T value;
    std::memcpy(&value, &bytes[i], sizeof(T));
    if (value == value) continue;
    value = std::numeric_limits<T>::quiet_NaN();
    std::memcpy(&bytes[i], &value, sizeof(T));
  }
}

Outputs run(const schedule::ElementProgram& program, const Data& data, const Call& call) {
  Outputs outputs;
  std::vector<void*> buffers;
  for (const std::vector<std::uint8_t>& input : data.inputs)
    buffers.push_back(const_cast<std::uint8_t*>(input.data()));
  for (const Dtype dtype : program.output_dtypes)
    outputs.emplace_back(static_cast<std::size_t>(data.count) * size_of(dtype), std::uint8_t{0xcd});
  for (std::vector<std::uint8_t>& output : outputs) buffers.push_back(output.data());
  call(buffers.data(), data.count, data.params.data());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (program.output_dtypes[i] == Dtype::f64)
      make_nans_one<double>(outputs[i]);
    else
      make_nans_one<float>(outputs[i]);
  }
  return outputs;
}

std::string hex(const std::uint8_t* bytes, std::size_t size) {
  std::string text = "0x";
  for (std::size_t i = size; i-- > 0;) {
    text += "0123456789abcdef"[bytes[i] >> 4];
    text += "0123456789abcdef"[bytes[i] & 15];
  }
  return text;
}

Outputs interpret_with(const schedule::ElementProgram& program, const Data& data,
                       interpreter::Loops loops) {
  const auto prepared = interpreter::Interpreter::prepare(program, loops);
  if (!prepared.ok()) return {};
  return run(program, data,
             [&](void* const* buffers, std::int64_t count, const std::uint64_t* params) {
               prepared->run(buffers, count, params);
             });
}

std::optional<std::string> disagreement_of(const std::string& who,
                                           const Result<object::CodeObject>& code,
                                           const schedule::ElementProgram& program,
                                           const Data& data, const Outputs& expected) {
  if (!code.ok()) return who + ": " + code.error().message;
  const auto memory = object::ExecutableMemory::map(code->bytes);
  if (!memory.ok()) return who + ": " + memory.error().message;
  const auto entry =
      reinterpret_cast<schedule::KernelEntry>(reinterpret_cast<std::uintptr_t>(memory->entry()));
  if (const auto found = difference(program, expected, run(program, data, entry)))
    return who + ": " + *found;
  return std::nullopt;
}

}  // namespace

Outputs interpret(const schedule::ElementProgram& program, const Data& data) {
  return interpret_with(program, data, interpreter::best_loops());
}

std::optional<std::string> difference(const schedule::ElementProgram& program,
                                      const Outputs& expected, const Outputs& got) {
  if (expected.size() != got.size()) return "no outputs";
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::size_t size = size_of(program.output_dtypes[i]);
    for (std::size_t at = 0; at < expected[i].size(); at += size)
      if (std::memcmp(&expected[i][at], &got[i][at], size) != 0)
        return "output " + std::to_string(i) + ", element " + std::to_string(at / size) +
               ": expected " + hex(&expected[i][at], size) + ", got " + hex(&got[i][at], size);
  }
  return std::nullopt;
}

std::optional<std::string> disagreement(const schedule::ElementProgram& program, const Data& data,
                                        const Outputs& expected) {
  for (const interpreter::Loops loops : {interpreter::Loops::baseline, interpreter::Loops::v3}) {
    if (loops > interpreter::best_loops()) continue;
    if (const auto found = difference(program, expected, interpret_with(program, data, loops)))
      return "interpreter, loops " + std::to_string(static_cast<int>(loops)) + ": " + *found;
  }
  for (const Target& target : runnable_targets()) {
    if (target.level == Level::interpreter) continue;
    if (auto found = disagreement_of(to_string(target), driver::emit(program, target), program,
                                     data, expected))
      return found;
  }
  return std::nullopt;
}

std::optional<std::string> llvm_disagreement(const schedule::ElementProgram& program,
                                             const Data& data, const Outputs& expected) {
  const auto module = driver::llvm();
  if (!module.ok()) return std::nullopt;
  for (const Target& target : runnable_targets()) {
    if (target.level == Level::interpreter) continue;
    if (auto found = disagreement_of("llvm for " + to_string(target),
                                     (*module)->emit(program, target), program, data, expected))
      return found;
  }
  return std::nullopt;
}

}  // namespace sluice::differential
