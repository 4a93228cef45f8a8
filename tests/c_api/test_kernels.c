// Kernels: what they say of themselves, checked calls, and calls without checks.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static void test_info(sluice_runtime* runtime) {
  sluice_kernel* kernel = forward_kernel(runtime, "silu", 1, 8);
  sluice_kernel* own = NULL;
  sluice_kernel_info info;
  sluice_operand_info operand;
  char* text = NULL;
  const char* name = NULL;
  info.size = sizeof info;
  operand.size = sizeof operand;
  OK(sluice_kernel_describe(kernel, &info));
  CHECK(strcmp(info.function, "silu") == 0 && info.pass == SLUICE_FORWARD);
  CHECK(info.compute_type == SLUICE_F32 && info.plain && !info.row_wise && info.checked);
  CHECK(info.forward_ulp > 0 && info.derivative_ulp > 0 && info.accuracy == 0);
  CHECK(info.operand_count == 2 && info.passed_count == 0);
  CHECK(info.code_bytes > 0 && info.bytes >= info.code_bytes);
  CHECK((info.rung == SLUICE_RUNG_X64) == (info.code != NULL));
  CHECK(info.first_code_bytes == (info.code != NULL ? info.code_bytes : 0));
  CHECK((info.rung == SLUICE_RUNG_X64) == (strlen(info.rung_reason) == 0));
  OK(sluice_kernel_operand(kernel, 1, &operand));
  CHECK(strcmp(operand.name, "y") == 0 && operand.output && !operand.scalar && !operand.per_row);
  OK(sluice_kernel_text(kernel, "target", &text));
  CHECK(strlen(text) > 0);
  sluice_text_release(text);
  OK(sluice_kernel_text(kernel, "key", &text));
  CHECK(strstr(text, "forward") != NULL);
  sluice_text_release(text);
  OK(sluice_kernel_text(kernel, "ast", &text));
  sluice_text_release(text);

  REFUSED(sluice_kernel_text(kernel, "poem", &text), SLUICE_UNKNOWN_NAME, "poem");
  CHECK(text == NULL);
  REFUSED(sluice_kernel_text(kernel, NULL, &text), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_kernel_text(kernel, "ast", NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_kernel_text(NULL, "ast", &text), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_kernel_describe(NULL, &info), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_kernel_describe(kernel, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_kernel_operand(kernel, 2, &operand), SLUICE_INVALID_ARGUMENT, "no operand 2 of 2");
  REFUSED(sluice_kernel_operand(NULL, 0, &operand), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_kernel_operand(kernel, 0, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_kernel_passed(kernel, 0, &name), SLUICE_INVALID_ARGUMENT, "no passed parameter");
  REFUSED(sluice_kernel_passed(NULL, 0, &name), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_kernel_passed(kernel, 0, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_kernel_retain(NULL, &own), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_kernel_retain(kernel, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  sluice_kernel_release(kernel);
  sluice_kernel_release(NULL);
}

void test_kernels(void) {
  sluice_runtime* runtime = NULL;
  OK(sluice_runtime_create(NULL, &runtime));
  test_info(runtime);
  sluice_runtime_destroy(runtime);
}

// The caller's threads: a loop that counts what it was asked for.
static void count_tasks(void* context, size_t count, sluice_task task, void* task_context) {
  size_t i;
  *(size_t*)context += count;
  for (i = count; i-- > 0;) task(task_context, i);
}

static void test_lent_threads(sluice_runtime* runtime) {
  enum { kRows = 64, kColumns = 1024, kCount = kRows * kColumns };
  const int64_t shape[] = {kRows, kColumns};
  float* x = malloc(3 * kCount * sizeof *x);
  float *alone = x + kCount, *shared = x + 2 * kCount;
  sluice_tensor tensors[] = {f32_tensor(x, 2, shape), f32_tensor(alone, 2, shape)};
  sluice_kernel* kernel = forward_kernel(runtime, "softmax", kRows, kColumns);
  size_t tasks = 0, bytes = 0;
  void* memory;
  sluice_parallel parallel = {4, count_tasks, &tasks};
  sluice_call_options options = sluice_call_options_default();
  int i;
  for (i = 0; i < kCount; ++i) x[i] = (float)(i % 97) * 0.25f;
  OK(sluice_kernel_call(kernel, tensors, 2, NULL));

  tensors[1].data = shared;
  OK(sluice_kernel_call_workspace(kernel, tensors, 2, 4, &bytes));
  memory = malloc(bytes + 64);
  options.workspace = (char*)memory + (64 - (uintptr_t)memory % 64) % 64;
  options.workspace_bytes = bytes;
  options.parallel = &parallel;
  OK(sluice_kernel_call(kernel, tensors, 2, &options));
  CHECK(tasks > 1);
  CHECK(memcmp(alone, shared, kCount * sizeof *x) == 0);

  parallel.for_each = NULL;
  REFUSED(sluice_kernel_call(kernel, tensors, 2, &options), SLUICE_INVALID_ARGUMENT, "NULL");
  parallel.threads = 1;
  OK(sluice_kernel_call(kernel, tensors, 2, &options));
  options.size = 8;
  REFUSED(sluice_kernel_call(kernel, tensors, 2, &options), SLUICE_INVALID_ARGUMENT, "sizeof");
  REFUSED(sluice_kernel_call_workspace(kernel, tensors, 1, 1, &bytes), SLUICE_INVALID_OPERANDS, "");
  REFUSED(sluice_kernel_call_workspace(NULL, tensors, 2, 1, &bytes), SLUICE_INVALID_ARGUMENT, "");
  REFUSED(sluice_kernel_call_workspace(kernel, tensors, 2, 1, NULL), SLUICE_INVALID_ARGUMENT, "");
  sluice_kernel_release(kernel);
  free(memory);
  free(x);
}

// Inputs of any strides: each row's elements of `from` in the order of `strides`.
static void test_strides(const sluice_kernel* kernel) {
  static const struct {
    size_t first;  // element of `from`
    int64_t strides[2];
    float expected[8];
  } cases[] = {{0, {1, 2}, {1, 3, 5, 7, 2, 4, 6, 8}},
               {3, {4, -1}, {4, 3, 2, 1, 8, 7, 6, 5}},
               {2, {0, 1}, {3, 4, 5, 6, 3, 4, 5, 6}},
               {7, {-1, 0}, {8, 8, 8, 8, 7, 7, 7, 7}}};
  float from[] = {1, 2, 3, 4, 5, 6, 7, 8}, to[16], plain[8];
  const int64_t shape[] = {2, 4}, gaps[] = {8, 2};
  size_t c, i;
  for (c = 0; c < sizeof cases / sizeof *cases; ++c) {
    sluice_tensor tensors[2], copies[2];
    float copy[8];
    size_t bytes = 0;
    memcpy(copy, cases[c].expected, sizeof copy);
    tensors[0] = f32_tensor(from + cases[c].first, 2, shape);
    tensors[1] = f32_tensor(to, 2, shape);
    copies[0] = f32_tensor(copy, 2, shape);
    copies[1] = f32_tensor(plain, 2, shape);
    tensors[0].strides = cases[c].strides;
    tensors[1].strides = gaps;
    for (i = 0; i < 16; ++i) to[i] = -77;
    OK(sluice_kernel_call_workspace(kernel, tensors, 2, 1, &bytes));
    CHECK(bytes > 0 && bytes % 64 == 0);
    OK(sluice_kernel_call(kernel, tensors, 2, NULL));
    OK(sluice_kernel_call(kernel, copies, 2, NULL));
    for (i = 0; i < 8; ++i) {
      CHECK(memcmp(&to[2 * i], &plain[i], sizeof *to) == 0);
      CHECK(to[2 * i + 1] == -77);
    }
  }
}

static void test_wrong_tensors(const sluice_kernel* kernel) {
  float x[8] = {0}, y[8] = {0};
  const int64_t shape[] = {2, 4};
  const int64_t contiguous[] = {4, 1}, transposed[] = {1, 2}, still[] = {0, 1};
  const int64_t far[] = {INT64_MAX / 2, 1};
  const int64_t negative[] = {-2, 4}, none[] = {0, 4}, one[] = {1, 4};
  const int64_t any[] = {99, 1};
  sluice_tensor tensors[65];
  size_t i;
  for (i = 0; i < 65; ++i) tensors[i] = f32_tensor(y, 2, shape);
  tensors[0].data = x;
  tensors[0].strides = contiguous;
  OK(sluice_kernel_call(kernel, tensors, 2, NULL));
  tensors[0].strides = far;
  REFUSED(sluice_kernel_call(kernel, tensors, 2, NULL), SLUICE_INVALID_OPERANDS,
          "reach further than memory");
  tensors[0].strides = NULL, tensors[1].strides = still;
  REFUSED(sluice_kernel_call(kernel, tensors, 2, NULL), SLUICE_INVALID_OPERANDS,
          "two elements in one place");
  tensors[0].data = y, tensors[1].strides = transposed;
  REFUSED(sluice_kernel_call(kernel, tensors, 2, NULL), SLUICE_INVALID_OPERANDS, "overlaps");
  tensors[0].data = x, tensors[1].strides = NULL;
  // Of one row or none the stride between rows says nothing.
  tensors[0].strides = any, tensors[0].shape = tensors[1].shape = one;
  OK(sluice_kernel_call(kernel, tensors, 2, NULL));
  tensors[0].shape = tensors[1].shape = none;
  OK(sluice_kernel_call(kernel, tensors, 2, NULL));
  tensors[0].strides = NULL, tensors[0].shape = tensors[1].shape = negative;
  REFUSED(sluice_kernel_call(kernel, tensors, 2, NULL), SLUICE_INVALID_OPERANDS, "shape");
  tensors[0].shape = NULL;
  REFUSED(sluice_kernel_call(kernel, tensors, 2, NULL), SLUICE_INVALID_OPERANDS, "has no shape");
  tensors[0].shape = tensors[1].shape = shape;
  tensors[0].rank = 17;
  REFUSED(sluice_kernel_call(kernel, tensors, 2, NULL), SLUICE_INVALID_OPERANDS, "17 dimensions");
  tensors[0].rank = 2, tensors[0].dtype = -3;
  REFUSED(sluice_kernel_call(kernel, tensors, 2, NULL), SLUICE_INVALID_OPERANDS, "type -3");
  tensors[0].dtype = SLUICE_F64;
  REFUSED(sluice_kernel_call(kernel, tensors, 2, NULL), SLUICE_INVALID_OPERANDS, "f64");
  tensors[0].dtype = SLUICE_F32, tensors[0].flags = 2;
  REFUSED(sluice_kernel_call(kernel, tensors, 2, NULL), SLUICE_INVALID_OPERANDS, "flags");
  tensors[0].flags = SLUICE_TENSOR_CONSTANT;
  OK(sluice_kernel_call(kernel, tensors, 2, NULL));
  tensors[1].flags = SLUICE_TENSOR_CONSTANT;
  REFUSED(sluice_kernel_call(kernel, tensors, 2, NULL), SLUICE_INVALID_OPERANDS, "constant");
  tensors[1].flags = 0, tensors[0].data = NULL;
  REFUSED(sluice_kernel_call(kernel, tensors, 2, NULL), SLUICE_INVALID_OPERANDS, "null");
  REFUSED(sluice_kernel_call(kernel, tensors, 65, NULL), SLUICE_INVALID_OPERANDS, "65 operands");
  REFUSED(sluice_kernel_call(kernel, tensors, 1, NULL), SLUICE_INVALID_OPERANDS, "");
  REFUSED(sluice_kernel_call(kernel, NULL, 2, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_kernel_call(NULL, tensors, 2, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
}

// In place in the very buffer; not where buffers overlap in part.
static void test_overlap(const sluice_kernel* kernel) {
  float values[12] = {-1, 2, -3, 4, -5, 6, -7, 8, 9, 10, 11, 12};
  const int64_t shape[] = {2, 4};
  sluice_tensor tensors[] = {f32_tensor(values, 2, shape), f32_tensor(values + 1, 2, shape)};
  REFUSED(sluice_kernel_call(kernel, tensors, 2, NULL), SLUICE_INVALID_OPERANDS, "overlaps");
  CHECK(values[0] == -1 && values[1] == 2);
  tensors[1].data = values;
  OK(sluice_kernel_call(kernel, tensors, 2, NULL));
  CHECK(values[0] == 0 && values[1] == 2 && values[6] == 0 && values[8] == 9);
}

static void test_params(sluice_runtime* runtime) {
  const int64_t shape[] = {3};
  const sluice_operand operands[] = {OF_F32(1, shape), OF_F32(1, shape)};
  const char* const passed[] = {"negative_slope"};
  const double slope[] = {0.5};
  float x[] = {-2, 0, 2}, y[] = {0, 0, 0};
  void* buffers[] = {x, y};
  uint64_t slot = 0;
  const char* name = NULL;
  sluice_tensor tensors[] = {f32_tensor(x, 1, shape), f32_tensor(y, 1, shape)};
  sluice_spec spec = sluice_spec_default();
  sluice_call_options options = sluice_call_options_default();
  sluice_kernel* kernel = NULL;
  spec.function = "leaky_relu", spec.operands = operands, spec.operand_count = 2;
  spec.passed = passed, spec.passed_count = 1;
  OK(sluice_runtime_compile(runtime, &spec, &kernel));
  OK(sluice_kernel_passed(kernel, 0, &name));
  CHECK(strcmp(name, "negative_slope") == 0);
  options.params = slope, options.param_count = 1;
  OK(sluice_kernel_call(kernel, tensors, 2, &options));
  CHECK(y[0] == -1 && y[2] == 2);
  options.params = NULL;
  REFUSED(sluice_kernel_call(kernel, tensors, 2, &options), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_kernel_call(kernel, tensors, 2, NULL), SLUICE_INVALID_OPERANDS, "parameters");

  OK(sluice_kernel_slot(kernel, 0.25, &slot));
  OK(sluice_kernel_run(kernel, buffers, 3, &slot));
  CHECK(y[0] == -0.5f);
  REFUSED(sluice_kernel_run(kernel, buffers, 3, NULL), SLUICE_INVALID_ARGUMENT, "parameters");
  REFUSED(sluice_kernel_slot(NULL, 1, &slot), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_kernel_slot(kernel, 1, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  sluice_kernel_release(kernel);
}

void test_calls(void) {
  sluice_runtime* runtime = NULL;
  sluice_kernel* kernel;
  OK(sluice_runtime_create(NULL, &runtime));
  kernel = forward_kernel(runtime, "relu", 2, 4);
  test_strides(kernel);
  test_wrong_tensors(kernel);
  test_overlap(kernel);
  test_params(runtime);
  test_lent_threads(runtime);
  sluice_kernel_release(kernel);
  sluice_runtime_destroy(runtime);
}

// Rows that lie 8 elements apart, in memory for 2 rows of 5.
static void test_run_rows(sluice_runtime* runtime) {
  sluice_kernel* softmax = forward_kernel(runtime, "softmax", 2, 5);
  sluice_kernel* relu = forward_kernel(runtime, "relu", 2, 5);
  float x[16] = {0}, y[16] = {0};
  void* buffers[] = {x, y};
  const int64_t row_steps[] = {32, 32}, column_steps[] = {4, 4};
  sluice_row_extent extent = {2, 5, NULL, NULL, 0, 1};
  size_t bytes = 0;
  void* workspace;
  OK(sluice_kernel_row_workspace(softmax, 5, &bytes));
  workspace = malloc(bytes + 64);
  extent.row_steps = row_steps;
  extent.column_steps = column_steps;
  OK(sluice_kernel_run_rows(softmax, buffers, &extent,
                            (char*)workspace + (64 - (uintptr_t)workspace % 64) % 64, NULL));
  CHECK(fabsf(y[0] - 0.2f) < 1e-6f && fabsf(y[12] - 0.2f) < 1e-6f && y[5] == 0 && y[13] == 0);

  REFUSED(sluice_kernel_run(softmax, buffers, 5, NULL), SLUICE_INVALID_ARGUMENT, "not plain");
  REFUSED(sluice_kernel_run_rows(relu, buffers, &extent, NULL, NULL), SLUICE_INVALID_ARGUMENT,
          "plain rows");
  REFUSED(sluice_kernel_run_rows(softmax, NULL, &extent, NULL, NULL), SLUICE_INVALID_ARGUMENT, "");
  REFUSED(sluice_kernel_run_rows(NULL, buffers, &extent, NULL, NULL), SLUICE_INVALID_ARGUMENT, "");
  REFUSED(sluice_kernel_run_rows(softmax, buffers, NULL, NULL, NULL), SLUICE_INVALID_ARGUMENT, "");
  extent.rows = -1;
  REFUSED(sluice_kernel_run_rows(softmax, buffers, &extent, NULL, NULL), SLUICE_INVALID_ARGUMENT,
          "no rows of that extent");
  extent.row_steps = NULL;
  REFUSED(sluice_kernel_run_rows(softmax, buffers, &extent, NULL, NULL), SLUICE_INVALID_ARGUMENT,
          "steps are NULL");
  REFUSED(sluice_kernel_row_workspace(softmax, -1, &bytes), SLUICE_INVALID_ARGUMENT, "-1 columns");
  REFUSED(sluice_kernel_row_workspace(NULL, 5, &bytes), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_kernel_row_workspace(softmax, 5, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  free(workspace);
  sluice_kernel_release(softmax);
  sluice_kernel_release(relu);
}

void test_runs(void) {
  sluice_runtime* runtime = NULL;
  sluice_kernel* relu;
  float x[] = {-1, 0, 1}, y[] = {9, 9, 9};
  void* buffers[] = {x, y};
  OK(sluice_runtime_create(NULL, &runtime));
  relu = forward_kernel(runtime, "relu", 1, 3);
  OK(sluice_kernel_run(relu, buffers, 3, NULL));
  CHECK(y[0] == 0 && y[1] == 0 && y[2] == 1);
  OK(sluice_kernel_run(relu, buffers, 0, NULL));
  REFUSED(sluice_kernel_run(relu, buffers, -1, NULL), SLUICE_INVALID_ARGUMENT, "negative");
  REFUSED(sluice_kernel_run(NULL, buffers, 3, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_kernel_run(relu, NULL, 3, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  test_run_rows(runtime);
  sluice_runtime_destroy(runtime);
  // A kernel outlives its runtime.
  OK(sluice_kernel_run(relu, buffers, 3, NULL));
  sluice_kernel_release(relu);
}
