// The interpreter's loops for every processor.
#define SLUICE_KERNEL_TABLE kBaselineKernels
#include "compiler/backend/interpreter/kernels.inc"
