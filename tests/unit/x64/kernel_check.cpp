#include "tests/unit/x64/kernel_check.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <iostream>
#include <limits>
#include <sstream>
#include <utility>

#include <catch2/catch.hpp>
#include <sys/mman.h>
#include <unistd.h>

#include "compiler/ir/scalar.hpp"

namespace sluice::x64::check {
namespace {

std::vector<Target> find_targets() {
  std::vector<Target> found;
  for (const Target& wanted : {Target{Level::x86_64_v3, 0}, Target{Level::x86_64_v4, 0}}) {
    if (runs_on(wanted, host_target())) {
      std::cout << "ran: " << to_string(wanted) << " kernels\n";
      found.push_back(wanted);
    } else {
      std::cout << "skipped: " << to_string(wanted) << ": this processor lacks "
                << (wanted.level == Level::x86_64_v4 ? "AVX-512" : "AVX2, FMA or F16C") << "\n";
    }
  }
  return found;
}

std::size_t page() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

std::size_t lane_bytes(const ir::Graph& graph) { return graph.compute() == ir::Elem::f64 ? 8 : 4; }

bool is_nan(ir::Elem elem, std::uint64_t bits) {
  return ir::is_number(elem) && std::isnan(ir::decode(elem, bits));
}

bool same(ir::Elem elem, std::uint64_t a, std::uint64_t b) {
  return a == b || (is_nan(elem, a) && is_nan(elem, b));
}

std::uint64_t read(const unsigned char* from, std::size_t size) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, from, size);
  return bits;
}

}  // namespace

const std::vector<Target>& targets() {
  static const std::vector<Target> found = find_targets();
  return found;
}

schedule::KernelEntry Compiled::entry() const {
  return reinterpret_cast<schedule::KernelEntry>(reinterpret_cast<std::uintptr_t>(memory.entry()));
}

Compiled compile(const ir::Graph& graph, const Target& target, std::int64_t stream_from) {
  const auto dtype = [&](ir::Elem elem) {
    switch (elem) {
      case ir::Elem::f32: return Dtype::f32;
      case ir::Elem::f64: return Dtype::f64;
      case ir::Elem::i32: return Dtype::i32;
      case ir::Elem::i64: return Dtype::i64;
      case ir::Elem::boolean: return Dtype::boolean;
    }
    return Dtype::f32;
  };
  std::vector<Dtype> inputs;
  std::vector<Dtype> outputs;
  for (const ir::GraphInput& input : graph.inputs()) inputs.push_back(dtype(input.type.elem));
  for (const ir::GraphOutput& output : graph.outputs())
    outputs.push_back(dtype(graph[output.value].type.elem));
  schedule::ElementProgram program = schedule::schedule_elements("test", graph, inputs, outputs);
  program.stream_from = stream_from;
  Result<object::CodeObject> code = emit(program, target);
  if (!code) FAIL(code.error().message);
  Result<object::ExecutableMemory> memory = object::ExecutableMemory::map(code->bytes);
  if (!memory) FAIL(memory.error().message);
  return {std::move(program), *std::move(code), *std::move(memory)};
}

GuardedBuffer::GuardedBuffer(std::size_t bytes, std::size_t offset_from_start, bool flush_end) {
  const std::size_t inside = (bytes + offset_from_start + page() - 1) / page() * page() + page();
  mapped_ = inside + 2 * page();
  base_ = mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base_ == MAP_FAILED) FAIL("no memory for a guarded buffer");
  unsigned char* const start = static_cast<unsigned char*>(base_) + page();
  if (mprotect(start, inside, PROT_READ | PROT_WRITE) != 0) FAIL("no memory for a guarded buffer");
  data_ = flush_end ? start + inside - bytes : start + offset_from_start;
}

GuardedBuffer::GuardedBuffer(GuardedBuffer&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), mapped_(other.mapped_), data_(other.data_) {}

GuardedBuffer::~GuardedBuffer() {
  if (base_ != nullptr) munmap(base_, mapped_);
}

std::optional<std::string> difference(const Compiled& compiled, const Case& test) {
  const ir::Graph& graph = *test.graph;
  const std::size_t size = lane_bytes(graph);
  std::vector<GuardedBuffer> buffers;
  std::vector<void*> pointers;
  for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
    const std::vector<std::uint64_t>& column = test.inputs[i];
    buffers.emplace_back(column.size() * size, test.offset, test.flush_end);
    for (std::size_t k = 0; k < column.size(); ++k)
      std::memcpy(buffers.back().data() + k * size, &column[k], size);
    pointers.push_back(buffers.back().data());
  }
  for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
    buffers.emplace_back(test.count * size, test.offset, test.flush_end);
    std::memset(buffers.back().data(), 0x5a, test.count * size);
    pointers.push_back(i == 0 && test.in_place ? pointers[0] : buffers.back().data());
  }
  compiled.entry()(pointers.data(), static_cast<std::int64_t>(test.count), test.params.data());
  std::vector<std::uint64_t> inputs(graph.inputs().size());
  for (std::size_t k = 0; k < test.count; ++k) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::vector<std::uint64_t>& column = test.inputs[i];
      inputs[i] = graph.inputs()[i].type.extent == ir::Extent::scalar ? column[0] : column[k];
    }
    const std::vector<std::uint64_t> expected = ir::evaluate(graph, inputs, test.params);
    for (std::size_t o = 0; o < expected.size(); ++o) {
      const ir::Elem elem = graph[graph.outputs()[o].value].type.elem;
      const auto* from = static_cast<const unsigned char*>(pointers[inputs.size() + o]) + k * size;
      const std::uint64_t got = read(from, size);
      if (same(elem, expected[o], got)) continue;
      std::ostringstream text;
      text << "output " << o << ", element " << k << " of " << test.count << ": expected "
           << std::hex << expected[o] << ", got " << got << " for";
      for (const std::uint64_t bits : inputs) text << " " << bits;
      text << "\n" << schedule::to_string(compiled.program);
      return text.str();
    }
  }
  return std::nullopt;
}

std::uint64_t any_number(ir::Elem elem, std::mt19937_64& random) {
  using Limits = std::numeric_limits<double>;
  static constexpr double kSpecial[] = {0.0, -0.0, 1.0,  -1.0, 0.5,  -0.5, 0.75,
                                        1.5, 2.0,  -2.5, 3.0,  16.0, 88.0, -104.0};
  const auto uniform = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
  };
  const bool wide = elem == ir::Elem::f64;
  switch (random() % 8) {
    case 0: return ir::encode(elem, kSpecial[random() % std::size(kSpecial)]);
    case 1: {
      const double extreme[] = {Limits::infinity(),
                                -Limits::infinity(),
                                Limits::quiet_NaN(),
                                wide ? Limits::denorm_min()
                                     : double{std::numeric_limits<float>::denorm_min()},
                                wide ? Limits::min() : double{std::numeric_limits<float>::min()},
                                wide ? Limits::max() : double{std::numeric_limits<float>::max()}};
      return ir::encode(elem, extreme[random() % std::size(extreme)]);
    }
    case 2: return wide ? random() : random() & 0xffffffffu;
    case 3: return ir::encode(elem, uniform(-100, 100));
    case 4: return ir::encode(elem, std::floor(uniform(-20, 20)));
    case 5: return ir::encode(elem, std::exp2(uniform(-40, 40)) * (random() % 2 == 0 ? 1 : -1));
    default: return ir::encode(elem, uniform(-4, 4));
  }
}

}  // namespace sluice::x64::check
