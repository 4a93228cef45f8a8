// Tensors of other frameworks: DLPack's structure to Sluice's and back, without a copy. In C99;
// needs DLPack's own header.
#ifndef SLUICE_DLPACK_H
#define SLUICE_DLPACK_H

#include <dlpack/dlpack.h>

#include <sluice/sluice.h>

#ifdef __cplusplus
extern "C" {
#endif

// A view of the elements of `from`, whose shape and strides it borrows. Errors: SLUICE_UNSUPPORTED
// for memory that is not the processor's, elements of several lanes, and types that Sluice has not;
// SLUICE_INVALID_OPERANDS for an impossible number of dimensions. Threads: any.
SLUICE_API sluice_status sluice_tensor_from_dlpack(const DLTensor* from, sluice_tensor* tensor);

// The reverse; bool is DLPack's type 6. What is made borrows shape and strides, and cannot say that
// elements are constant. Errors: SLUICE_INVALID_OPERANDS. Threads: any.
SLUICE_API sluice_status sluice_tensor_to_dlpack(const sluice_tensor* from, DLTensor* tensor);

#ifdef __cplusplus
}
#endif

#endif
