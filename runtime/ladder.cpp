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

// An address of code is a function's; that they convert is what the system's loaders rely on too.
template <typename Entry>
Entry entry_of(const object::CodeHandle& code) {
  return reinterpret_cast<Entry>(reinterpret_cast<std::uintptr_t>(code->entry()));
}

decltype(composed::ElementKernel::run) element_kernel(const object::CodeHandle& code) {
  return entry_of<schedule::KernelEntry>(code);
}

decltype(composed::BlockKernel::run) block_kernel(const object::CodeHandle& code) {
  const auto entry = entry_of<schedule::RowEntry>(code);
  return [entry](const schedule::RowCall& call) { entry(&call); };
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
  if (home.store && state->may_take(Rung::x64)) state->take_stored();
  if (state->compiled) {
    if (const Outcome outcome = state->compile(); !outcome.ok()) {
      home.hooks->say(LogLevel::error, [&] {
        return state->described() + " can't be made: " + outcome.error().message;
      });
      return outcome.error();
    }
    if (state->lowered())
      home.hooks->say(LogLevel::warning, [&] {
        return state->described() + " runs on the rung " + std::string(name(state->rung)) + " (" +
               state->rung_reason + ")";
      });
  }
  state->count_bytes();
  home.live->fetch_add(state->bytes, std::memory_order_relaxed);
  return Kernel(std::move(state));
}

std::string KernelState::described() const {
  return "'" + spec->definition_text().name + "' (" + std::string(name(spec->pass)) + ", " +
         std::string(name(spec->compute_type())) + ")";
}

void KernelState::take_stored() {
  const auto image = home.store->load(spec->words);
  if (!image) return;
  const Outcome taken = take(*image);
  compiled = !taken.ok();
  if (compiled)
    home.hooks->say(LogLevel::warning, [&] {
      return described() + " is compiled, though it is on disk: " + taken.error().message;
    });
}

bool KernelState::may_take(Rung which) const {
  return spec->allowed.has(which) &&
         (which == Rung::interpreter || spec->target.level != Level::interpreter);
}

Outcome KernelState::compile() {
  if (!spec->row) {
    const auto compiled_elements = driver::compile(spec->request());
    if (!compiled_elements.ok()) return compiled_elements.error();
    return climb(compiled_elements->program);
  }
  const auto compiled_rows = driver::compile_rows(spec->request());
  if (!compiled_rows.ok()) return compiled_rows.error();
  const ir::Graph& graph = compiled_rows->program.graph;
  const std::vector<ir::ValueId> live = graph.live();
  reads_row_index = std::any_of(live.begin(), live.end(),
                                [&](ir::ValueId id) { return graph[id].op == ir::Op::row_index; });
  return climb(compiled_rows->program);
}

