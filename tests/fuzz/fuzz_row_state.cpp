// Any bytes as a state of a row function: refused, or a state that can be streamed on, merged and
// written without touching anything but its buffers, and that has these very bytes again.
//
// The first choice names the kernel, the second whether the rest is a state's bytes as they are, or
// edits of a sound one's with its checksum made right, which reach what stands behind it.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sluice/row_state.hpp>
#include <sluice/runtime.hpp>

#include "runtime/state_kernel.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace sluice::fuzz {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kMaxMemory = std::size_t{64} << 20;
constexpr std::int64_t kMaxRows = 64;
// Where a state's bytes have the sum of all that follow it.
constexpr std::size_t kChecksum = 24;

// Of edited states some ask for more memory than there is time to fill.
void* allocate(void*, std::size_t bytes, std::size_t alignment) {
  return bytes > kMaxMemory ? nullptr : std::aligned_alloc(alignment, bytes);
}
void release(void*, void* memory, std::size_t) { std::free(memory); }

constexpr const char* kText = R"(
fn centred(x, t: row) = (x - row_mean(x)) * t
fn placed(x, t: row) = (if t > 2 then row_sum(x) else width()) * col()
)";

// A state kernel, and what its streams take.
struct Subject {
  explicit Subject(Runtime& runtime, const KernelSpec& spec)
      : kernel(StateKernel::make(runtime.compile(spec).value()).value()) {
    for (const OperandInfo& each : kernel.operands())
      (each.output ? (each.per_row ? row_outputs : written) : (each.per_row ? still : streamed))
          .push_back(each.dtype);
  }
  StateKernel kernel;
  std::vector<Dtype> streamed, still, written, row_outputs;
};

const std::vector<Subject>& subjects() {
  static const auto* made = [] {
    static Runtime runtime(RuntimeOptions{.allocator = {allocate, release, nullptr}});
    require(runtime.define(kText).ok(), "the subjects' text does not parse");
    const OperandSpec x = f32({2, 9}), row = f32({2});
    auto* all = new std::vector<Subject>;
    all->emplace_back(runtime, KernelSpec{.function = "softmax", .operands = {x, x}});
    all->emplace_back(runtime, KernelSpec{.function = "softmax",
                                          .pass = backward,
                                          .operands = {f64({2, 9}), f64({2, 9}), f64({2, 9})}});
    all->emplace_back(
        runtime,
        KernelSpec{.function = "cross_entropy",
                   .operands = {f32({2, 9}, "x"), {Dtype::i64, {2}, "target"}, f32({2}, "loss")}});
    all->emplace_back(runtime, KernelSpec{.function = "centred", .operands = {x, row, x}});
    all->emplace_back(runtime, KernelSpec{.function = "placed", .operands = {x, row, x}});
    return all;
  }();
  return *made;
}

// Buffers of so many columns of each row, and views of them.
class Pieces {
 public:
  Pieces(std::int64_t rows, std::int64_t columns) : rows_(rows), columns_(columns) {}
  void add(const std::vector<Dtype>& types, bool per_row = false) {
    for (const Dtype dtype : types) {
      const std::int64_t count = rows_ * (per_row ? 1 : columns_);
      GuardedMemory& memory =
          memories_.emplace_back(static_cast<std::size_t>(count) * size_of(dtype));
      // Small numbers of every type, and indices.
      std::ranges::fill(memory.bytes(), std::uint8_t{0});
      if (per_row)
        views_.emplace_back(static_cast<void*>(memory.data()), dtype,
                            std::initializer_list<std::int64_t>{rows_});
      else
        views_.emplace_back(static_cast<void*>(memory.data()), dtype,
                            std::initializer_list<std::int64_t>{rows_, columns_});
    }
  }
  [[nodiscard]] std::span<const TensorView> views() const { return views_; }
  ~Pieces() {
    for (const GuardedMemory& each : memories_)
      require(each.untouched_before(), "written before a buffer");
  }

 private:
  std::int64_t rows_, columns_;
  std::vector<GuardedMemory> memories_;
  std::vector<TensorView> views_;
};

