// Any bytes as calls of the C interface: a spec of any fields, its key and kernel, and a call with
// tensors that fit, or nearly. Every call ends in a status, one that fails with a sentence and with
// every buffer as it was; nothing is written but the outputs' buffers.
#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sluice/sluice.h>

#include "tests/fuzz/fuzz.hpp"

namespace sluice::fuzz {
namespace {

constexpr const char* kText = R"(
fn pair(a, b; s = 2) -> (p, q) = (a * s - b, if a > b then a else s)
fn masked(x, m: mask, t: row; k: int = 1) -> (y, total: row) = (if m then x else t * k, row_sum(x))
fn picked(x, i: index) -> (p: row) = at(x, i) - row_max(x)
)";
constexpr const char* kFunctions[] = {"pair", "masked",  "picked", "silu",
                                      "gelu", "softmax", "prelu",  "cross_entropy",
                                      "glu",  "relu",    "clamp",  "mse"};
constexpr const char* kNames[] = {"x",      "y",
                                  "a",      "b",
                                  "m",      "t",
                                  "i",      "p",
                                  "q",      "dx",
                                  "grad_y", "da",
                                  "grad_p", "target",
                                  "loss",   "gate",
                                  "up",     "s",
                                  "k",      "total",
                                  "dt",     "db",
                                  "grad_q", "dgate",
                                  "weight", "label_smoothing"};
constexpr const char* kTargets[] = {"interpreter", "x86-64-v3", "x86-64-v4", "", "none such"};
constexpr const char* kTexts[] = {"target",   "key",  "ast",      "ir",
                                  "rewrites", "grad", "schedule", "?"};
constexpr std::int64_t kExtents[] = {1, 2, 3, 5, 8, 17, 40, 0};
constexpr std::int64_t kOddExtents[] = {
    -1, std::int64_t{1} << 31, std::int64_t{1} << 62, INT64_MAX, INT64_MIN, 4099};
constexpr std::int64_t kMaxBytes = 1 << 18;
constexpr std::size_t kMaxOperands = 8;

// What a call gave; one that failed says why.
bool ok(sluice_status status) {
  require(status >= SLUICE_OK && status <= SLUICE_IO_ERROR, "a status that there is none of");
  if (status != SLUICE_OK) require(std::strlen(sluice_message()) > 0, "no sentence");
  return status == SLUICE_OK;
}

sluice_runtime* runtime() {
  static sluice_runtime* made = [] {
    sluice_runtime_options options = sluice_runtime_options_default();
    options.disk_folder = "";
    options.denied = 1u << SLUICE_RUNG_LLVM;
    sluice_runtime* runtime = nullptr;
    require(ok(sluice_runtime_create(&options, &runtime)), "no runtime");
    require(ok(sluice_runtime_define(runtime, kText, nullptr)), "the text does not parse");
    return runtime;
  }();
  return made;
}

// A spec and all that it points to.
struct Spec {
  sluice_spec spec = sluice_spec_default();
  std::string function, target, split[3];
  std::vector<std::vector<std::int64_t>> shapes;
  std::vector<std::string> names;
  std::vector<sluice_operand> operands;
  std::vector<sluice_parameter> parameters;
  std::vector<const char*> passed, gradients;
};

const char* name_of(Choices& choices) { return choices.one_of(kNames); }

std::int64_t extent_of(Choices& choices) {
  return choices.rarely(32) ? choices.one_of(kOddExtents) : choices.one_of(kExtents);
}

void add_operands(Spec& to, Choices& choices) {
  const std::size_t count = choices.below(kMaxOperands + 1);
  const bool named = choices.below(2) == 1;
  // Most operands have the shape of the first.
  std::vector<std::int64_t> common;
  for (std::size_t rank = choices.below(4); rank-- > 0;) common.push_back(extent_of(choices));
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<std::int64_t> shape = common;
    switch (choices.below(8)) {
      case 1: shape.clear(); break;
      case 2:
        if (!shape.empty()) shape.pop_back();
        break;
      case 3:
        for (std::int64_t& extent : shape)
          if (choices.below(2) == 1) extent = extent_of(choices);
        break;
      default: break;
    }
    to.shapes.push_back(std::move(shape));
    sluice_operand operand{};
    operand.dtype = static_cast<sluice_dtype>(choices.below(4) == 0 ? choices.below(10) : 0);
    operand.name = named ? name_of(choices) : nullptr;
    if (operand.dtype == SLUICE_I8 || operand.dtype == SLUICE_U8) {
      operand.scale = choices.rarely(8) ? choices.number<double>() : 0.25;
      operand.zero_point = choices.number<std::int8_t>();
    }
    to.operands.push_back(operand);
  }
  for (std::size_t i = 0; i < count; ++i) {
    to.operands[i].rank = static_cast<std::int32_t>(to.shapes[i].size());
    to.operands[i].shape = to.shapes[i].data();
  }
  to.spec.operands = to.operands.data();
  to.spec.operand_count = count;
}

