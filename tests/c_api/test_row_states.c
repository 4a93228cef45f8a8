// Rows in pieces: a stream, shards that merge and travel as bytes, and wrong use.
#include <stdlib.h>
#include <string.h>

#include <sluice/row_state.h>

#include "check.h"

enum { kColumns = 10000 };
static float x[kColumns], whole[kColumns], streamed[kColumns];

static sluice_tensor piece(float* data, int64_t* length) { return f32_tensor(data, 1, length); }

static int64_t next_column(const sluice_row_state* state) {
  sluice_row_state_info info;
  info.size = sizeof info;
  OK(sluice_row_state_describe(state, &info));
  CHECK(info.rows == 1);
  return info.next_column;
}

static sluice_row_state* state_at(const sluice_state_kernel* kernel, int64_t first_column) {
  sluice_row_state_options options = sluice_row_state_options_default();
  sluice_row_state* state = NULL;
  options.first_column = first_column;
  OK(sluice_row_state_create(kernel, &options, &state));
  return state;
}

static void test_stream(const sluice_state_kernel* kernel) {
  sluice_row_state* state = NULL;
  sluice_row_state_info info;
  int64_t begin, length;
  info.size = sizeof info;
  OK(sluice_row_state_create(kernel, NULL, &state));
  for (begin = 0; begin < kColumns; begin += length) {
    sluice_tensor elements;
    length = kColumns - begin < 777 ? kColumns - begin : 777;
    elements = piece(x + begin, &length);
    OK(sluice_row_state_update(state, &elements, 1));
    CHECK(next_column(state) == begin + length);
  }
  OK(sluice_row_state_finish(state, NULL, 0));
  OK(sluice_row_state_begin_at(state, 0));
  OK(sluice_row_state_describe(state, &info));
  CHECK(info.level == 1 && info.columns == kColumns && info.first_column == 0);
  OK(sluice_row_state_outputs(state, NULL, 0));
  for (begin = 0; begin < kColumns; begin += length) {
    sluice_tensor both[2];
    length = kColumns - begin < 3000 ? kColumns - begin : 3000;
    both[0] = piece(x + begin, &length);
    both[1] = piece(streamed + begin, &length);
    OK(sluice_row_state_write(state, both, 2));
  }
  CHECK(memcmp(whole, streamed, sizeof whole) == 0);
  sluice_row_state_destroy(state);
}

