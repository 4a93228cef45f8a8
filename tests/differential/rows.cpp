#include "rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

#include "compiler/backend/composed/lanes.hpp"
#include "compiler/backend/composed/row_kernel.hpp"
#include "compiler/backend/interpreter/interpreter.hpp"
#include "compiler/object/executable_memory.hpp"
#include "support/target.hpp"

namespace sluice::differential {
namespace {

using composed::RowKernel;
using driver::Role;

// How a program is run.
struct Way {
  std::string name;
  std::optional<Target> target;  // of machine code; nothing: the interpreter
  bool across = false;
  bool whole = false;        // whole rows, or blocks of long ones
  std::int64_t columns = 0;  // of rows in registers
};

bool varies_along_row(const driver::Request& request, const driver::Operand& operand) {
  const dsl::FunctionDef& function = request.program->function(request.function);
  switch (operand.role) {
    case Role::input:
    case Role::input_gradient:
      return function.inputs[operand.index].extent() == dsl::Extent::element;
    case Role::saved_output:
    case Role::output:
    case Role::output_gradient:
      return function.outputs[operand.index].extent == dsl::Extent::element;
    case Role::parameter_gradient:
    case Role::index_read: return false;
  }
  return true;
}

Result<composed::ElementKernel> interpreted(const schedule::ElementProgram& program) {
  auto prepared = interpreter::Interpreter::prepare(program);
  if (!prepared.ok()) return prepared.error();
  return composed::ElementKernel{
      [held = *prepared](void* const* buffers, std::int64_t count, const std::uint64_t* params) {
        held.run(buffers, count, params);
      }};
}

using Memory = std::shared_ptr<object::ExecutableMemory>;
Result<Memory> mapped(const Result<object::CodeObject>& code) {
  if (!code.ok()) return code.error();
  auto memory = object::ExecutableMemory::map(code->bytes);
  if (!memory.ok()) return memory.error();
  return std::make_shared<object::ExecutableMemory>(std::move(memory).value());
}

template <typename Entry>
Entry entry_of(const Memory& memory) {
  return reinterpret_cast<Entry>(reinterpret_cast<std::uintptr_t>(memory->entry()));
}

Result<RowKernel> make(const schedule::RowProgram& program, const Way& way) {
  if (!way.target) return RowKernel::make(program, way.across, interpreted);
  const auto element =
      [&](const schedule::ElementProgram& sweep) -> Result<composed::ElementKernel> {
    const auto memory = mapped(driver::emit(sweep, *way.target));
    if (!memory.ok()) return memory.error();
    const auto entry = entry_of<schedule::KernelEntry>(*memory);
    return composed::ElementKernel{
        [held = *memory, entry](void* const* buffers, std::int64_t count,
                                const std::uint64_t* params) { entry(buffers, count, params); }};
  };
  const auto whole = [&](const schedule::RowProgram& rows) -> Result<composed::BlockKernel> {
    const driver::RowShape shape{way.across, true, rows.cells.empty() ? way.columns : 0};
    const auto code = driver::emit(rows, shape, *way.target);
    const auto memory = mapped(code);
    if (!memory.ok()) return memory.error();
    const auto entry = entry_of<schedule::RowEntry>(*memory);
    return composed::BlockKernel{
        [held = *memory, entry](const schedule::RowCall& call) { entry(&call); },
        code->workspace_bytes};
  };
  return RowKernel::make(program, way.across, element,
                         way.whole ? whole : composed::MakeBlockKernel{});
}

std::vector<std::uint8_t> transposed(const std::vector<std::uint8_t>& bytes, std::size_t size,
                                     std::int64_t rows, std::int64_t columns) {
  std::vector<std::uint8_t> result(bytes.size());
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c)
      std::memcpy(&result[static_cast<std::size_t>(c * rows + r) * size],
                  &bytes[static_cast<std::size_t>(r * columns + c) * size], size);
  return result;
}

template <typename T>
void make_nans_one(std::vector<std::uint8_t>& bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, &bytes[at], sizeof value);
    if (!std::isnan(value)) continue;
    value = std::numeric_limits<T>::quiet_NaN();
    std::memcpy(&bytes[at], &value, sizeof value);
  }
}
void make_nans_one(Dtype dtype, std::vector<std::uint8_t>& bytes) {
  const auto sixteen = [&](std::uint16_t magnitude_of_inf) {
    for (std::size_t at = 0; at < bytes.size(); at += 2) {
      std::uint16_t bits;
      std::memcpy(&bits, &bytes[at], sizeof bits);
      if ((bits & 0x7fff) <= magnitude_of_inf) continue;
      bits = 0x7fff;
      std::memcpy(&bytes[at], &bits, sizeof bits);
    }
  };
  if (dtype == Dtype::f32) make_nans_one<float>(bytes);
  if (dtype == Dtype::f64) make_nans_one<double>(bytes);
  if (dtype == Dtype::f16) sixteen(0x7c00);
  if (dtype == Dtype::bf16) sixteen(0x7f80);
}