void add_lists(Spec& to, Choices& choices) {
  for (std::size_t count = choices.below(3); count-- > 0;)
    to.parameters.push_back(
        {name_of(choices), choices.below(2) == 0 ? 0.5 : choices.number<double>()});
  for (std::size_t count = choices.below(3); count-- > 0;) to.passed.push_back(name_of(choices));
  for (std::size_t count = choices.below(3); count-- > 0;) to.gradients.push_back(name_of(choices));
  to.spec.parameters = to.parameters.data(), to.spec.parameter_count = to.parameters.size();
  to.spec.passed = to.passed.data(), to.spec.passed_count = to.passed.size();
  to.spec.gradients = to.gradients.data(), to.spec.gradient_count = to.gradients.size();
}

void add_choices(Spec& to, Choices& choices) {
  const auto small = [&] { return choices.number<std::int8_t>() % 4; };
  if (choices.rarely(3)) to.spec.axis = small();
  if (choices.rarely(4)) to.spec.reduction = small();
  if (choices.rarely(4)) to.spec.empty = small();
  if (choices.rarely(4)) to.spec.saved = small();
  if (choices.rarely(4)) to.spec.accumulate = 1;
  if (choices.rarely(4)) to.spec.check_indices = 1;
  if (choices.rarely(8)) to.spec.denied = choices.number<std::uint8_t>();
  if (choices.rarely(8)) to.spec.accuracy = choices.number<float>();
  if (choices.rarely(4)) to.spec.target = choices.one_of(kTargets);
  if (choices.rarely(4)) {
    to.spec.split = name_of(choices);
    to.spec.split_first = name_of(choices);
    to.spec.split_second = choices.rarely(8) ? nullptr : name_of(choices);
  }
}

std::unique_ptr<Spec> spec_of(Choices& choices) {
  auto made = std::make_unique<Spec>();
  if (choices.rarely(32)) {
    made->function = choices.word();
    made->spec.function = made->function.c_str();
  } else {
    made->spec.function = choices.one_of(kFunctions);
  }
  made->spec.pass = choices.rarely(64) ? choices.number<std::int8_t>()
                                       : static_cast<sluice_pass>(choices.below(3));
  add_operands(*made, choices);
  if (choices.below(2) == 1) add_lists(*made, choices);
  if (choices.below(2) == 1) add_choices(*made, choices);
  // An older program's.
  if (choices.rarely(32)) made->spec.size = choices.number<std::uint8_t>() % sizeof(sluice_spec);
  return made;
}

