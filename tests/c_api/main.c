// The C interface as a C99 program sees it: every function, and every way to misuse it.
#include "check.h"

#include <stdio.h>

static int failed = 0;

void check(int holds, const char* what, const char* file, int line) {
  if (holds) return;
  ++failed;
  printf("%s:%d: %s\n", file, line, what);
}

void check_ok(sluice_status status, const char* what, const char* file, int line) {
  if (status == SLUICE_OK) return;
  ++failed;
  printf("%s:%d: %s: %s: %s\n", file, line, what, sluice_status_name(status), sluice_message());
}

void check_refused(sluice_status status, sluice_status wanted, const char* part, const char* what,
                   const char* file, int line) {
  const char* sentence = status == SLUICE_OK ? "" : sluice_message();
  if (status == wanted && strstr(sentence, part) != NULL) return;
  ++failed;
  printf("%s:%d: %s: expected %s with '%s', got %s: %s\n", file, line, what,
         sluice_status_name(wanted), part, sluice_status_name(status), sentence);
}

int failures(void) { return failed; }

sluice_tensor f32_tensor(float* data, int32_t rank, const int64_t* shape) {
  sluice_tensor tensor = {data, shape, NULL, rank, SLUICE_F32, 0};
  return tensor;
}

sluice_kernel* forward_kernel(sluice_runtime* runtime, const char* function, int64_t rows,
                              int64_t columns) {
  const int64_t shape[] = {rows, columns};
  const sluice_operand operands[] = {OF_F32(2, shape), OF_F32(2, shape)};
  sluice_spec spec = sluice_spec_default();
  sluice_kernel* kernel = NULL;
  spec.function = function;
  spec.operands = operands;
  spec.operand_count = 2;
  OK(sluice_runtime_compile(runtime, &spec, &kernel));
  return kernel;
}

int main(void) {
  test_names();
  test_programs();
  test_runtimes();
  test_hooks();
  test_specs();
  test_sizes();
  test_kernels();
  test_calls();
  test_runs();
  test_row_states();
  test_dlpack();
  test_threads();
  if (failed == 0) puts("c_api: all checks hold");
  return failed == 0 ? 0 : 1;
}
