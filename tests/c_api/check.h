// Checks of the tests in C: each prints what failed and where, and is counted.
#ifndef SLUICE_TESTS_CHECK_H
#define SLUICE_TESTS_CHECK_H

#include <sluice/sluice.h>

// `condition` holds.
#define CHECK(condition) check((condition) != 0, #condition, __FILE__, __LINE__)
// `call` succeeds.
#define OK(call) check_ok((call), #call, __FILE__, __LINE__)
// `call` fails with this status, and with a sentence that holds `part`.
#define REFUSED(call, status, part) check_refused((call), status, part, #call, __FILE__, __LINE__)

void check(int holds, const char* what, const char* file, int line);
void check_ok(sluice_status status, const char* what, const char* file, int line);
void check_refused(sluice_status status, sluice_status wanted, const char* part, const char* what,
                   const char* file, int line);
int failures(void);

// A spec's operands of f32, of one shape.
#define OF_F32(rank, shape)                                                                        \
  { NULL, SLUICE_F32, rank, shape, 0, 0 }
// A tensor of f32 without gaps.
sluice_tensor f32_tensor(float* data, int32_t rank, const int64_t* shape);
// The forward kernel of a function of one input and one output, of (rows, columns) in f32.
sluice_kernel* forward_kernel(sluice_runtime* runtime, const char* function, int64_t rows,
                              int64_t columns);

void test_names(void);
void test_programs(void);
void test_runtimes(void);
void test_hooks(void);
void test_specs(void);
void test_sizes(void);
void test_kernels(void);
void test_calls(void);
void test_runs(void);
void test_row_states(void);
void test_dlpack(void);
void test_threads(void);

#endif