struct Outcome {
  std::optional<Error> error;
  RowOutputs outputs;
};

Outcome run(driver::Request request, const RowData& data, const Way& way) {
  request.row = driver::RowShape{way.across, data.columns <= schedule::kBlockColumns, way.columns};
  const auto compiled = driver::compile_rows(request);
  if (!compiled.ok()) return {compiled.error(), {}};
  const auto kernel = make(compiled->program, way);
  if (!kernel.ok()) return {kernel.error(), {}};

  std::vector<std::vector<std::uint8_t>> storage;
  std::vector<std::int64_t> row_steps, column_steps;
  for (std::size_t k = 0; k < request.operands.size(); ++k) {
    const driver::Operand& operand = request.operands[k];
    const auto size = static_cast<std::int64_t>(size_of(operand.dtype));
    const bool along = varies_along_row(request, operand);
    const std::int64_t count = data.rows * (along ? data.columns : 1);
    std::vector<std::uint8_t> bytes = data.operands[k];
    if (bytes.empty()) bytes.assign(static_cast<std::size_t>(count * size), 0x5a);
    if (along && way.across)
      bytes = transposed(bytes, static_cast<std::size_t>(size), data.rows, data.columns);
    storage.push_back(std::move(bytes));
    row_steps.push_back(along && !way.across ? data.columns * size : size);
    column_steps.push_back(!along ? 0 : way.across ? data.rows * size : size);
  }
  std::vector<void*> buffers;
  for (auto& bytes : storage) buffers.push_back(bytes.data());
  std::vector<std::uint8_t> memory(kernel->workspace_bytes(data.columns) + 64);
  void* workspace = memory.data();
  std::size_t space = memory.size();
  std::align(64, memory.size() - 64, workspace, space);
  schedule::RowCall call;
  call.buffers = buffers.data();
  call.rows = data.rows;
  call.columns = data.columns;
  call.row_steps = row_steps.data();
  call.column_steps = column_steps.data();
  call.workspace = workspace;
  kernel->run(call);

  Outcome outcome;
  for (std::size_t k = 0; k < request.operands.size(); ++k) {
    const driver::Operand& operand = request.operands[k];
    if (driver::is_source(operand.role)) continue;
    std::vector<std::uint8_t> bytes = std::move(storage[k]);
    if (varies_along_row(request, operand) && way.across)
      bytes = transposed(bytes, size_of(operand.dtype), data.columns, data.rows);
    make_nans_one(operand.dtype, bytes);
    outcome.outputs.push_back(std::move(bytes));
  }
  return outcome;
}

}  // namespace

driver::Request row_request(const dsl::Program& program, dsl::FunctionId function, Pass pass,
                            Dtype dtype, bool all_inputs) {
  driver::Request request;
  request.program = &program;
  request.function = function;
  request.pass = pass;
  const dsl::FunctionDef& definition = program.function(function);
  const auto add = [&](Role role, std::size_t index, Dtype type) {
    driver::Operand operand;
    operand.role = role;
    operand.index = static_cast<std::uint32_t>(index);
    operand.dtype = type;
    request.operands.push_back(operand);
    if (!varies_along_row(request, operand)) request.operands.back().extent = ir::Extent::row;
  };
  const auto dtype_of = [&](dsl::Type type, Dtype number) {
    return type == dsl::Type::integer   ? Dtype::i64
           : type == dsl::Type::boolean ? Dtype::boolean
                                        : number;
  };
  const Dtype of_rows = dtype == Dtype::f64 ? Dtype::f64 : Dtype::f32;
  const auto output_dtype = [&](std::size_t i) {
    const dsl::Output& output = definition.outputs[i];
    return dtype_of(output.type, output.extent == dsl::Extent::element ? dtype : of_rows);
  };
  std::size_t given = 0;
  for (; given < definition.inputs.size(); ++given) {
    if (!all_inputs && definition.inputs[given].default_value) break;
    add(Role::input, given, dtype_of(definition.inputs[given].type(), dtype));
  }
  const bool backward = pass != Pass::forward;
  for (std::size_t i = 0; backward && i < definition.outputs.size(); ++i)
    if (definition.outputs[i].type == dsl::Type::number)
      add(Role::output_gradient, i, output_dtype(i));
  for (std::size_t i = 0; pass != Pass::backward && i < definition.outputs.size(); ++i)
    add(Role::output, i, output_dtype(i));
  for (std::size_t i = 0; backward && i < given; ++i)
    if (definition.inputs[i].type() == dsl::Type::number) add(Role::input_gradient, i, dtype);
  for (const dsl::Parameter& parameter : definition.parameters)
    request.params.push_back({parameter.default_value, true});
  return request;
}

