#include "compiler/backend/interpreter/interpreter.hpp"

#include <algorithm>
#include <cstring>

#include "compiler/backend/interpreter/plan.hpp"
#include "support/target.hpp"

namespace sluice::interpreter {
namespace {

const KernelTable& kernels(Loops loops) {
#if SLUICE_HAVE_X64
  switch (loops) {
    case Loops::baseline: return kBaselineKernels;
    case Loops::v3: return kV3Kernels;
    case Loops::v4: return kV4Kernels;
  }
#else
  static_cast<void>(loops);
#endif
  return kBaselineKernels;
}

}  // namespace

Loops best_loops() {
  switch (host_target().level) {
    case Level::interpreter: return Loops::baseline;
    case Level::x86_64_v3: return Loops::v3;
    case Level::x86_64_v4: return Loops::v4;
  }
  return Loops::baseline;
}

Result<Interpreter> Interpreter::prepare(const schedule::ElementProgram& program, Loops loops) {
  if (loops > best_loops())
    return Error{Status::unavailable,
                 "this processor cannot run the interpreter's loops for that instruction set"};
  auto plan = make_plan(program, kernels(loops));
  if (!plan.ok()) return plan.error();
  return Interpreter(std::move(plan).value());
}

namespace {

template <typename U>
bool holds_nowhere(const Frame& frame, Source condition) {
  const U* lanes = reinterpret_cast<const U*>(frame.scratch) + condition.offset;
  U any = 0;
  for (std::size_t i = 0; i < frame.lanes; ++i) any |= lanes[i];
  return any == 0;
}

void run_block(const Interpreter::Plan& plan, const Frame& frame) {
  std::size_t next = 0;
  const auto run_to = [&](std::size_t end) {
    for (; next < end; ++next) plan.body[next].kernel(plan.body[next], frame);
  };
  for (const SkippedSteps& skipped : plan.skipped) {
    run_to(skipped.begin);
    const bool skip = plan.lane_bytes == 8 ? holds_nowhere<std::uint64_t>(frame, skipped.condition)
                                           : holds_nowhere<std::uint32_t>(frame, skipped.condition);
    if (skip) next = skipped.end;
  }
  run_to(plan.body.size());
}

// Not inlined, so that a call takes the stack that its own frame needs.
template <std::size_t bytes>
[[gnu::noinline]] void run_in_frame(const Interpreter::Plan& plan, void* const* buffers,
                                    std::size_t count, const std::uint64_t* params) {
  alignas(kGroupBytes) std::byte scratch[bytes];  // not initialised: only what is used is touched
  std::memset(scratch, 0, plan.lane_bytes);       // lane 0 is read in place of absent operands
  Frame frame{scratch, {scratch, plan.constants.data()}, buffers, params, 0, 0, 0};
  for (const Step& step : plan.prologue) step.kernel(step, frame);

  const std::size_t group_lanes = kGroupBytes / plan.lane_bytes;
  for (; frame.first < count; frame.first += frame.lanes) {
    frame.lanes = std::min(plan.block_lanes, count - frame.first);
    frame.groups = (frame.lanes + group_lanes - 1) / group_lanes;
    run_block(plan, frame);
  }
}

}  // namespace

void Interpreter::run(void* const* buffers, std::int64_t count, const std::uint64_t* params) const {
  if (count <= 0) return;
  const auto elements = static_cast<std::size_t>(count);
  if (plan_->frame_bytes <= kFrameBytes / 4)
    run_in_frame<kFrameBytes / 4>(*plan_, buffers, elements, params);
  else
    run_in_frame<kFrameBytes>(*plan_, buffers, elements, params);
}

std::size_t Interpreter::bytes() const {
  std::size_t sum = sizeof(Plan) + (plan_->prologue.size() + plan_->body.size()) * sizeof(Step) +
                    plan_->constants.size();
  for (const auto& table : plan_->tables) sum += table.size() * sizeof(std::uint64_t);
  return sum;
}

}  // namespace sluice::interpreter
