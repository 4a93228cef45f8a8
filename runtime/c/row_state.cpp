// Rows in pieces, of the C interface.
#include <sluice/row_state.h>
#include <sluice/row_state.hpp>

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/c/boundary.hpp"
#include "runtime/c/tensor.hpp"
#include "runtime/resolved_spec.hpp"

using namespace sluice;

namespace {

constexpr std::size_t kOptionsSize = SLUICE_SIZE_UP_TO(sluice_row_state_options, param_count);

const StateKernel& of(const sluice_state_kernel* kernel) {
  return *reinterpret_cast<const StateKernel*>(kernel);
}
RowState& of(sluice_row_state* state) { return *reinterpret_cast<RowState*>(state); }
const RowState& of(const sluice_row_state* state) {
  return *reinterpret_cast<const RowState*>(state);
}

Outcome make(sluice_row_state** out, Result<RowState> state) {
  if (!state.ok()) return state.error();
  *out = reinterpret_cast<sluice_row_state*>(new RowState(std::move(state).value()));
  return Unit{};
}

// A member function of RowState that takes tensors.
template <typename State, typename Member>
sluice_status with_tensors(State* state, Member member, const sluice_tensor* tensors,
                           std::size_t count) {
  return c::guarded([&]() -> Outcome {
    if (state == nullptr) return c::null("the state");
    c::Views views;
    if (Outcome ok = views.set(tensors, count); !ok.ok()) return ok;
    return (of(state).*member)(views.all());
  });
}

using Streaming = Outcome (RowState::*)(std::span<const TensorView>);
using Giving = Outcome (RowState::*)(std::span<const TensorView>) const;

}  // namespace

