// Tensors of DLPack, in and out.
#include <string.h>

#include <sluice/dlpack.h>

#include "check.h"

static DLTensor of_type(float* data, int64_t* shape, uint8_t code, uint8_t bits) {
  DLTensor tensor;
  memset(&tensor, 0, sizeof tensor);
  tensor.data = data;
  tensor.device.device_type = kDLCPU;
  tensor.ndim = 2;
  tensor.dtype.code = code;
  tensor.dtype.bits = bits;
  tensor.dtype.lanes = 1;
  tensor.shape = shape;
  return tensor;
}

static void test_types(void) {
  static const struct {
    uint8_t code, bits;
    sluice_dtype dtype;
  } types[] = {{kDLFloat, 32, SLUICE_F32},   {kDLFloat, 64, SLUICE_F64}, {kDLFloat, 16, SLUICE_F16},
               {kDLBfloat, 16, SLUICE_BF16}, {kDLInt, 8, SLUICE_I8},     {kDLUInt, 8, SLUICE_U8},
               {kDLInt, 32, SLUICE_I32},     {kDLInt, 64, SLUICE_I64},   {6, 8, SLUICE_BOOL}};
  int64_t shape[] = {2, 3};
  float data[6];
  size_t i;
  for (i = 0; i < sizeof types / sizeof *types; ++i) {
    const DLTensor given = of_type(data, shape, types[i].code, types[i].bits);
    DLTensor back;
    sluice_tensor tensor;
    OK(sluice_tensor_from_dlpack(&given, &tensor));
    CHECK(tensor.dtype == types[i].dtype && tensor.rank == 2 && tensor.shape == shape);
    CHECK(tensor.data == data && tensor.strides == NULL && tensor.flags == 0);
    OK(sluice_tensor_to_dlpack(&tensor, &back));
    CHECK(back.dtype.code == types[i].code && back.dtype.bits == types[i].bits);
    CHECK(back.dtype.lanes == 1 && back.device.device_type == kDLCPU && back.data == data);
    CHECK(back.ndim == 2 && back.shape == shape && back.byte_offset == 0 && back.strides == NULL);
  }
}

static void test_refused(void) {
  int64_t shape[] = {2, 3};
  float data[6];
  sluice_tensor tensor = f32_tensor(data, 2, shape);
  DLTensor given = of_type(data, shape, kDLFloat, 8);
  REFUSED(sluice_tensor_from_dlpack(&given, &tensor), SLUICE_UNSUPPORTED, "code 2 and 8 bits");
  given = of_type(data, shape, kDLComplex, 64);
  REFUSED(sluice_tensor_from_dlpack(&given, &tensor), SLUICE_UNSUPPORTED, "code 5");
  given = of_type(data, shape, kDLFloat, 32);
  given.dtype.lanes = 4;
  REFUSED(sluice_tensor_from_dlpack(&given, &tensor), SLUICE_UNSUPPORTED, "4 lanes");
  given.dtype.lanes = 1, given.device.device_type = kDLCUDA;
  REFUSED(sluice_tensor_from_dlpack(&given, &tensor), SLUICE_UNSUPPORTED, "device");
  given.device.device_type = kDLCPU, given.ndim = 17;
  REFUSED(sluice_tensor_from_dlpack(&given, &tensor), SLUICE_INVALID_OPERANDS, "17 dimensions");
  given.ndim = -1;
  REFUSED(sluice_tensor_from_dlpack(&given, &tensor), SLUICE_INVALID_OPERANDS, "-1 dimensions");
  REFUSED(sluice_tensor_from_dlpack(NULL, &tensor), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_tensor_from_dlpack(&given, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  CHECK(tensor.data == data && tensor.dtype == SLUICE_F32);

  tensor.dtype = 12;
  REFUSED(sluice_tensor_to_dlpack(&tensor, &given), SLUICE_INVALID_OPERANDS, "type 12");
  tensor.dtype = SLUICE_F32, tensor.rank = 99;
  REFUSED(sluice_tensor_to_dlpack(&tensor, &given), SLUICE_INVALID_OPERANDS, "99 dimensions");
  REFUSED(sluice_tensor_to_dlpack(NULL, &given), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_tensor_to_dlpack(&tensor, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
}

// A call on DLPack's tensors: an offset in bytes, and strides.
static void test_call(void) {
  sluice_runtime* runtime = NULL;
  sluice_kernel* relu;
  float x[] = {99, -1, 2, -3, 4, -5, 6}, y[6] = {0};
  int64_t shape[] = {2, 3}, row_major[] = {3, 1}, transposed[] = {1, 2}, reversed[] = {-3, -1};
  DLTensor from = of_type(x, shape, kDLFloat, 32), to = of_type(y, shape, kDLFloat, 32);
  sluice_tensor tensors[2];
  OK(sluice_runtime_create(NULL, &runtime));
  relu = forward_kernel(runtime, "relu", 2, 3);
  from.byte_offset = sizeof(float);
  from.strides = row_major;
  OK(sluice_tensor_from_dlpack(&from, &tensors[0]));
  OK(sluice_tensor_from_dlpack(&to, &tensors[1]));
  CHECK(tensors[0].data == x + 1 && tensors[0].strides == row_major);
  OK(sluice_kernel_call(relu, tensors, 2, NULL));
  CHECK(y[0] == 0 && y[1] == 2 && y[5] == 6);
  from.strides = transposed;
  OK(sluice_tensor_from_dlpack(&from, &tensors[0]));
  OK(sluice_kernel_call(relu, tensors, 2, NULL));
  CHECK(y[0] == 0 && y[1] == 0 && y[2] == 0 && y[3] == 2 && y[4] == 4 && y[5] == 6);
  from.byte_offset = 6 * sizeof(float);
  from.strides = reversed;
  OK(sluice_tensor_from_dlpack(&from, &tensors[0]));
  OK(sluice_kernel_call(relu, tensors, 2, NULL));
  CHECK(y[0] == 6 && y[1] == 0 && y[2] == 4 && y[3] == 0 && y[4] == 2 && y[5] == 0);

  // No elements, and so no memory.
  shape[0] = 0;
  from.data = to.data = NULL;
  OK(sluice_tensor_from_dlpack(&from, &tensors[0]));
  OK(sluice_tensor_from_dlpack(&to, &tensors[1]));
  CHECK(tensors[0].data == NULL);
  OK(sluice_kernel_call(relu, tensors, 2, NULL));
  sluice_kernel_release(relu);
  sluice_runtime_destroy(runtime);
}

void test_dlpack(void) {
  test_types();
  test_refused();
  test_call();
}
