// The caller's allocator and log.
#include <stdlib.h>
#include <string.h>

#include <sluice/row_state.h>

#include "check.h"

typedef struct Pool {
  size_t held, taken;  // bytes now, allocations in all
  int refuses;
} Pool;

// Memory of an alignment, which says in front of itself how large it is.
static void* pool_allocate(void* context, size_t bytes, size_t alignment) {
  Pool* pool = context;
  unsigned char* block;
  if (pool->refuses) return NULL;
  block = malloc(bytes + 2 * alignment);
  if (block == NULL) return NULL;
  pool->held += bytes, ++pool->taken;
  {
    const size_t past = (size_t)((uintptr_t)block % alignment);
    unsigned char* memory = block + 2 * alignment - past;
    memcpy(memory - sizeof block, &block, sizeof block);
    return memory;
  }
}

static void pool_release(void* context, void* memory, size_t bytes) {
  Pool* pool = context;
  unsigned char* block;
  pool->held -= bytes;
  memcpy(&block, (unsigned char*)memory - sizeof block, sizeof block);
  free(block);
}

typedef struct Lines {
  int warnings, errors;
  char last[300];
} Lines;

static void keep_line(void* context, int32_t level, const char* message) {
  Lines* lines = context;
  if (level == SLUICE_LOG_WARNING) ++lines->warnings;
  if (level == SLUICE_LOG_ERROR) ++lines->errors;
  strncpy(lines->last, message, sizeof lines->last - 1);
}

enum { kColumns = 20000 };
static float x[kColumns], y[kColumns];

static void test_allocator(void) {
  static Pool pool;
  const int64_t shape[] = {1, kColumns};
  const sluice_tensor tensors[] = {f32_tensor(x, 2, shape), f32_tensor(y, 2, shape)};
  sluice_runtime_options options = sluice_runtime_options_default();
  sluice_row_state_options state_options = sluice_row_state_options_default();
  sluice_runtime* runtime = NULL;
  sluice_state_kernel* streams = NULL;
  sluice_row_state* state = NULL;
  sluice_kernel* kernel;
  size_t of_calls;
  options.allocate = pool_allocate;
  REFUSED(sluice_runtime_create(&options, &runtime), SLUICE_INVALID_ARGUMENT, "both or neither");
  options.release = pool_release, options.allocator_context = &pool;
  OK(sluice_runtime_create(&options, &runtime));
  kernel = forward_kernel(runtime, "softmax", 1, kColumns);
  CHECK(pool.taken == 0);

  // A workspace, once.
  OK(sluice_kernel_call(kernel, tensors, 2, NULL));
  CHECK(pool.taken == 1 && pool.held > 0);
  OK(sluice_kernel_call(kernel, tensors, 2, NULL));
  CHECK(pool.taken == 1);
  of_calls = pool.held;

  // A state's memory, and the end of it.
  OK(sluice_state_kernel_create(kernel, &streams));
  state_options.columns = kColumns;
  OK(sluice_row_state_create(streams, &state_options, &state));
  CHECK(pool.taken > 1 && pool.held > of_calls);
  sluice_row_state_destroy(state);
  CHECK(pool.held == of_calls);

  // None to be had.
  sluice_workspaces_release();
  CHECK(pool.held == 0);
  pool.refuses = 1;
  REFUSED(sluice_row_state_create(streams, NULL, &state), SLUICE_OUT_OF_MEMORY, "memory");
  REFUSED(sluice_kernel_call(kernel, tensors, 2, NULL), SLUICE_OUT_OF_MEMORY, "workspace");
  pool.refuses = 0;
  OK(sluice_kernel_call(kernel, tensors, 2, NULL));

  // Another runtime's kernels have nothing to do with it.
  {
    sluice_runtime* other = NULL;
    sluice_kernel* of_other;
    const size_t before = pool.taken;
    OK(sluice_runtime_create(NULL, &other));
    of_other = forward_kernel(other, "softmax", 1, kColumns);
    OK(sluice_kernel_call(of_other, tensors, 2, NULL));
    OK(sluice_kernel_call(kernel, tensors, 2, NULL));
    CHECK(pool.taken == before);
    sluice_kernel_release(of_other);
    sluice_runtime_destroy(other);
  }
  sluice_state_kernel_release(streams);
  sluice_kernel_release(kernel);
  sluice_runtime_destroy(runtime);
  sluice_workspaces_release();
  CHECK(pool.held == 0);
}

static void test_log(void) {
  static Lines lines;
  sluice_runtime_options options = sluice_runtime_options_default();
  sluice_runtime* runtime = NULL;
  sluice_kernel* kernel = NULL;
  const int64_t shape[] = {4};
  const sluice_operand operands[] = {OF_F32(1, shape), OF_F32(1, shape)};
  sluice_spec spec = sluice_spec_default();
  options.log = keep_line, options.log_context = &lines;
  options.disk_folder = "/dev/null";
  OK(sluice_runtime_create(&options, &runtime));
  CHECK(lines.warnings == 1 && strstr(lines.last, "/dev/null") != NULL);
  sluice_runtime_destroy(runtime);

  // A spec that can't be resolved begins no kernel: its status says it all.
  options.disk_folder = "";
  OK(sluice_runtime_create(&options, &runtime));
  spec.function = "gelo", spec.operands = operands, spec.operand_count = 2;
  REFUSED(sluice_runtime_compile(runtime, &spec, &kernel), SLUICE_UNKNOWN_FUNCTION, "gelo");
  CHECK(lines.errors == 0 && lines.warnings == 1);
  sluice_runtime_destroy(runtime);
}

void test_hooks(void) {
  int i;
  for (i = 0; i < kColumns; ++i) x[i] = (float)(i % 97) * 0.25f - 12;
  test_allocator();
  test_log();
}