// Three shards, one of which arrives as bytes.
static void test_shards(const sluice_state_kernel* kernel) {
  int64_t bounds[4];
  sluice_row_state *states[3], *received = NULL;
  unsigned char* bytes;
  size_t size = 0, again = 0;
  int rank;
  OK(sluice_shard_bounds(kColumns, 3, bounds));
  CHECK(bounds[0] == 0 && bounds[1] == 4096 && bounds[2] == 8192 && bounds[3] == kColumns);
  for (rank = 0; rank < 3; ++rank) {
    int64_t length = bounds[rank + 1] - bounds[rank];
    const sluice_tensor elements = piece(x + bounds[rank], &length);
    states[rank] = state_at(kernel, bounds[rank]);
    OK(sluice_row_state_update(states[rank], &elements, 1));
  }
  OK(sluice_row_state_save(states[1], NULL, 0, &size));
  bytes = malloc(size);
  REFUSED(sluice_row_state_save(states[1], bytes, size - 1, &again), SLUICE_INVALID_ARGUMENT,
          "room for");
  OK(sluice_row_state_save(states[1], bytes, size, &again));
  CHECK(again == size);
  OK(sluice_row_state_load(kernel, bytes, size, &received));
  REFUSED(sluice_row_state_merge(states[0], states[2]), SLUICE_INVALID_ARGUMENT, "neighbours");
  OK(sluice_row_state_merge(states[0], received));
  OK(sluice_row_state_merge(states[0], states[2]));
  OK(sluice_row_state_finish(states[0], NULL, 0));
  OK(sluice_row_state_begin_at(states[0], bounds[2]));
  {
    int64_t length = bounds[3] - bounds[2];
    sluice_tensor both[2];
    both[0] = piece(x + bounds[2], &length);
    both[1] = piece(streamed, &length);
    OK(sluice_row_state_write(states[0], both, 2));
    CHECK(memcmp(whole + bounds[2], streamed, (size_t)length * sizeof *x) == 0);
  }
  sluice_row_state_destroy(received);
  bytes[size / 2] ^= 1;
  REFUSED(sluice_row_state_load(kernel, bytes, size, &received), SLUICE_IO_ERROR, "damaged");
  REFUSED(sluice_row_state_load(kernel, bytes, 3, &received), SLUICE_INVALID_ARGUMENT, "");
  REFUSED(sluice_row_state_load(kernel, NULL, 3, &received), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_row_state_load(NULL, bytes, size, &received), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_row_state_load(kernel, bytes, size, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_row_state_save(NULL, NULL, 0, &size), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_row_state_save(states[0], NULL, 0, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_shard_bounds(-1, 3, bounds), SLUICE_INVALID_ARGUMENT, "0 columns or more");
  REFUSED(sluice_shard_bounds(1, 0, bounds), SLUICE_INVALID_ARGUMENT, "1 rank or more");
  REFUSED(sluice_shard_bounds(1, SIZE_MAX, bounds), SLUICE_LIMIT_EXCEEDED, "ranks");
  REFUSED(sluice_shard_bounds(INT64_MAX, 1, bounds), SLUICE_LIMIT_EXCEEDED, "columns");
  REFUSED(sluice_shard_bounds(1, 1, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  for (rank = 0; rank < 3; ++rank) sluice_row_state_destroy(states[rank]);
  free(bytes);
}

// One value a row comes out of the last level's end.
static void test_row_outputs(sluice_runtime* runtime) {
  const int64_t shape[] = {1, kColumns}, row[] = {1};
  const sluice_operand operands[] = {OF_F32(2, shape), OF_F32(1, row)};
  int64_t length = kColumns;
  float of_call = 0, of_state = 1, once_more = 2;
  sluice_tensor tensors[] = {f32_tensor(x, 2, shape), f32_tensor(&of_call, 1, row)};
  const sluice_tensor elements = piece(x, &length), output = f32_tensor(&of_state, 1, row);
  const sluice_tensor again = f32_tensor(&once_more, 1, row);
  sluice_spec spec = sluice_spec_default();
  sluice_kernel* kernel = NULL;
  sluice_state_kernel* streams = NULL;
  sluice_row_state* state = NULL;
  sluice_state_kernel_info info;
  spec.function = "logsumexp", spec.operands = operands, spec.operand_count = 2;
  OK(sluice_runtime_compile(runtime, &spec, &kernel));
  OK(sluice_kernel_call(kernel, tensors, 2, NULL));
  OK(sluice_state_kernel_create(kernel, &streams));
  info.size = sizeof info;
  OK(sluice_state_kernel_describe(streams, &info));
  CHECK(info.levels == 1 && !info.writes && info.code_bytes > 0);
  OK(sluice_row_state_create(streams, NULL, &state));
  sluice_state_kernel_release(streams);
  OK(sluice_row_state_update(state, &elements, 1));
  OK(sluice_row_state_finish(state, &output, 1));
  OK(sluice_row_state_outputs(state, &again, 1));
  CHECK(of_call == of_state && of_call == once_more);
  REFUSED(sluice_row_state_update(state, &elements, 1), SLUICE_INVALID_ARGUMENT, "finished");
  sluice_row_state_destroy(state);
  sluice_kernel_release(kernel);
}

static void test_misuse(sluice_runtime* runtime, const sluice_state_kernel* kernel) {
  sluice_row_state_options options = sluice_row_state_options_default();
  sluice_row_state* state = NULL;
  sluice_state_kernel* other = NULL;
  sluice_kernel* relu = forward_kernel(runtime, "relu", 2, 4);
  sluice_state_kernel_info info;
  sluice_row_state_info state_info;
  int64_t length = 4;
  sluice_tensor elements = piece(x, &length);
  REFUSED(sluice_state_kernel_create(relu, &other), SLUICE_INVALID_ARGUMENT, "no rows");
  REFUSED(sluice_state_kernel_create(NULL, &other), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_state_kernel_create(relu, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_state_kernel_describe(NULL, &info), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_state_kernel_describe(kernel, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  sluice_kernel_release(relu);

  options.first_column = 5;
  REFUSED(sluice_row_state_create(kernel, &options, &state), SLUICE_INVALID_ARGUMENT, "4096");
  options.first_column = 0, options.rows = (int64_t)1 << 40;
  REFUSED(sluice_row_state_create(kernel, &options, &state), SLUICE_LIMIT_EXCEEDED, "rows");
  options.rows = 1, options.param_count = 1;
  REFUSED(sluice_row_state_create(kernel, &options, &state), SLUICE_INVALID_ARGUMENT, "NULL");
  options.param_count = 0, options.input_count = 1;
  REFUSED(sluice_row_state_create(kernel, &options, &state), SLUICE_INVALID_ARGUMENT, "NULL");
  options.size = 1;
  REFUSED(sluice_row_state_create(kernel, &options, &state), SLUICE_INVALID_ARGUMENT, "sizeof");
  REFUSED(sluice_row_state_create(NULL, NULL, &state), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_row_state_create(kernel, NULL, NULL), SLUICE_INVALID_ARGUMENT, "NULL");

  state = state_at(kernel, 0);
  elements.dtype = SLUICE_F64;
  REFUSED(sluice_row_state_update(state, &elements, 1), SLUICE_INVALID_OPERANDS, "f64");
  REFUSED(sluice_row_state_update(state, NULL, 0), SLUICE_INVALID_OPERANDS, "1 operands");
  REFUSED(sluice_row_state_update(state, NULL, 1), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_row_state_write(state, &elements, 1), SLUICE_INVALID_ARGUMENT, "level");
  REFUSED(sluice_row_state_outputs(state, NULL, 0), SLUICE_INVALID_ARGUMENT, "level");
  REFUSED(sluice_row_state_begin_at(state, 0), SLUICE_INVALID_ARGUMENT, "option");
  REFUSED(sluice_row_state_update(NULL, &elements, 1), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_row_state_finish(NULL, NULL, 0), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_row_state_outputs(NULL, NULL, 0), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_row_state_write(NULL, &elements, 1), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_row_state_begin_at(NULL, 0), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_row_state_merge(state, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_row_state_describe(NULL, &state_info), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_row_state_describe(state, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  sluice_row_state_destroy(state);
  sluice_row_state_destroy(NULL);
  sluice_state_kernel_release(NULL);
}

void test_row_states(void) {
  const int64_t shape[] = {1, kColumns};
  const sluice_tensor tensors[] = {f32_tensor(x, 2, shape), f32_tensor(whole, 2, shape)};
  sluice_runtime* runtime = NULL;
  sluice_kernel* softmax;
  sluice_state_kernel* kernel = NULL;
  int i;
  for (i = 0; i < kColumns; ++i) x[i] = (float)(i % 201) * 0.125f - 12;
  OK(sluice_runtime_create(NULL, &runtime));
  softmax = forward_kernel(runtime, "softmax", 1, kColumns);
  OK(sluice_kernel_call(softmax, tensors, 2, NULL));
  OK(sluice_state_kernel_create(softmax, &kernel));
  sluice_kernel_release(softmax);
  test_stream(kernel);
  test_shards(kernel);
  test_row_outputs(runtime);
  test_misuse(runtime, kernel);
  sluice_state_kernel_release(kernel);
  sluice_runtime_destroy(runtime);
}