RowData random_rows(const driver::Request& request, std::int64_t rows, std::int64_t columns,
                    std::mt19937_64& random) {
  RowData data{rows, columns, {}};
  const dsl::FunctionDef& function = request.program->function(request.function);
  const auto number = [&](double spread) {
    constexpr double kInf = std::numeric_limits<double>::infinity();
    constexpr double kSpecial[] = {
        0,    -0.0,  kInf, -kInf, 1e-40,
        3e38, -3e38, 88,   -104,  std::numeric_limits<double>::quiet_NaN()};
    if (random() % 4096 == 0) return kSpecial[random() % std::size(kSpecial)];
    return std::normal_distribution<double>(0, spread)(random);
  };
  for (const driver::Operand& operand : request.operands) {
    std::vector<std::uint8_t> bytes;
    const std::int64_t count = rows * (varies_along_row(request, operand) ? columns : 1);
    const std::size_t size = size_of(operand.dtype);
    if (driver::is_source(operand.role)) bytes.resize(static_cast<std::size_t>(count) * size);
    const bool is_index =
        operand.role == Role::input && function.inputs[operand.index].kind == dsl::Kind::index;
    const bool nothing = operand.role == Role::input && random() % 16 == 0;
    const double spread = random() % 3 == 0 ? 25 : 2;
    for (std::size_t i = 0; i * size < bytes.size(); ++i) {
      std::uint8_t* const at = &bytes[i * size];
      if (operand.dtype == Dtype::boolean) {
        *at = random() % 3 == 0 ? 0 : 1;
      } else if (is_index) {
        const auto index =
            static_cast<std::uint64_t>(random() % static_cast<std::uint64_t>(columns + 2)) - 1;
        composed::store_lane<double>(operand.dtype, at, index, true);
      } else {
        const double value =
            nothing && i < static_cast<std::size_t>(columns) ? -HUGE_VAL : number(spread);
        composed::store_lane<double>(operand.dtype, at, std::bit_cast<std::uint64_t>(value), false);
      }
    }
    data.operands.push_back(std::move(bytes));
  }
  return data;
}

RowOutputs interpret_rows(driver::Request request, const RowData& data) {
  return run(std::move(request), data, {"interpreter", {}, false, false, 0}).outputs;
}

std::optional<std::string> row_disagreement(driver::Request request, const RowData& data,
                                            const RowOutputs& expected,
                                            std::vector<std::string>& ran) {
  std::vector<Way> ways{{"interpreter, across", {}, true, false, 0}};
  for (const char* name : {"x86-64-v3", "x86-64-v4"}) {
    const auto target = parse_target(name);
    if (!target.ok() || !runs_on(*target, host_target())) continue;
    ways.push_back({std::string(name) + ", sweeps", *target, false, false, 0});
    ways.push_back({std::string(name) + ", across", *target, true, false, 0});
    ways.push_back({std::string(name) + ", whole", *target, false, true, 0});
    ways.push_back({std::string(name) + ", whole across", *target, true, true, 0});
    if (driver::exact_columns(data.columns, *target) != 0)
      ways.push_back({std::string(name) + ", in registers", *target, false, true, data.columns});
  }
  for (const Way& way : ways) {
    if (way.columns == 0 && way.whole && data.columns == 0) continue;
    const Outcome outcome = run(request, data, way);
    if (outcome.error) {
      if (outcome.error->status == Status::unsupported) continue;
      return way.name + ": " + outcome.error->message;
    }
    if (std::find(ran.begin(), ran.end(), way.name) == ran.end()) ran.push_back(way.name);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto at = std::mismatch(expected[i].begin(), expected[i].end(),
                                    outcome.outputs[i].begin(), outcome.outputs[i].end());
      if (at.first == expected[i].end()) continue;
      const auto from = static_cast<std::size_t>(at.first - expected[i].begin()) / 8 * 8;
      const auto bytes = [&](const std::vector<std::uint8_t>& all) {
        std::string text;
        for (std::size_t b = from; b < std::min(from + 8, all.size()); ++b) {
          constexpr char kDigits[] = "0123456789abcdef";
          text += {' ', kDigits[all[b] >> 4], kDigits[all[b] & 15]};
        }
        return text;
      };
      return way.name + ": output " + std::to_string(i) + " differs at byte " +
             std::to_string(at.first - expected[i].begin()) + "; expected" + bytes(expected[i]) +
             ", got" + bytes(outcome.outputs[i]);
    }
  }
  return std::nullopt;
}

}  // namespace sluice::differential
