// An activation of one's own in a C99 program: text in, its value and its derivative out, and what
// is said of a text that is wrong.
#include <stdio.h>

#include <sluice/sluice.h>

enum { kCount = 4 };
static const int64_t kShape[] = {kCount};

static int failed(const char* what) {
  fprintf(stderr, "%s: %s\n", what, sluice_message());
  return 1;
}

static sluice_tensor tensor(float* data) {
  const sluice_tensor view = {data, kShape, NULL, 1, SLUICE_F32, 0};
  return view;
}

// The kernel of a pass of `star`: forward has x and y, backward x, dy and dx.
static sluice_kernel* compile(sluice_runtime* runtime, sluice_pass pass) {
  const sluice_operand f32 = {NULL, SLUICE_F32, 1, kShape, 0, 0};
  sluice_operand operands[3];
  sluice_spec spec = sluice_spec_default();
  sluice_kernel* kernel = NULL;
  operands[0] = operands[1] = operands[2] = f32;
  spec.function = "star";
  spec.pass = pass;
  spec.operands = operands;
  spec.operand_count = pass == SLUICE_FORWARD ? 2 : 3;
  if (sluice_runtime_compile(runtime, &spec, &kernel) != SLUICE_OK) failed("compile");
  return kernel;
}

static int run(const sluice_kernel* star, const sluice_kernel* slope) {
  float x[kCount] = {-1, 0, 1, 2}, dy[kCount] = {1, 1, 1, 1}, y[kCount], dx[kCount];
  sluice_tensor forward[2], backward[3];
  int i;
  forward[0] = tensor(x), forward[1] = tensor(y);
  backward[0] = tensor(x), backward[1] = tensor(dy), backward[2] = tensor(dx);
  if (sluice_kernel_call(star, forward, 2, NULL) != SLUICE_OK) return failed("star");
  if (sluice_kernel_call(slope, backward, 3, NULL) != SLUICE_OK) return failed("its derivative");
  for (i = 0; i < kCount; ++i) printf("star(%g) = %g, star'(%g) = %g\n", x[i], y[i], x[i], dx[i]);
  return 0;
}

int main(void) {
  sluice_runtime* runtime = NULL;
  sluice_kernel *star, *slope;
  int status = 1;
  if (sluice_runtime_create(NULL, &runtime) != SLUICE_OK) return failed("runtime");

  // The message says where the text is wrong, and what was meant.
  if (sluice_runtime_define(runtime, "fn star(x) = relu(x", "star.slu") == SLUICE_INVALID_SOURCE)
    printf("%s", sluice_message());

  if (sluice_runtime_define(runtime, "fn star(x; s = 0.8944, b = -0.4472) = s * max(x, 0)^2 + b",
                            "star.slu") != SLUICE_OK) {
    failed("define");
  } else {
    star = compile(runtime, SLUICE_FORWARD);
    slope = compile(runtime, SLUICE_BACKWARD);
    if (star != NULL && slope != NULL) status = run(star, slope);
    sluice_kernel_release(star);
    sluice_kernel_release(slope);
  }
  sluice_runtime_destroy(runtime);
  return status;
}
