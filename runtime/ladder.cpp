// The ladder: machine code, else the interpreter, with the reason for every step down.
#include <algorithm>
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
  if (home.store && state->by_code()) {
    const auto image = home.store->load(state->spec->words);
    state->compiled = !image || !state->take(*image).ok();
  }
  if (state->compiled)
    if (Outcome outcome = state->compile(); !outcome.ok()) return outcome.error();
  state->count_bytes();
  home.live_bytes->fetch_add(state->bytes, std::memory_order_relaxed);
  return Kernel(std::move(state));
}

bool KernelState::by_code() const {
  return spec->target.level != Level::interpreter && spec->allowed.has(Rung::x64);
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
  Error last{Status::unavailable, ""};
  code_bytes = mapped_bytes_ = 0;
  if (by_code()) {
    KernelImage image;
    const Outcome outcome = emit_code(program, home.store ? &image : nullptr);
    if (outcome.ok()) {
      if (home.store) home.store->save(spec->words, image);
      return Unit{};
    }
    last = outcome.error();
    add_reason(rung_reason, "x64: " + last.message);
  } else {
    rung_reason = spec->target.level == Level::interpreter ? "x64: the target is the interpreter"
                                                           : "x64: denied by the caller";
  }
  if (!spec->allowed.has(Rung::interpreter)) {
    last.message = "the interpreter is denied, and no higher rung is left (" + rung_reason + ")";
    return last;
  }
  return interpret(program);
}

KernelState::~KernelState() { home.live_bytes->fetch_sub(bytes, std::memory_order_relaxed); }

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

Result<KernelState::Memory> KernelState::map(std::span<const std::uint8_t> code) {
  auto mapped = object::ExecutableMemory::map(code);
  if (!mapped.ok()) return mapped.error();
  code_bytes += code.size();
  mapped_bytes_ += mapped->mapped_bytes();
  return Memory(std::make_shared<object::ExecutableMemory>(std::move(mapped).value()));
}

namespace {

using Memory = KernelState::Memory;

// An address of code is a function's; that they convert is what the system's loaders rely on too.
template <typename Entry>
Entry entry_of(const Memory& memory) {
  return reinterpret_cast<Entry>(reinterpret_cast<std::uintptr_t>(memory->entry()));
}

decltype(composed::ElementKernel::run) element_kernel(const Memory& memory) {
  const auto entry = entry_of<schedule::KernelEntry>(memory);
  return [memory, entry](void* const* buffers, std::int64_t count, const std::uint64_t* params) {
    entry(buffers, count, params);
  };
}

decltype(composed::BlockKernel::run) block_kernel(const Memory& memory) {
  const auto entry = entry_of<schedule::RowEntry>(memory);
  return [memory, entry](const schedule::RowCall& call) { entry(&call); };
}

}  // namespace

Outcome KernelState::emit_code(const schedule::ElementProgram& program, KernelImage* image) {
  auto code = driver::emit(program, spec->target);
  if (!code.ok()) return code.error();
  auto held = map(code->bytes);
  if (!held.ok()) return held.error();
  memory = std::move(held).value();
  rung = Rung::x64;
  if (image != nullptr) image->codes.push_back(std::move(code->bytes));
  return Unit{};
}

// Every sweep is an element kernel of its own, which the row kernel owns.
Outcome KernelState::emit_code(const schedule::RowProgram& program, KernelImage* image) {
  std::uint32_t numbers = 0;
  const auto keep = [&](object::CodeObject& code) {
    if (image != nullptr) image->codes.push_back(std::move(code.bytes));
    return numbers++;
  };
  const composed::MakeElementKernel sweeps =
      [&](const schedule::ElementProgram& sweep) -> Result<composed::ElementKernel> {
    auto code = driver::emit(sweep, spec->target);
    if (!code.ok()) return code.error();
    const auto held = map(code->bytes);
    if (!held.ok()) return held.error();
    return composed::ElementKernel{element_kernel(*held), keep(*code)};
  };
  // Whole rows of exactly the spec's length where it has one, else of any.
  const composed::MakeBlockKernel whole_rows =
      [&](const schedule::RowProgram& block) -> Result<composed::BlockKernel> {
    driver::RowShape shape = *spec->row;
    if (!block.cells.empty()) shape.columns = 0;
    auto code = driver::emit(block, shape, spec->target);
    if (!code.ok()) return code.error();
    const auto held = map(code->bytes);
    if (!held.ok()) return held.error();
    return composed::BlockKernel{block_kernel(*held), code->workspace_bytes, keep(*code)};
  };
  auto made = composed::RowKernel::make(program, spec->row->across, sweeps, whole_rows);
  if (!made.ok()) return made.error();
  rows.emplace(std::move(made).value());
  rung = Rung::x64;
  if (image == nullptr) return Unit{};
  image->plan = rows->plan_bytes();
  image->reads_row_index = reads_row_index;
  return Unit{};
}

Outcome KernelState::take(const KernelImage& image) {
  std::vector<Memory> memories;
  for (const std::vector<std::uint8_t>& code : image.codes) {
    auto held = map(code);
    if (!held.ok()) return held.error();
    memories.push_back(std::move(held).value());
  }
  const Error no_image{Status::io_error, "what is stored is no kernel of this spec"};
  if (spec->row) {
    const auto of = [&](std::uint32_t number, const auto& kernel) {
      using Run = decltype(kernel(memories[number]));
      return number < memories.size() ? kernel(memories[number]) : Run{};
    };
    rows = composed::RowKernel::from_plan_bytes(
        image.plan, {[&](std::uint32_t number) { return of(number, element_kernel); },
                     [&](std::uint32_t number) { return of(number, block_kernel); }});
    if (!rows) return no_image;
    reads_row_index = image.reads_row_index;
  } else {
    if (memories.size() != 1) return no_image;
    memory = std::move(memories.front());
  }
  rung = Rung::x64;
  return Unit{};
}

Outcome KernelState::interpret(const schedule::ElementProgram& program) {
  auto prepared = interpreter::Interpreter::prepare(program);
  if (!prepared.ok()) return prepared.error();
  interpreter.emplace(std::move(prepared).value());
  code_bytes = interpreter->bytes();
  return Unit{};
}

Outcome KernelState::interpret(const schedule::RowProgram& program) {
  code_bytes = mapped_bytes_ = 0;
  const composed::MakeElementKernel interpreted =
      [this](const schedule::ElementProgram& sweep) -> Result<composed::ElementKernel> {
    auto prepared = interpreter::Interpreter::prepare(sweep);
    if (!prepared.ok()) return prepared.error();
    code_bytes += prepared->bytes();
    mapped_bytes_ += prepared->bytes();
    const auto held = std::make_shared<interpreter::Interpreter>(std::move(prepared).value());
    return composed::ElementKernel{
        [held](void* const* buffers, std::int64_t count, const std::uint64_t* params) {
          held->run(buffers, count, params);
        }};
  };
  auto made = composed::RowKernel::make(program, spec->row->across, interpreted);
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