extern "C" {

sluice_status sluice_state_kernel_create(const sluice_kernel* kernel,
                                         sluice_state_kernel** state_kernel) {
  if (state_kernel != nullptr) *state_kernel = nullptr;
  return c::guarded([&]() -> Outcome {
    if (kernel == nullptr) return c::null("the kernel");
    if (state_kernel == nullptr) return c::null("the place for the state kernel");
    auto made = StateKernel::make(c::of(kernel));
    if (!made.ok()) return made.error();
    *state_kernel =
        reinterpret_cast<sluice_state_kernel*>(new StateKernel(std::move(made).value()));
    return Unit{};
  });
}

void sluice_state_kernel_release(sluice_state_kernel* state_kernel) {
  delete reinterpret_cast<StateKernel*>(state_kernel);
}

sluice_status sluice_state_kernel_describe(const sluice_state_kernel* state_kernel,
                                           sluice_state_kernel_info* info) {
  return c::guarded([&]() -> Outcome {
    if (state_kernel == nullptr) return c::null("the state kernel");
    sluice_state_kernel_info to{};
    to.levels = of(state_kernel).levels();
    to.writes = of(state_kernel).writes() ? 1 : 0;
    to.code_bytes = of(state_kernel).code_bytes();
    return c::give(info, to, "the state kernel info");
  });
}

sluice_status sluice_row_state_create(const sluice_state_kernel* state_kernel,
                                      const sluice_row_state_options* options,
                                      sluice_row_state** state) {
  if (state != nullptr) *state = nullptr;
  return c::guarded([&]() -> Outcome {
    if (state_kernel == nullptr) return c::null("the state kernel");
    if (state == nullptr) return c::null("the place for the state");
    const auto known =
        c::read(options, sluice_row_state_options_default(), kOptionsSize, "the state's options");
    if (!known.ok()) return known.error();
    if (known->params == nullptr && known->param_count > 0)
      return c::null("the list of parameters");
    c::Views inputs;
    if (Outcome ok = inputs.set(known->inputs, known->input_count); !ok.ok()) return ok;
    RowStateOptions to;
    to.rows = known->rows;
    to.first_column = known->first_column;
    to.columns = known->columns;
    to.row_index = known->row_index;
    to.inputs = inputs.all();
    to.params = {known->params, known->param_count};
    return make(state, RowState::make(of(state_kernel), to));
  });
}

void sluice_row_state_destroy(sluice_row_state* state) {
  delete reinterpret_cast<RowState*>(state);
}

sluice_status sluice_row_state_update(sluice_row_state* state, const sluice_tensor* elements,
                                      size_t count) {
  return with_tensors(state, static_cast<Streaming>(&RowState::update), elements, count);
}

sluice_status sluice_row_state_finish(sluice_row_state* state, const sluice_tensor* outputs,
                                      size_t count) {
  return with_tensors(state, static_cast<Streaming>(&RowState::finish), outputs, count);
}

sluice_status sluice_row_state_outputs(const sluice_row_state* state, const sluice_tensor* outputs,
                                       size_t count) {
  return with_tensors(state, static_cast<Giving>(&RowState::row_outputs), outputs, count);
}

sluice_status sluice_row_state_write(sluice_row_state* state, const sluice_tensor* elements,
                                     size_t count) {
  return with_tensors(state, static_cast<Streaming>(&RowState::write), elements, count);
}

sluice_status sluice_row_state_merge(sluice_row_state* state, const sluice_row_state* right) {
  return c::guarded([&]() -> Outcome {
    if (state == nullptr || right == nullptr) return c::null("a state");
    return of(state).merge(of(right));
  });
}

sluice_status sluice_row_state_begin_at(sluice_row_state* state, int64_t column) {
  return c::guarded([&]() -> Outcome {
    if (state == nullptr) return c::null("the state");
    return of(state).begin_at(column);
  });
}

sluice_status sluice_row_state_describe(const sluice_row_state* state,
                                        sluice_row_state_info* info) {
  return c::guarded([&]() -> Outcome {
    if (state == nullptr) return c::null("the state");
    const RowState& from = of(state);
    sluice_row_state_info to{};
    to.rows = from.rows();
    to.first_column = from.first_column();
    to.next_column = from.next_column();
    to.columns = from.columns();
    to.level = from.level();
    return c::give(info, to, "the state info");
  });
}

sluice_status sluice_row_state_save(const sluice_row_state* state, void* buffer, size_t capacity,
                                    size_t* bytes) {
  return c::guarded([&]() -> Outcome {
    if (state == nullptr) return c::null("the state");
    if (bytes == nullptr) return c::null("the place for the size");
    const std::vector<std::byte> all = of(state).bytes();
    *bytes = all.size();
    if (buffer == nullptr) return Unit{};
    if (capacity < all.size())
      return Error{Status::invalid_argument, "the state has " + std::to_string(all.size()) +
                                                 " bytes, and the buffer has room for " +
                                                 std::to_string(capacity)};
    std::copy(all.begin(), all.end(), static_cast<std::byte*>(buffer));
    return Unit{};
  });
}

sluice_status sluice_row_state_load(const sluice_state_kernel* state_kernel, const void* buffer,
                                    size_t bytes, sluice_row_state** state) {
  if (state != nullptr) *state = nullptr;
  return c::guarded([&]() -> Outcome {
    if (state_kernel == nullptr) return c::null("the state kernel");
    if (buffer == nullptr && bytes > 0) return c::null("the buffer");
    if (state == nullptr) return c::null("the place for the state");
    return make(state, RowState::from_bytes(of(state_kernel),
                                            {static_cast<const std::byte*>(buffer), bytes}));
  });
}

sluice_status sluice_shard_bounds(int64_t columns, size_t ranks, int64_t* bounds) {
  return c::guarded([&]() -> Outcome {
    if (bounds == nullptr) return c::null("the place for the bounds");
    if (columns < 0 || ranks == 0)
      return Error{Status::invalid_argument,
                   "rows of 0 columns or more are cut for 1 rank or more"};
    if (columns > kMaxColumns || ranks > static_cast<std::size_t>(kMaxColumns))
      return Error{Status::limit_exceeded, "there are at most " + std::to_string(kMaxColumns) +
                                               " columns, and as many ranks"};
    const std::vector<std::int64_t> all = shard_bounds(columns, ranks);
    std::copy(all.begin(), all.end(), bounds);
    return Unit{};
  });
}

}  // extern "C"