// A call's tensors, in memory that ends with their last elements.
class Tensors {
 public:
  Tensors(const sluice_kernel* kernel, std::size_t count, const Spec& spec, Choices& choices) {
    for (std::size_t k = 0; k < count; ++k) {
      sluice_operand_info info{};
      info.size = sizeof info;
      require(ok(sluice_kernel_operand(kernel, k, &info)), "an operand is not there");
      outputs_.push_back(info.output != 0);
      shapes_.push_back(shape_of(info, k, spec));
      types_.push_back(info.dtype);
    }
    for (std::size_t k = 0; k < count; ++k) add(k, choices);
    if (count > 1 && choices.rarely(8)) alias(choices.below(count), choices.below(count));
    for (std::size_t k = 0; k < count; ++k) tensors_[k].shape = shapes_[k].data();
    for (GuardedMemory& each : memories_)
      before_.emplace_back(each.bytes().begin(), each.bytes().end());
  }

  [[nodiscard]] const std::vector<sluice_tensor>& list() const { return tensors_; }

  void check_after(bool succeeded) {
    for (std::size_t k = 0; k < memories_.size(); ++k) {
      require(memories_[k].untouched_before(), "written before a buffer");
      const bool may_change = succeeded && written(k);
      require(may_change || std::ranges::equal(memories_[k].bytes(), before_[k]),
              succeeded ? "an input is written" : "a call that failed has written");
    }
  }

 private:
  // By name, else by place.
  static std::vector<std::int64_t> shape_of(const sluice_operand_info& info, std::size_t k,
                                            const Spec& spec) {
    for (std::size_t i = 0; i < spec.operands.size(); ++i)
      if (spec.operands[i].name != nullptr && std::strcmp(spec.operands[i].name, info.name) == 0)
        return spec.shapes[i];
    return k < spec.shapes.size() ? spec.shapes[k] : std::vector<std::int64_t>{};
  }

  // How many bytes the elements take; nothing where they are too many for a test, or are none.
  static std::optional<std::size_t> bytes_of(const std::vector<std::int64_t>& shape,
                                             sluice_dtype dtype) {
    auto bytes = static_cast<std::int64_t>(sluice_dtype_size(dtype));
    bool none = false;
    for (const std::int64_t extent : shape) {
      if (extent < 0) return std::nullopt;
      none = none || extent == 0;
      if (extent != 0 && __builtin_mul_overflow(bytes, extent, &bytes)) return std::nullopt;
    }
    if (none) return 0;
    return bytes <= kMaxBytes ? std::optional(static_cast<std::size_t>(bytes)) : std::nullopt;
  }

  void add(std::size_t k, Choices& choices) {
    if (choices.rarely(32)) types_[k] = static_cast<sluice_dtype>(choices.below(10));
    if (choices.rarely(32) && !shapes_[k].empty())
      shapes_[k][choices.below(shapes_[k].size())] = extent_of(choices);
    if (choices.rarely(32)) shapes_[k].insert(shapes_[k].begin(), extent_of(choices));
    const auto bytes = bytes_of(shapes_[k], types_[k]);
    GuardedMemory& memory = memories_.emplace_back(bytes.value_or(0));
    // Small numbers and indices, large ones and NaN.
    const auto seed = choices.number<std::uint8_t>();
    for (std::size_t i = 0; i < memory.bytes().size(); ++i)
      memory.bytes()[i] = static_cast<std::uint8_t>(seed < 128 ? 0 : i * seed);
    sluice_tensor tensor{};
    // What is too large to be there must be refused before it is read.
    tensor.data = bytes && !choices.rarely(64) ? memory.data() : nullptr;
    tensor.rank = static_cast<std::int32_t>(shapes_[k].size());
    tensor.dtype = types_[k];
    if (choices.rarely(64)) tensor.rank = choices.number<std::int8_t>() % 2 == 0 ? -1 : 17;
    if (choices.rarely(64)) tensor.flags = choices.number<std::uint8_t>() % 4;
    tensors_.push_back(tensor);
  }

