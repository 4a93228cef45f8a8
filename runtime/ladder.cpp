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
                                  const KernelHome& home) {
  auto state = std::make_shared<KernelState>();
  state->spec = std::move(resolved);
  state->home = home;
  state->describe_operands();
  if (state->spec->divisor) {
    auto divisor = build(state->spec->divisor, home);
    if (!divisor.ok()) return divisor.error();
    state->divisor = std::move(divisor).value();
  }
  if (state->spec->index_check) {
    auto check = build(state->spec->index_check, home);
    if (!check.ok()) return check.error();
    state->index_check = std::move(check).value();
    state->plain_rows = false;
  }
  if (!state->spec->row) {
    const auto compiled = driver::compile(state->spec->request());
    if (!compiled.ok()) return compiled.error();
    return state->climb(state, compiled->program);
  }
  const auto compiled = driver::compile_rows(state->spec->request());
  if (!compiled.ok()) return compiled.error();
  const ir::Graph& graph = compiled->program.graph;
  const std::vector<ir::ValueId> live = graph.live();
  state->reads_row_index = std::any_of(
      live.begin(), live.end(), [&](ir::ValueId id) { return graph[id].op == ir::Op::row_index; });
  return state->climb(state, compiled->program);
}

template <typename Program>
Result<Kernel> KernelState::climb(const std::shared_ptr<KernelState>& self,
                                  const Program& program) {
  const auto finished = [&](Rung taken) -> Kernel {
    rung = taken;
    count_bytes();
    home.live->fetch_add(bytes, std::memory_order_relaxed);
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

KernelState::~KernelState() { home.live->fetch_sub(bytes, std::memory_order_relaxed); }

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

Result<const void*> KernelState::load(const Result<object::CodeObject>& made) {
  if (!made.ok()) return made.error();
  auto loaded = home.loader->load(*made);
  if (!loaded.ok()) return loaded.error();
  code.push_back(std::move(loaded).value());
  code_bytes += code.back()->bytes().size();
  return code.back()->entry();
}

Outcome KernelState::try_rung(Rung wanted, const schedule::ElementProgram& program) {
  if (wanted != Rung::interpreter) {
    const auto entry = load(emit_by(wanted, program, spec->target));
    return entry.ok() ? Outcome(Unit{}) : entry.error();
  }
  auto prepared = interpreter::Interpreter::prepare(program);
  if (!prepared.ok()) return prepared.error();
  interpreter.emplace(std::move(prepared).value());
  code_bytes = interpreter->bytes();
  return Unit{};
}

// Every sweep is an element kernel of its own, which the row kernel calls.
Outcome KernelState::try_rung(Rung wanted, const schedule::RowProgram& program) {
  code.clear();
  code_bytes = 0;
  const composed::MakeElementKernel machine_code =
      [this, wanted](const schedule::ElementProgram& sweep) -> Result<composed::ElementKernel> {
    const auto loaded = load(emit_by(wanted, sweep, spec->target));
    if (!loaded.ok()) return loaded.error();
    const auto entry =
        reinterpret_cast<schedule::KernelEntry>(reinterpret_cast<std::uintptr_t>(*loaded));
    return composed::ElementKernel(entry);
  };
  const composed::MakeElementKernel interpreted =
      [this](const schedule::ElementProgram& sweep) -> Result<composed::ElementKernel> {
    auto prepared = interpreter::Interpreter::prepare(sweep);
    if (!prepared.ok()) return prepared.error();
    code_bytes += prepared->bytes();
    const auto held = std::make_shared<interpreter::Interpreter>(std::move(prepared).value());
    return composed::ElementKernel(
        [held](void* const* buffers, std::int64_t count, const std::uint64_t* params) {
          held->run(buffers, count, params);
        });
  };
  // Whole rows of exactly the spec's length where it has one, else of any.
  const composed::MakeBlockKernel whole_rows =
      [this](const schedule::RowProgram& block) -> Result<composed::BlockKernel> {
    driver::RowShape shape = *spec->row;
    if (!block.cells.empty()) shape.columns = 0;
    const auto made = driver::emit(block, shape, spec->target);
    const auto loaded = load(made);
    if (!loaded.ok()) return loaded.error();
    const auto entry =
        reinterpret_cast<schedule::RowEntry>(reinterpret_cast<std::uintptr_t>(*loaded));
    return composed::BlockKernel{[entry](const schedule::RowCall& call) { entry(&call); },
                                 made->workspace_bytes};
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
  if (rows) bytes += rows->bytes();
  if (rung == Rung::interpreter) bytes += code_bytes;
  for (const object::CodeHandle& each : code) bytes += each->held_bytes();
  if (divisor) bytes += divisor->bytes();
  if (index_check) bytes += index_check->bytes();
  bytes += spec->operands.size() * sizeof(driver::Operand) +
           spec->arguments.size() * sizeof(Argument) +
           spec->params.size() * sizeof(driver::Parameter);
  bytes += spec->words.size() * sizeof(std::uint64_t) + operands.size() * sizeof(OperandInfo);
}

}  // namespace sluice