void step(const Subject& subject, RowState& state, Choices& choices) {
  const std::int64_t rows = state.rows();
  const std::int64_t columns = choices.rarely(8) ? 4096 + 3 : choices.number<std::uint8_t>() % 40;
  switch (choices.below(6)) {
    case 0: {
      Pieces pieces(rows, columns);
      pieces.add(subject.streamed);
      static_cast<void>(state.update(pieces.views()));
      break;
    }
    case 1: {
      Pieces outputs(rows, 1);
      if (choices.below(2) == 1) outputs.add(subject.row_outputs, true);
      static_cast<void>(state.finish(outputs.views()));
      break;
    }
    case 2: {
      Pieces pieces(rows, columns);
      pieces.add(subject.streamed);
      pieces.add(subject.written);
      static_cast<void>(state.write(pieces.views()));
      break;
    }
    case 3:
      static_cast<void>(state.begin_at(choices.below(2) == 0 ? 0 : choices.number<std::int64_t>()));
      break;
    case 4: {
      const Bytes bytes = state.bytes();
      auto copy = RowState::from_bytes(subject.kernel, bytes);
      if (!copy.ok()) {
        require(copy.error().status == Status::out_of_memory, "a state does not come back",
                copy.error().message);
        break;
      }
      require(copy->bytes() == bytes, "a state comes back with other bytes");
      static_cast<void>(state.merge(*copy));
      break;
    }
    default: {
      Pieces outputs(rows, 1);
      outputs.add(subject.row_outputs, true);
      static_cast<void>(state.row_outputs(outputs.views()));
    }
  }
}

void check(const Subject& subject, const Bytes& bytes, Choices& choices) {
  auto state = RowState::from_bytes(subject.kernel, bytes);
  if (!state.ok()) {
    const Status status = state.error().status;
    require(status == Status::io_error || status == Status::invalid_argument ||
                status == Status::out_of_memory,
            "another status", state.error().message);
    return;
  }
  require(state->bytes() == bytes, "a state has other bytes than those it was made of");
  if (state->rows() > kMaxRows) return;
  for (int steps = 0; steps < 8 && !choices.empty(); ++steps) step(subject, *state, choices);
}

std::optional<RowState> sound_state(const Subject& subject, Choices& choices) {
  const std::int64_t rows = 1 + static_cast<std::int64_t>(choices.below(3));
  Pieces inputs(rows, 1);
  inputs.add(subject.still, true);
  RowStateOptions options;
  options.rows = rows;
  options.first_column = choices.rarely(4) ? 4096 : 0;
  const std::int64_t known = 5000 + static_cast<std::int64_t>(choices.below(100));
  options.columns = choices.below(2) == 0 ? -1 : known;
  options.inputs = inputs.views();
  auto state = RowState::make(subject.kernel, options);
  if (!state.ok()) return std::nullopt;  // it must be told its columns
  for (std::size_t steps = choices.below(4); steps-- > 0;) step(subject, *state, choices);
  return std::move(state).value();
}

Bytes edited(Bytes bytes, Choices& choices) {
  for (std::size_t edits = choices.below(4); edits-- > 0;) {
    // The header's words, each as a number; then any byte.
    if (choices.below(2) == 0) {
      const std::size_t at = 8 * choices.below(13);
      const auto value =
          choices.below(2) == 0 ? choices.number<std::int64_t>() : choices.number<std::int8_t>();
      std::memcpy(bytes.data() + at, &value, sizeof value);
    } else {
      bytes[choices.number<std::uint16_t>() % bytes.size()] = choices.number<std::byte>();
    }
  }
  if (choices.rarely(4)) bytes.resize(bytes.size() + choices.below(64));
  const std::uint64_t sum = checksum(std::span(bytes).subspan(kChecksum + sizeof sum));
  std::memcpy(bytes.data() + kChecksum, &sum, sizeof sum);
  return bytes;
}

void check(Choices choices) {
  const Subject& subject = choices.one_of(subjects());
  if (choices.below(4) == 0) {
    const auto rest = std::as_bytes(choices.rest());
    return check(subject, {rest.begin(), rest.end()}, choices);
  }
  const auto state = sound_state(subject, choices);
  if (state) check(subject, edited(state->bytes(), choices), choices);
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::fuzz::check(sluice::fuzz::Choices({data, size}));
  return 0;
}