  // One operand in another's buffer, from its start or within it.
  void alias(std::size_t a, std::size_t b) {
    const auto bytes_a = memories_[a].bytes().size(), bytes_b = memories_[b].bytes().size();
    if (a == b || bytes_a > bytes_b) return;
    tensors_[a].data = memories_[b].data() + (bytes_b - bytes_a) / 2;
    aliased_ = a, alias_of_ = b;
  }
  [[nodiscard]] bool written(std::size_t k) const {
    return outputs_[k] || (aliased_ && alias_of_ == k && outputs_[*aliased_]);
  }

  std::vector<bool> outputs_;
  std::vector<std::vector<std::int64_t>> shapes_;
  std::vector<sluice_dtype> types_;
  std::vector<GuardedMemory> memories_;
  std::vector<sluice_tensor> tensors_;
  std::vector<std::vector<std::uint8_t>> before_;
  std::optional<std::size_t> aliased_;
  std::size_t alias_of_ = 0;
};

void in_order(void*, std::size_t count, sluice_task task, void* context) {
  for (std::size_t i = count; i-- > 0;) task(context, i);
}

void call(const sluice_kernel* kernel, std::size_t count, const Spec& spec, Choices& choices) {
  Tensors tensors(kernel, count, spec, choices);
  const auto& list = tensors.list();
  sluice_call_options options = sluice_call_options_default();
  std::vector<double> params(choices.below(4), 1.5);
  if (choices.rarely(4) && !params.empty()) params[0] = choices.number<double>();
  sluice_kernel_info info{};
  info.size = sizeof info;
  require(ok(sluice_kernel_describe(kernel, &info)), "a kernel is not described");
  if (!choices.rarely(8)) params.resize(info.passed_count, 0.75);
  options.params = params.data(), options.param_count = params.size();
  const sluice_parallel parallel{1 + choices.below(4), in_order, nullptr};
  if (choices.rarely(3)) options.parallel = &parallel;
  std::size_t bytes = 0;
  const std::size_t threads = options.parallel != nullptr ? parallel.threads : 1;
  const bool fits = ok(sluice_kernel_call_workspace(kernel, list.data(), count, threads, &bytes));
  std::optional<GuardedMemory> workspace;
  if (fits && bytes <= std::size_t{1} << 22 && choices.rarely(2)) {
    const bool too_small = bytes >= 64 && choices.rarely(8);
    workspace.emplace((bytes + 63) / 64 * 64 - (too_small ? 64 : 0));
    options.workspace = workspace->data();
    options.workspace_bytes = workspace->bytes().size();
  }
  const std::size_t given = choices.rarely(32) ? choices.below(kMaxOperands) : count;
  if (given > count) return;
  const bool done = ok(sluice_kernel_call(kernel, list.data(), given, &options));
  require(!done || given == count, "a call with too few tensors is done");
  tensors.check_after(done);
  if (workspace) require(workspace->untouched_before(), "written before the workspace");
}

void check(Choices choices) {
  const auto spec = spec_of(choices);
  sluice_key* key = nullptr;
  if (!ok(sluice_runtime_key(runtime(), &spec->spec, &key))) {
    require(key == nullptr, "a key of no spec");
    return;
  }
  sluice_kernel* kernel = nullptr;
  if (ok(sluice_runtime_compile_key(runtime(), key, &kernel))) {
    sluice_kernel_info info{};
    info.size = sizeof info;
    require(ok(sluice_kernel_describe(kernel, &info)), "a kernel is not described");
    for (int calls = 0; calls < 3; ++calls) call(kernel, info.operand_count, *spec, choices);
    char* text = nullptr;
    if (choices.rarely(8) && ok(sluice_kernel_text(kernel, choices.one_of(kTexts), &text)))
      sluice_text_release(text);
  } else {
    require(kernel == nullptr, "a kernel that was refused");
  }
  sluice_kernel_release(kernel);
  sluice_key_release(key);
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::fuzz::check(sluice::fuzz::Choices({data, size}));
  return 0;
}
