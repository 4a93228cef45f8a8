// Specs: each field does what it says, and each wrong one is refused.
#include <math.h>
#include <string.h>

#include "check.h"

static const int64_t kShape[] = {4};
static const int64_t kRows[] = {2, 8};
static const int64_t kHalf[] = {2, 4};

static void refused(sluice_runtime* runtime, const sluice_spec* spec, sluice_status status,
                    const char* part) {
  sluice_key* key = NULL;
  REFUSED(sluice_runtime_key(runtime, spec, &key), status, part);
  CHECK(key == NULL);
}

static sluice_kernel* made(sluice_runtime* runtime, const sluice_spec* spec) {
  sluice_kernel* kernel = NULL;
  OK(sluice_runtime_compile(runtime, spec, &kernel));
  return kernel;
}

static void test_wrong_fields(sluice_runtime* runtime) {
  const sluice_operand operands[] = {OF_F32(1, kShape), OF_F32(1, kShape)};
  const int64_t long_row[] = {(int64_t)1 << 31};
  sluice_operand wrong[] = {OF_F32(1, kShape), OF_F32(1, kShape)};
  const char* const names[] = {NULL};
  const sluice_parameter nameless[] = {{NULL, 1}};
  sluice_spec spec = sluice_spec_default();
  refused(runtime, &spec, SLUICE_INVALID_ARGUMENT, "function is NULL");
  spec.function = "no_such_function";
  spec.operands = operands, spec.operand_count = 2;
  refused(runtime, &spec, SLUICE_UNKNOWN_FUNCTION, "no_such_function");
  spec.function = "relu";
  spec.pass = 3;
  refused(runtime, &spec, SLUICE_UNKNOWN_NAME, "pass is 3");
  spec.pass = SLUICE_FORWARD, spec.reduction = -1;
  refused(runtime, &spec, SLUICE_UNKNOWN_NAME, "reduction");
  spec.reduction = 0, spec.empty = 2;
  refused(runtime, &spec, SLUICE_UNKNOWN_NAME, "empty");
  spec.empty = 0, spec.saved = 3;
  refused(runtime, &spec, SLUICE_UNKNOWN_NAME, "saved");
  spec.saved = 0, spec.accuracy = 2;
  refused(runtime, &spec, SLUICE_INVALID_ARGUMENT, "accuracy");
  spec.accuracy = 0, spec.target = "pdp-11";
  refused(runtime, &spec, SLUICE_UNKNOWN_NAME, "pdp-11");
  spec.target = NULL, spec.split = "z";
  refused(runtime, &spec, SLUICE_INVALID_ARGUMENT, "split is NULL");
  spec.split = NULL, spec.passed = names, spec.passed_count = 1;
  refused(runtime, &spec, SLUICE_INVALID_ARGUMENT, "passed parameters is NULL");
  spec.passed = NULL;
  refused(runtime, &spec, SLUICE_INVALID_ARGUMENT, "passed parameters is NULL");
  spec.passed_count = 0, spec.gradient_count = 1;
  refused(runtime, &spec, SLUICE_INVALID_ARGUMENT, "gradients is NULL");
  spec.gradient_count = 0, spec.parameter_count = 1;
  refused(runtime, &spec, SLUICE_INVALID_ARGUMENT, "parameters is NULL");
  spec.parameters = nameless;
  refused(runtime, &spec, SLUICE_INVALID_ARGUMENT, "name of a spec's parameter");
  spec.parameter_count = 0;

  spec.operand_count = 1;
  refused(runtime, &spec, SLUICE_INVALID_OPERANDS, "");
  spec.operands = NULL;
  refused(runtime, &spec, SLUICE_INVALID_ARGUMENT, "operands is NULL");
  spec.operands = wrong, spec.operand_count = 2;
  wrong[1].dtype = 77;
  refused(runtime, &spec, SLUICE_UNKNOWN_NAME, "operand 1 has the element type 77");
  wrong[1].dtype = SLUICE_F32, wrong[0].rank = 17;
  refused(runtime, &spec, SLUICE_INVALID_OPERANDS, "17 dimensions");
  wrong[0].rank = -1;
  refused(runtime, &spec, SLUICE_INVALID_OPERANDS, "-1 dimensions");
  wrong[0].rank = 1, wrong[0].shape = NULL;
  refused(runtime, &spec, SLUICE_INVALID_ARGUMENT, "shape is NULL");
  wrong[0].shape = wrong[1].shape = long_row;
  spec.function = "softmax";
  refused(runtime, &spec, SLUICE_LIMIT_EXCEEDED, "columns");
}

