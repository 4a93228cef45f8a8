// The ladder: machine code, else the interpreter, with the reason for every step down.
#include <string>
#include <utility>

#include "compiler/driver/compile.hpp"
#include "runtime/kernel_state.hpp"

namespace sluice {
namespace {

void add_reason(std::string& reasons, const std::string& reason) {
  if (!reasons.empty()) reasons += "; ";
  reasons += reason;
}

}  // namespace

Result<Kernel> KernelState::build(std::shared_ptr<const ResolvedSpec> resolved,
                                  const LiveBytes& live_bytes) {
  auto compiled = driver::compile(resolved->request());
  if (!compiled.ok()) return compiled.error();
  const schedule::ElementProgram& program = compiled->program;

  auto state = std::make_shared<KernelState>();
  state->spec = std::move(resolved);
  state->describe_operands();
  const auto finished = [&](Rung taken) -> Kernel {
    state->rung = taken;
    state->count_bytes();
    state->live = live_bytes;
    live_bytes->fetch_add(state->bytes, std::memory_order_relaxed);
    return Kernel(std::shared_ptr<const KernelState>(state));
  };

  Error last{Status::unavailable, ""};
  if (state->spec->target.level == Level::interpreter) {
    state->rung_reason = "x64: the target is the interpreter";
  } else if (!state->spec->allowed.has(Rung::x64)) {
    state->rung_reason = "x64: denied by the caller";
  } else {
    const Outcome outcome = state->try_x64(program);
    if (outcome.ok()) return finished(Rung::x64);
    last = outcome.error();
    add_reason(state->rung_reason, "x64: " + last.message);
  }
  if (!state->spec->allowed.has(Rung::interpreter)) {
    last.message =
        "the interpreter is denied, and no higher rung is left (" + state->rung_reason + ")";
    return last;
  }
  const Outcome outcome = state->try_interpreter(program);
  if (!outcome.ok()) return outcome.error();
  return finished(Rung::interpreter);
}

KernelState::~KernelState() {
  if (live) live->fetch_sub(bytes, std::memory_order_relaxed);
}

void KernelState::describe_operands() {
  const dsl::FunctionDef& function = spec->definition_text();
  for (const driver::Operand& operand : spec->operands) {
    OperandInfo info;
    info.name = operand_name(function, operand);
    info.dtype = operand.dtype;
    info.output = !driver::is_source(operand.role);
    info.scalar = operand.extent == ir::Extent::scalar;
    if (is_quantised(operand.dtype)) info.quantisation = operand.quantisation;
    if (info.scalar) scalars |= OperandSet{1} << operands.size();
    operands.push_back(std::move(info));
  }
  for (std::size_t i = 0; i < spec->params.size(); ++i) {
    if (spec->params[i].baked) continue;
    passed.push_back(function.parameters[i].name);
    passed_indices.push_back(i);
  }
}

Outcome KernelState::try_x64(const schedule::ElementProgram& program) {
  auto code = driver::emit(program, spec->target);
  if (!code.ok()) return code.error();
  auto mapped = object::ExecutableMemory::map(code->bytes);
  if (!mapped.ok()) return mapped.error();
  memory.emplace(std::move(mapped).value());
  code_bytes = code->bytes.size();
  return Unit{};
}

Outcome KernelState::try_interpreter(const schedule::ElementProgram& program) {
  auto prepared = interpreter::Interpreter::prepare(program);
  if (!prepared.ok()) return prepared.error();
  interpreter.emplace(std::move(prepared).value());
  code_bytes = interpreter->bytes();
  return Unit{};
}

// What lives as long as the kernel does; the program is shared with the runtime.
void KernelState::count_bytes() {
  bytes = sizeof *this + sizeof(ResolvedSpec) + rung_reason.size();
  bytes += memory ? memory->mapped_bytes() : code_bytes;
  bytes += spec->operands.size() * sizeof(driver::Operand) +
           spec->params.size() * sizeof(driver::Parameter);
  bytes += spec->words.size() * sizeof(std::uint64_t) + operands.size() * sizeof(OperandInfo);
}

}  // namespace sluice
