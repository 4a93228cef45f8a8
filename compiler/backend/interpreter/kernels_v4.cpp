// The interpreter's loops for x86-64-v4 (AVX-512).
#define SLUICE_KERNEL_TABLE kV4Kernels
#include "compiler/backend/interpreter/kernels.inc"