// What each field does to the kernel, as the kernel tells.
static void test_fields(sluice_runtime* runtime) {
  const sluice_operand named[] = {{"y", SLUICE_U8, 1, kShape, 0.5, 3},
                                  {"x", SLUICE_I8, 1, kShape, 0.25, -1}};
  const sluice_operand halves[] = {OF_F32(2, kRows), OF_F32(2, kHalf)};
  const sluice_operand three[] = {OF_F32(1, kShape), OF_F32(1, kShape), OF_F32(1, kShape)};
  const sluice_operand summed[] = {OF_F32(1, kShape), OF_F32(0, NULL)};
  const sluice_parameter slope[] = {{"negative_slope", 0.5}};
  const char* const passed[] = {"negative_slope"};
  const char* const gradients[] = {"x"};
  sluice_spec spec = sluice_spec_default();
  sluice_kernel_info info;
  sluice_operand_info operand;
  sluice_program* program = NULL;
  sluice_kernel* kernel;
  info.size = sizeof info;
  operand.size = sizeof operand;

  spec.function = "relu", spec.operands = named, spec.operand_count = 2;
  kernel = made(runtime, &spec);
  OK(sluice_kernel_operand(kernel, 0, &operand));
  CHECK(strcmp(operand.name, "x") == 0 && operand.dtype == SLUICE_I8 && !operand.output);
  CHECK(operand.scale == 0.25 && operand.zero_point == -1);
  sluice_kernel_release(kernel);

  spec.function = "glu", spec.operands = halves, spec.operand_count = 2;
  spec.split = "x", spec.split_first = "up", spec.split_second = "gate", spec.axis = 1;
  kernel = made(runtime, &spec);
  OK(sluice_kernel_describe(kernel, &info));
  CHECK(!info.plain && info.operand_count == 2);
  sluice_kernel_release(kernel);

  spec = sluice_spec_default();
  spec.function = "leaky_relu", spec.operands = three, spec.operand_count = 2;
  spec.parameters = slope, spec.parameter_count = 1;
  kernel = made(runtime, &spec);
  OK(sluice_kernel_describe(kernel, &info));
  CHECK(info.passed_count == 0 && info.plain && strcmp(info.function, "leaky_relu") == 0);
  sluice_kernel_release(kernel);
  spec.parameter_count = 0, spec.passed = passed, spec.passed_count = 1;
  spec.pass = SLUICE_BACKWARD, spec.operand_count = 3, spec.accumulate = 1;
  spec.gradients = gradients, spec.gradient_count = 1;
  kernel = made(runtime, &spec);
  OK(sluice_kernel_describe(kernel, &info));
  CHECK(info.passed_count == 1 && info.pass == SLUICE_BACKWARD && info.operand_count == 3);
  sluice_kernel_release(kernel);

  spec = sluice_spec_default();
  spec.function = "sigmoid", spec.operands = summed, spec.operand_count = 2;
  spec.reduction = SLUICE_REDUCTION_MEAN, spec.empty = SLUICE_EMPTY_ZERO;
  spec.accuracy = 1e-3, spec.target = "interpreter", spec.check_indices = 0;
  kernel = made(runtime, &spec);
  OK(sluice_kernel_describe(kernel, &info));
  CHECK(!info.plain && info.rung == SLUICE_RUNG_INTERPRETER);
  CHECK(info.accuracy > 0 && info.accuracy <= 1e-3);
  sluice_kernel_release(kernel);

  spec = sluice_spec_default();
  OK(sluice_program_parse("fn mine(x) = x + 1", NULL, NULL, &program));
  spec.function = "mine", spec.operands = three, spec.operand_count = 2;
  refused(runtime, &spec, SLUICE_UNKNOWN_FUNCTION, "mine");
  spec.program = program, spec.denied = 1u << SLUICE_RUNG_X64 | 1u << SLUICE_RUNG_LLVM;
  kernel = made(runtime, &spec);
  sluice_program_release(program);
  OK(sluice_kernel_describe(kernel, &info));
  CHECK(info.rung == SLUICE_RUNG_INTERPRETER && isnan(info.forward_ulp));
  CHECK(strstr(info.rung_reason, "denied") != NULL && info.code == NULL);
  sluice_kernel_release(kernel);
}

void test_specs(void) {
  sluice_runtime* runtime = NULL;
  OK(sluice_runtime_create(NULL, &runtime));
  test_wrong_fields(runtime);
  test_fields(runtime);
  sluice_runtime_destroy(runtime);
}
