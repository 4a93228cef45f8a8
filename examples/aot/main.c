/* Kernels made at build time: this program holds no compiler, and nothing of Sluice's. */
#include <stdio.h>

#include <acts.h>

enum { kCount = 5 };

static void show(const char* what, const float* values) {
  int i;
  printf("%-12s", what);
  for (i = 0; i < kCount; ++i) printf(" %8.4f", (double)values[i]);
  printf("\n");
}

int main(void) {
  const float x[kCount] = {-2, -0.5F, 0, 1, 2};
  const float up[kCount] = {1, 2, 3, 4, 5};
  const float ones[kCount] = {1, 1, 1, 1, 1};
  float y[kCount];
  float dx[kCount];
  float dup[kCount];
  char workspace[256];
  if (!acts_available()) {
    printf("this processor has none of the targets that the library was made for\n");
    return 1;
  }
  show("x", x);
  acts_star_f32(x, y, 0.8944F, -0.4472F, kCount);
  show("star", y);
  acts_star_backward_f32(x, ones, dx, 0.8944F, -0.4472F, kCount);
  show("star'", dx);
  acts_gated_f32(x, up, y, kCount);
  show("gated", y);
  acts_gated_backward_f32(x, up, ones, dx, dup, kCount);
  show("by x", dx);
  show("by up", dup);
  acts_quick_f32(x, y, kCount);
  show("quick", y);
  if (acts_weights_f32_workspace(kCount) > sizeof workspace) return 1;
  acts_weights_f32(x, kCount, y, kCount, 1, kCount, workspace); /* one row */
  show("weights", y);
  return 0;
}