template <typename Program>
Outcome KernelState::climb(const Program& program) {
  Error first{Status::unavailable, ""};
  if (spec->target.level == Level::interpreter) {
    rung_reason = "x64: the target is the interpreter";
  } else {
    for (const Rung wanted : {Rung::x64, Rung::llvm}) {
      const std::string which(name(wanted));
      if (!may_take(wanted)) {
        add_reason(rung_reason, which + ": denied by the caller");
        continue;
      }
      const Outcome outcome = try_rung(wanted, program);
      if (outcome.ok()) return Unit{};
      if (first.message.empty()) first = outcome.error();
      add_reason(rung_reason, which + ": " + outcome.error().message);
    }
  }
  if (!may_take(Rung::interpreter)) {
    first.message = "the interpreter is denied, and no higher rung is left (" + rung_reason + ")";
    return first;
  }
  return try_rung(Rung::interpreter, program);
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

Outcome KernelState::load(const object::CodeObject& made) {
  auto loaded = home.loader->load(made);
  if (!loaded.ok()) return loaded.error();
  code.push_back(std::move(loaded).value());
  code_bytes += code.back()->bytes().size();
  return Unit{};
}

void KernelState::start_rung(Rung wanted) {
  rung = wanted;
  code.clear();
  code_bytes = 0;
}

Outcome KernelState::try_rung(Rung wanted, const schedule::ElementProgram& program) {
  start_rung(wanted);
  if (wanted == Rung::interpreter) {
    auto prepared = interpreter::Interpreter::prepare(program);
    if (!prepared.ok()) return prepared.error();
    interpreter.emplace(std::move(prepared).value());
    code_bytes = interpreter->bytes();
    return Unit{};
  }
  const auto made = emit_by(wanted, program, spec->target);
  if (!made.ok()) return made.error();
  if (Outcome loaded = load(*made); !loaded.ok()) return loaded;
  if (home.store && wanted == Rung::x64) home.store->save(spec->words, {{to_stored(*made)}, {}});
  return Unit{};
}

// Every sweep is an element kernel of its own, which the row kernel calls.
Outcome KernelState::try_rung(Rung wanted, const schedule::RowProgram& program) {
  start_rung(wanted);
  KernelImage image;
  const bool stored = home.store && wanted == Rung::x64;
  // The number of the code, which is its place.
  const auto keep = [&](const Result<object::CodeObject>& made) -> Result<std::uint32_t> {
    if (!made.ok()) return made.error();
    if (Outcome loaded = load(*made); !loaded.ok()) return loaded.error();
    if (stored) image.codes.push_back(to_stored(*made));
    return static_cast<std::uint32_t>(code.size() - 1);
  };
  const composed::MakeElementKernel machine_code =
      [&](const schedule::ElementProgram& sweep) -> Result<composed::ElementKernel> {
    const auto number = keep(emit_by(wanted, sweep, spec->target));
    if (!number.ok()) return number.error();
    return composed::ElementKernel{element_kernel(code[*number]), *number};
  };
  const composed::MakeElementKernel interpreted =
      [this](const schedule::ElementProgram& sweep) -> Result<composed::ElementKernel> {
    auto prepared = interpreter::Interpreter::prepare(sweep);
    if (!prepared.ok()) return prepared.error();
    code_bytes += prepared->bytes();
    const auto held = std::make_shared<interpreter::Interpreter>(std::move(prepared).value());
    return composed::ElementKernel{
        [held](void* const* buffers, std::int64_t count, const std::uint64_t* params) {
          held->run(buffers, count, params);
        }};
  };
  // Whole rows of exactly the spec's length where it has one, else of any.
  const composed::MakeBlockKernel whole_rows =
      [&](const schedule::RowProgram& block) -> Result<composed::BlockKernel> {
    driver::RowShape shape = *spec->row;
    if (!block.cells.empty()) shape.columns = 0;
    const auto made = driver::emit(block, shape, spec->target);
    const auto number = keep(made);
    if (!number.ok()) return number.error();
    return composed::BlockKernel{block_kernel(code[*number]), made->workspace_bytes, *number};
  };
  auto made = composed::RowKernel::make(
      program, spec->row->across, wanted == Rung::interpreter ? interpreted : machine_code,
      wanted == Rung::x64 ? whole_rows : composed::MakeBlockKernel{});
  if (!made.ok()) return made.error();
  rows.emplace(std::move(made).value());
  if (!stored) return Unit{};
  image.plan = rows->plan_bytes();
  image.reads_row_index = reads_row_index;
  home.store->save(spec->words, image);
  return Unit{};
}

Outcome KernelState::take(const KernelImage& image) {
  start_rung(Rung::x64);
  for (const StoredCode& each : image.codes)
    if (Outcome loaded = load(from_stored(each)); !loaded.ok()) return loaded;
  const Error no_image{Status::io_error, "what is stored is no kernel of this spec"};
  if (!spec->row) return code.size() == 1 ? Outcome(Unit{}) : no_image;
  const auto of = [&](std::uint32_t number, const auto& kernel) {
    using Run = decltype(kernel(code[number]));
    return number < code.size() ? kernel(code[number]) : Run{};
  };
  rows = composed::RowKernel::from_plan_bytes(
      image.plan, {[&](std::uint32_t number) { return of(number, element_kernel); },
                   [&](std::uint32_t number) { return of(number, block_kernel); }});
  if (!rows) return no_image;
  reads_row_index = image.reads_row_index;
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
