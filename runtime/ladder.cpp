// The ladder: machine code, else the interpreter, with the reason for every step down.
#include <algorithm>
#include <string>
#include <utility>

#include "compiler/driver/compile.hpp"
#include "compiler/driver/llvm.hpp"
#include "runtime/kernel_state.hpp"

namespace sluice {
namespace {

// Machine code by the rung's back end.
Result<object::CodeObject> emit_by(Rung rung, const schedule::ElementProgram& program,
                                   const Target& target) {
  if (rung == Rung::x64) return driver::emit(program, target);
  const auto module = driver::llvm();
  if (!module.ok()) return module.error();
  return (*module)->emit(program, target);
}

void add_reason(std::string& reasons, const std::string& reason) {
  if (!reasons.empty()) reasons += "; ";
  reasons += reason;
}

}  // namespace

Result<Kernel> KernelState::build(std::shared_ptr<const ResolvedSpec> resolved,
                                  const LiveBytes& live_bytes) {
  auto state = std::make_shared<KernelState>();
  state->spec = std::move(resolved);
  state->describe_operands();
  if (state->spec->divisor) {
    auto divisor = build(state->spec->divisor, live_bytes);
    if (!divisor.ok()) return divisor.error();
    state->divisor = std::move(divisor).value();
  }
  if (state->spec->index_check) {
    auto check = build(state->spec->index_check, live_bytes);
    if (!check.ok()) return check.error();
    state->index_check = std::move(check).value();
    state->plain_rows = false;
  }
  if (!state->spec->row) {
    const auto compiled = driver::compile(state->spec->request());
    if (!compiled.ok()) return compiled.error();
    return state->climb(state, compiled->program, live_bytes);
  }
  const auto compiled = driver::compile_rows(state->spec->request());
  if (!compiled.ok()) return compiled.error();
  const ir::Graph& graph = compiled->program.graph;
  const std::vector<ir::ValueId> live = graph.live();
  state->reads_row_index = std::any_of(
      live.begin(), live.end(), [&](ir::ValueId id) { return graph[id].op == ir::Op::row_index; });
  return state->climb(state, compiled->program, live_bytes);
}

template <typename Program>
Result<Kernel> KernelState::climb(const std::shared_ptr<KernelState>& self, const Program& program,
                                  const LiveBytes& live_bytes) {
  const auto finished = [&](Rung taken) -> Kernel {
    rung = taken;
    count_bytes();
    live = live_bytes;
    live_bytes->fetch_add(bytes, std::memory_order_relaxed);
    return Kernel(std::shared_ptr<const KernelState>(self));
  };

  Error first{Status::unavailable, ""};
  if (spec->target.level == Level::interpreter) {
    rung_reason = "x64: the target is the interpreter";
  } else {
    for (const Rung wanted : {Rung::x64, Rung::llvm}) {
      const std::string which(name(wanted));
      if (!spec->allowed.has(wanted)) {
        add_reason(rung_reason, which + ": denied by the caller");
        continue;
      }
      const Outcome outcome = try_rung(wanted, program);
      if (outcome.ok()) return finished(wanted);
      if (first.message.empty()) first = outcome.error();
      add_reason(rung_reason, which + ": " + outcome.error().message);
    }
  }
  if (!spec->allowed.has(Rung::interpreter)) {
    first.message = "the interpreter is denied, and no higher rung is left (" + rung_reason + ")";
    return first;
  }
  const Outcome outcome = try_rung(Rung::interpreter, program);
  if (!outcome.ok()) return outcome.error();
  return finished(Rung::interpreter);
}

KernelState::~KernelState() {
  if (live) live->fetch_sub(bytes, std::memory_order_relaxed);
}

void KernelState::describe_operands() {
  const dsl::FunctionDef& function = spec->definition_text();
  plain = !spec->row;
  plain_rows = spec->row && !spec->row->across && spec->axis == 0u;
  for (const Argument& argument : spec->arguments) {
    const driver::Operand& operand = spec->operands[argument.operand];
    OperandInfo info;
    info.name = argument_name(*spec, argument);
    info.dtype = argument.dtype;
    info.output = !driver::is_source(operand.role);
    info.scalar = operand.extent == ir::Extent::scalar || argument.single;
    info.per_row = lacks_axis(function, operand) && !argument.single;
    if (is_quantised(argument.dtype)) info.quantisation = argument.quantisation;
    if (info.scalar) scalars |= OperandSet{1} << operands.size();
    plain = plain && argument.way == Way::direct;
    // What varies along rows alone, though its kind has columns, needs a look at its shape.
    const bool by_shape = operand.extent == ir::Extent::row && !info.per_row;
    plain_rows = plain_rows && argument.way == Way::direct && !argument.single && !by_shape;
    operands.push_back(std::move(info));
  }
  for (std::size_t i = 0; i < spec->params.size(); ++i) {
    if (spec->params[i].baked) continue;
    passed.push_back(function.parameters[i].name);
    passed_indices.push_back(i);
  }
}

Outcome KernelState::try_rung(Rung wanted, const schedule::ElementProgram& program) {
  if (wanted != Rung::interpreter) {
    auto code = emit_by(wanted, program, spec->target);
    if (!code.ok()) return code.error();
    auto mapped = object::ExecutableMemory::map(code->bytes);
    if (!mapped.ok()) return mapped.error();
    memory.emplace(std::move(mapped).value());
    code_bytes = code->bytes.size();
    return Unit{};
  }
  auto prepared = interpreter::Interpreter::prepare(program);
  if (!prepared.ok()) return prepared.error();
  interpreter.emplace(std::move(prepared).value());
  code_bytes = interpreter->bytes();
  return Unit{};
}

// Every sweep is an element kernel of its own, which the row kernel owns.
Outcome KernelState::try_rung(Rung wanted, const schedule::RowProgram& program) {
  code_bytes = mapped_bytes_ = 0;
  using Memory = std::shared_ptr<const object::ExecutableMemory>;
  const auto map = [this](const object::CodeObject& code) -> Result<Memory> {
    auto mapped = object::ExecutableMemory::map(code.bytes);
    if (!mapped.ok()) return mapped.error();
    code_bytes += code.bytes.size();
    mapped_bytes_ += mapped->mapped_bytes();
    return Memory(std::make_shared<object::ExecutableMemory>(std::move(mapped).value()));
  };
  const composed::MakeElementKernel machine_code =
      [this, wanted,
       &map](const schedule::ElementProgram& sweep) -> Result<composed::ElementKernel> {
    auto code = emit_by(wanted, sweep, spec->target);
    if (!code.ok()) return code.error();
    auto held = map(*code);
    if (!held.ok()) return held.error();
    const auto entry =
        reinterpret_cast<schedule::KernelEntry>(reinterpret_cast<std::uintptr_t>((*held)->entry()));
    return composed::ElementKernel(
        [held = *held, entry](void* const* buffers, std::int64_t count,
                              const std::uint64_t* params) { entry(buffers, count, params); });
  };
  const composed::MakeElementKernel interpreted =
      [this](const schedule::ElementProgram& sweep) -> Result<composed::ElementKernel> {
    auto prepared = interpreter::Interpreter::prepare(sweep);
    if (!prepared.ok()) return prepared.error();
    code_bytes += prepared->bytes();
    mapped_bytes_ += prepared->bytes();
    const auto held = std::make_shared<interpreter::Interpreter>(std::move(prepared).value());
    return composed::ElementKernel(
        [held](void* const* buffers, std::int64_t count, const std::uint64_t* params) {
          held->run(buffers, count, params);
        });
  };
  // Whole rows of exactly the spec's length where it has one, else of any.
  const composed::MakeBlockKernel whole_rows =
      [this, &map](const schedule::RowProgram& block) -> Result<composed::BlockKernel> {
    driver::RowShape shape = *spec->row;
    if (!block.cells.empty()) shape.columns = 0;
    auto code = driver::emit(block, shape, spec->target);
    if (!code.ok()) return code.error();
    auto held = map(*code);
    if (!held.ok()) return held.error();
    const auto entry =
        reinterpret_cast<schedule::RowEntry>(reinterpret_cast<std::uintptr_t>((*held)->entry()));
    return composed::BlockKernel{
        [held = *held, entry](const schedule::RowCall& call) { entry(&call); },
        code->workspace_bytes};
  };
  auto made = composed::RowKernel::make(
      program, spec->row->across, wanted == Rung::interpreter ? interpreted : machine_code,
      wanted == Rung::x64 ? whole_rows : composed::MakeBlockKernel{});
  if (!made.ok()) return made.error();
  rows.emplace(std::move(made).value());
  return Unit{};
}

// What lives as long as the kernel does; the program is shared with the runtime.
void KernelState::count_bytes() {
  bytes = sizeof *this + sizeof(ResolvedSpec) + rung_reason.size();
  if (rows)
    bytes += rows->bytes() + mapped_bytes_;
  else
    bytes += memory ? memory->mapped_bytes() : code_bytes;
  if (divisor) bytes += divisor->bytes();
  if (index_check) bytes += index_check->bytes();
  bytes += spec->operands.size() * sizeof(driver::Operand) +
           spec->arguments.size() * sizeof(Argument) +
           spec->params.size() * sizeof(driver::Parameter);
  bytes += spec->words.size() * sizeof(std::uint64_t) + operands.size() * sizeof(OperandInfo);
}

}  // namespace sluice
