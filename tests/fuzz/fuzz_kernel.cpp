// Any bytes as a text of the language, whose last function becomes kernels: forward and backward,
// on the interpreter and as machine code of every level of this processor, in a few element types.
// All give the same bits, NaN as one, for the same numbers, and write into their outputs alone.
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/runtime.hpp>

#include "dsl/program.hpp"
#include "support/half.hpp"
#include "support/hash.hpp"
#include "support/target.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace sluice::fuzz {
namespace {

// What makes a kernel that takes long to compile, and no other findings.
constexpr std::size_t kMaxText = 2000;
constexpr std::uint64_t kMaxNodes = 300;
constexpr std::size_t kMaxOperands = 6;

constexpr std::int64_t kRows = 3, kColumns = 37;
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kSpecial[] = {0.0,  -0.0, 1.0, -1.0,  0.5,   -0.5,  3.0,  -3.0,
                               20.0, kInf, NAN, -kInf, 1e-30, 1e-41, 88.8, -104.0};

using Memories = std::vector<GuardedMemory>;

void put(std::uint8_t* to, Dtype dtype, double value, std::uint64_t bits) {
  const auto store = [&](auto number) { std::memcpy(to, &number, sizeof number); };
  switch (dtype) {
    case Dtype::f32: store(static_cast<float>(value)); break;
    case Dtype::f64: store(value); break;
    case Dtype::f16: store(static_cast<F16>(static_cast<float>(value))); break;
    case Dtype::bf16: store(static_cast<BF16>(static_cast<float>(value))); break;
    case Dtype::i32: store(static_cast<std::int32_t>(bits % 40) - 1); break;
    case Dtype::i64: store(static_cast<std::int64_t>(bits % 40) - 1); break;
    case Dtype::boolean: store(static_cast<std::uint8_t>(bits & 1)); break;
    case Dtype::i8:
    case Dtype::u8: store(static_cast<std::uint8_t>(bits)); break;
  }
}

void fill(std::span<std::uint8_t> bytes, Dtype dtype, std::uint64_t seed) {
  const std::size_t size = size_of(dtype);
  for (std::size_t i = 0; i * size < bytes.size(); ++i) {
    const std::uint64_t bits = mix(seed, i);
    const auto fraction = static_cast<double>(static_cast<std::int64_t>(bits) >> 40) * 0x1p-23;
    const double value = bits % 4 == 0 ? kSpecial[bits >> 60] : (bits % 4 == 1 ? 30 : 3) * fraction;
    put(bytes.data() + i * size, dtype, value, bits >> 8);
  }
}

template <typename T>
bool is_nan(const std::uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return std::isnan(static_cast<double>(static_cast<float>(value)));
}

bool same_number(const std::uint8_t* a, const std::uint8_t* b, Dtype dtype) {
  if (std::memcmp(a, b, size_of(dtype)) == 0) return true;
  if (dtype == Dtype::f32) return is_nan<float>(a) && is_nan<float>(b);
  if (dtype == Dtype::f64) return is_nan<double>(a) && is_nan<double>(b);
  if (dtype == Dtype::f16) return is_nan<F16>(a) && is_nan<F16>(b);
  if (dtype == Dtype::bf16) return is_nan<BF16>(a) && is_nan<BF16>(b);
  return false;
}

// One a target of this processor, the interpreter first.
std::vector<Runtime>& runtimes() {
  static auto* made = [] {
    auto* all = new std::vector<Runtime>;
    for (const Target& target : runnable_targets()) {
      RuntimeOptions options;
      options.target = to_string(target);
      options.denied = {Rung::llvm};
      options.disk_folder = "";
      all->emplace_back(options);
    }
    return all;
  }();
  return *made;
}

std::vector<std::int64_t> shape_of(bool row_wise, bool per_row) {
  if (!row_wise) return {kRows * kColumns};
  return per_row ? std::vector{kRows} : std::vector{kRows, kColumns};
}

bool per_row(const dsl::Input& input) {
  return input.kind == dsl::Kind::row || input.kind == dsl::Kind::index;
}

Dtype dtype_of(const dsl::Input& input, Dtype number) {
  if (input.kind == dsl::Kind::index) return Dtype::i64;
  return input.kind == dsl::Kind::mask ? Dtype::boolean : number;
}

bool is_number(const dsl::Input& input) {
  return input.kind == dsl::Kind::element || input.kind == dsl::Kind::row;
}

KernelSpec spec_of(const dsl::FunctionDef& function, Pass pass, Dtype number) {
  KernelSpec spec{.function = function.name, .pass = pass};
  const bool rows = function.row_wise;
  const auto add = [&](std::string name, Dtype dtype, bool per_row) {
    spec.operands.push_back({dtype, shape_of(rows, per_row), std::move(name)});
  };
  for (const dsl::Input& input : function.inputs)
    add(input.name, dtype_of(input, number), per_row(input));
  for (const dsl::Output& output : function.outputs) {
    const bool one_a_row = rows && output.extent != dsl::Extent::element;
    if (pass == Pass::forward) {
      const bool boolean = output.type == dsl::Type::boolean;
      const bool integer = output.type == dsl::Type::integer;
      add(output.name, boolean ? Dtype::boolean : integer ? Dtype::i64 : number, one_a_row);
    } else if (output.type == dsl::Type::number) {
      add("grad_" + output.name, number, one_a_row);
    }
  }
  if (pass == Pass::backward)
    for (const dsl::Input& input : function.inputs)
      if (is_number(input)) add("d" + input.name, number, per_row(input));
  return spec;
}

// The buffers of a kernel's call, filled; what is untouched at the end is an output's.
Memories memory_for(const Kernel& kernel, const KernelSpec& spec, std::vector<TensorView>& views) {
  Memories memories;
  for (const OperandInfo& operand : kernel.operands()) {
    const OperandSpec* given = nullptr;
    for (const OperandSpec& each : spec.operands)
      if (each.name == operand.name) given = &each;
    require(given != nullptr, "a kernel has an operand that its spec has not", operand.name);
    std::size_t bytes = size_of(operand.dtype);
    for (const std::int64_t extent : given->shape) bytes *= static_cast<std::size_t>(extent);
    GuardedMemory& memory = memories.emplace_back(bytes);
    if (!operand.output) fill(memory.bytes(), operand.dtype, memories.size());
    views.emplace_back(static_cast<void*>(memory.data()), operand.dtype, given->shape);
  }
  return memories;
}

std::optional<Memories> run(const Result<Kernel>& kernel, const KernelSpec& spec) {
  if (!kernel.ok()) {
    require(!kernel.error().message.empty(), "an error without a sentence");
    return std::nullopt;
  }
  std::vector<TensorView> views;
  Memories memories = memory_for(*kernel, spec, views);
  const Outcome called = kernel->call(views);
  require(called.ok(), "a call that fits its kernel is refused",
          called.ok() ? "" : called.error().message);
  for (const GuardedMemory& each : memories)
    require(each.untouched_before(), "written before a buffer");
  return memories;
}

std::string bits_of(const std::uint8_t* bytes, std::size_t size) {
  std::string text = "0x";
  for (std::size_t i = size; i-- > 0;)
    for (const int shift : {4, 0}) text += "0123456789abcdef"[bytes[i] >> shift & 15];
  return text;
}

void compare(const Kernel& kernel, Memories& expected, Memories& got) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const OperandInfo& operand = kernel.operands()[i];
    const std::size_t size = size_of(operand.dtype);
    for (std::size_t at = 0; at < expected[i].bytes().size(); at += size) {
      const std::uint8_t *a = expected[i].data() + at, *b = got[i].data() + at;
      if (same_number(a, b, operand.dtype)) continue;
      require(false, "targets disagree",
              kernel.key_text() + "\n" + kernel.target() + ", " + operand.name + ", element " +
                  std::to_string(at / size) + ": expected " + bits_of(a, size) + ", got " +
                  bits_of(b, size));
    }
  }
}

