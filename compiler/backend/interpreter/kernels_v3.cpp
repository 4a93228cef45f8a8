// The interpreter's loops for x86-64-v3 (AVX2, FMA).
#define SLUICE_KERNEL_TABLE kV3Kernels
#include "compiler/backend/interpreter/kernels.inc"
