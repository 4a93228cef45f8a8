// Memory that is refused: each allocation of a call in turn fails, and the call ends in a status or
// does without; afterwards the same call works, and nothing is lost (under LeakSanitizer).
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include <sluice/row_state.h>

namespace {

long until_failure = -1;  // allocations; negative: none fails
long allocations = 0;

void* allocate(std::size_t size) noexcept {
  ++allocations;
  if (until_failure >= 0 && until_failure-- == 0) return nullptr;
  return std::malloc(size == 0 ? 1 : size);
}

void* allocate_aligned(std::size_t size, std::align_val_t alignment) noexcept {
  ++allocations;
  if (until_failure >= 0 && until_failure-- == 0) return nullptr;
  const auto step = static_cast<std::size_t>(alignment);
  return std::aligned_alloc(step, (size + step - 1) / step * step);
}

void* or_throw(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return or_throw(allocate(size)); }
void* operator new[](std::size_t size) { return or_throw(allocate(size)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return or_throw(allocate_aligned(size, alignment));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate_aligned(size, alignment);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(memory);
}

namespace {

int failed = 0;

void check(bool holds, const char* what, long step) {
  if (holds) return;
  ++failed;
  std::printf("%s, at allocation %ld: %s\n", what, step, sluice_message());
}

bool every_one = false;

// Runs `call` with its first allocation refused, its second, ... until it makes fewer; unless every
// one is asked for, ever more of them are left out.
template <typename Call>
void sweep(const char* what, Call&& call) {
  check(call() == SLUICE_OK, what, -1);
  long refused = 0;
  for (long step = 0;; step += every_one ? 1 : 1 + step / 32) {
    until_failure = step;
    const sluice_status status = call();
    const bool reached = until_failure < 0;
    until_failure = -1;
    if (!reached) break;
    if (status != SLUICE_OK) {
      ++refused;
      check(status == SLUICE_OUT_OF_MEMORY, what, step);
      check(std::strlen(sluice_message()) > 0, what, step);
    }
    check(call() == SLUICE_OK, "the same once more", step);
  }
  std::printf("%s: %ld allocations refused ended in a status\n", what, refused);
}

constexpr int64_t kShape[] = {2, 8};
const sluice_operand kOperands[] = {{nullptr, SLUICE_F32, 2, kShape, 0, 0},
                                    {nullptr, SLUICE_F32, 2, kShape, 0, 0},
                                    {nullptr, SLUICE_F32, 2, kShape, 0, 0}};

sluice_spec spec_of(const char* function, sluice_pass pass) {
  sluice_spec spec = sluice_spec_default();
  spec.function = function;
  spec.pass = pass;
  spec.operands = kOperands;
  spec.operand_count = pass == SLUICE_FORWARD ? 2 : 3;
  return spec;
}

void test_compile(sluice_runtime* runtime, const char* function, sluice_pass pass) {
  const sluice_spec spec = spec_of(function, pass);
  sweep(function, [&] {
    sluice_kernel* kernel = nullptr;
    const sluice_status status = sluice_runtime_compile(runtime, &spec, &kernel);
    sluice_kernel_release(kernel);
    const sluice_status cleared = sluice_runtime_clear(runtime);
    return status != SLUICE_OK ? status : cleared;
  });
}

void test_row_state(sluice_runtime* runtime) {
  const sluice_spec spec = spec_of("softmax", SLUICE_FORWARD);
  sluice_kernel* kernel = nullptr;
  check(sluice_runtime_compile(runtime, &spec, &kernel) == SLUICE_OK, "softmax", -1);
  sweep("a row state", [&] {
    sluice_state_kernel* streams = nullptr;
    sluice_row_state* state = nullptr;
    float x[] = {1, 2, 3};
    const int64_t columns[] = {3};
    const sluice_tensor elements{x, columns, nullptr, 1, SLUICE_F32, 0};
    sluice_status status = sluice_state_kernel_create(kernel, &streams);
    if (status == SLUICE_OK) status = sluice_row_state_create(streams, nullptr, &state);
    if (status == SLUICE_OK) status = sluice_row_state_update(state, &elements, 1);
    if (status == SLUICE_OK) status = sluice_row_state_finish(state, nullptr, 0);
    sluice_row_state_destroy(state);
    sluice_state_kernel_release(streams);
    return status;
  });
  sluice_kernel_release(kernel);
}

// An exception of the caller's stays on this side too.
void test_callback(sluice_runtime* runtime) {
  constexpr int64_t kMany[] = {64, 4096};
  static float x[64 * 4096], y[64 * 4096];
  const sluice_tensor tensors[] = {{x, kMany, nullptr, 2, SLUICE_F32, 0},
                                   {y, kMany, nullptr, 2, SLUICE_F32, 0}};
  const sluice_spec spec = spec_of("relu", SLUICE_FORWARD);
  const sluice_parallel parallel{4, [](void*, size_t, sluice_task, void*) { throw 1; }, nullptr};
  sluice_call_options options = sluice_call_options_default();
  options.parallel = &parallel;
  sluice_kernel* kernel = nullptr;
  check(sluice_runtime_compile(runtime, &spec, &kernel) == SLUICE_OK, "relu", -1);
  check(sluice_kernel_call(kernel, tensors, 2, &options) == SLUICE_INVALID_ARGUMENT,
        "a loop that throws", -1);
  // A call allocates nothing.
  const long before = allocations;
  check(sluice_kernel_call(kernel, tensors, 2, nullptr) == SLUICE_OK, "a call", -1);
  check(allocations == before, "a call that allocates", allocations - before);
  sluice_kernel_release(kernel);
}

}  // namespace

int main(int count, char** arguments) {
  every_one = count > 1 && std::strcmp(arguments[1], "--every") == 0;
  until_failure = 0;
  check(sluice_host_target() == nullptr || until_failure == 0, "the target, without memory", 0);
  until_failure = -1;
  check(sluice_host_target() != nullptr, "the target", -1);
  sweep("a runtime", [] {
    sluice_runtime* runtime = nullptr;
    const sluice_status status = sluice_runtime_create(nullptr, &runtime);
    sluice_runtime_destroy(runtime);
    return status;
  });
  sluice_runtime* runtime = nullptr;
  check(sluice_runtime_create(nullptr, &runtime) == SLUICE_OK, "a runtime", -1);
  sweep("define", [&] { return sluice_runtime_define(runtime, "fn f(x) = x * 2", nullptr); });
  sweep("parse", [] {
    sluice_program* program = nullptr;
    size_t index = 0;
    sluice_status status = sluice_program_parse("fn f(x) = x * 2", nullptr, nullptr, &program);
    if (status == SLUICE_OK) status = sluice_program_find(program, "f", &index);
    sluice_program_release(program);
    return status;
  });
  test_compile(runtime, "silu", SLUICE_FORWARD);
  test_compile(runtime, "silu", SLUICE_BACKWARD);
  test_compile(runtime, "softmax", SLUICE_FORWARD);
  test_row_state(runtime);
  test_callback(runtime);
  sluice_runtime_destroy(runtime);
  if (failed == 0) std::puts("faults: all checks hold");
  return failed == 0 ? 0 : 1;
}