void check(const KernelSpec& spec) {
  std::optional<Memories> expected;
  std::optional<Status> refused;
  for (Runtime& runtime : runtimes()) {
    const auto kernel = runtime.compile(spec);
    auto got = run(kernel, spec);
    if (&runtime == &runtimes().front()) {
      expected = std::move(got);
      if (!kernel.ok()) refused = kernel.error().status;
    } else {
      require(got.has_value() == expected.has_value(), "one target alone refuses a kernel",
              kernel.ok() ? kernel->key_text() : kernel.error().message);
      if (got)
        compare(*kernel, *expected, *got);
      else
        require(kernel.error().status == *refused, "another status", kernel.error().message);
    }
    runtime.clear();
  }
}

void check(std::string_view text) {
  if (text.size() > kMaxText) return;
  const dsl::Analysis analysis = analyze(text, "fuzz.slu", &dsl::standard_library());
  if (!analysis.program || analysis.program->size() == analysis.program->first_own()) return;
  const auto last = static_cast<dsl::FunctionId>(analysis.program->size() - 1);
  const dsl::FunctionDef& function = analysis.program->function(last);
  if (function.expanded_nodes > kMaxNodes) return;
  if (function.inputs.empty() || function.inputs.size() + function.outputs.size() > kMaxOperands)
    return;
  const auto program = Program::parse(text);
  require(program.ok(), "a text is sound and is not");
  std::uint64_t seed = 0;
  for (const char c : text) seed = mix(seed, static_cast<unsigned char>(c));
  constexpr Dtype kNumbers[] = {Dtype::f32, Dtype::f32, Dtype::f64, Dtype::f16, Dtype::bf16};
  const Dtype number = kNumbers[seed % std::size(kNumbers)];
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    KernelSpec spec = spec_of(function, pass, number);
    spec.program = *program;
    if (seed >> 32 & 1) spec.accuracy = 0x1p-12;
    check(spec);
  }
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::fuzz::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
