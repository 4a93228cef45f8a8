// Tensors of a C caller as views, and tensors of other frameworks as the C interface's.
#include "runtime/c/tensor.hpp"

#include <algorithm>
#include <new>
#include <optional>
#include <string>
#include <type_traits>

#include <sluice/dlpack.h>

#include "runtime/c/boundary.hpp"

using namespace sluice;

namespace sluice::c {
namespace {

static_assert(SLUICE_MAX_RANK == TensorView::kMaxRank);
static_assert(std::is_trivially_destructible_v<TensorView>);

Error bad(std::size_t operand, const std::string& what) {
  return {Status::invalid_operands, "operand " + std::to_string(operand) + " " + what};
}

Outcome check(const sluice_tensor& tensor, std::size_t operand) {
  if (!dtype_of(tensor.dtype))
    return bad(operand, "has the element type " + std::to_string(tensor.dtype) + ", which is none");
  if (tensor.rank < 0 || tensor.rank > SLUICE_MAX_RANK)
    return bad(operand, "has " + std::to_string(tensor.rank) + " dimensions; there may be 0 to " +
                            std::to_string(SLUICE_MAX_RANK));
  if (tensor.rank > 0 && tensor.shape == nullptr) return bad(operand, "has no shape");
  if ((tensor.flags & ~std::uint32_t{SLUICE_TENSOR_CONSTANT}) != 0)
    return bad(operand, "has unknown flags");
  return Unit{};
}

}  // namespace

Outcome Views::set(const sluice_tensor* tensors, std::size_t count) {
  if (tensors == nullptr && count > 0)
    return Error{Status::invalid_argument, "the list of tensors is NULL"};
  if (count > kMaxOperands)
    return Error{Status::invalid_operands, "there are " + std::to_string(count) +
                                               " operands; no kernel has more than " +
                                               std::to_string(kMaxOperands)};
  for (std::size_t k = 0; k < count; ++k) {
    const sluice_tensor& from = tensors[k];
    if (Outcome ok = check(from, k); !ok.ok()) return ok;
    const std::span<const std::int64_t> shape(from.shape, static_cast<std::size_t>(from.rank));
    auto* view = new (room_.data() + k * sizeof(TensorView))
        TensorView(from.data, static_cast<Dtype>(from.dtype), shape);
    if (from.strides != nullptr) {
      view->stride_count = shape.size();
      std::copy_n(from.strides, shape.size(), view->strides.begin());
    }
    view->writable = (from.flags & SLUICE_TENSOR_CONSTANT) == 0;
  }
  count_ = count;
  return Unit{};
}

}  // namespace sluice::c

namespace {

// DLPack's type 6, which came with its version 0.8.
constexpr std::uint8_t kDlBool = 6;

struct DlType {
  sluice_dtype dtype;
  std::uint8_t code;
  std::uint8_t bits;
};

constexpr DlType kDlTypes[] = {
    {SLUICE_F32, kDLFloat, 32},   {SLUICE_F64, kDLFloat, 64}, {SLUICE_F16, kDLFloat, 16},
    {SLUICE_BF16, kDLBfloat, 16}, {SLUICE_I8, kDLInt, 8},     {SLUICE_U8, kDLUInt, 8},
    {SLUICE_I32, kDLInt, 32},     {SLUICE_I64, kDLInt, 64},   {SLUICE_BOOL, kDlBool, 8},
};

}  // namespace

extern "C" {

sluice_status sluice_tensor_from_dlpack(const DLTensor* from, sluice_tensor* tensor) {
  return c::guarded([&]() -> Outcome {
    if (from == nullptr) return c::null("the DLPack tensor");
    if (tensor == nullptr) return c::null("the place for the tensor");
    if (from->device.device_type != kDLCPU)
      return Error{Status::unsupported,
                   "the tensor is on a device of DLPack's type " +
                       std::to_string(static_cast<int>(from->device.device_type)) +
                       "; kernels read the processor's own memory (type 1)"};
    if (from->dtype.lanes != 1)
      return Error{Status::unsupported, "the tensor's elements have " +
                                            std::to_string(from->dtype.lanes) +
                                            " lanes; there may be 1"};
    if (from->ndim < 0 || from->ndim > SLUICE_MAX_RANK)
      return Error{Status::invalid_operands, "the tensor has " + std::to_string(from->ndim) +
                                                 " dimensions; there may be 0 to " +
                                                 std::to_string(SLUICE_MAX_RANK)};
    for (const DlType& type : kDlTypes)
      if (type.code == from->dtype.code && type.bits == from->dtype.bits) {
        auto* data = static_cast<std::byte*>(from->data);
        *tensor = sluice_tensor{data == nullptr ? nullptr : data + from->byte_offset,
                                from->shape,
                                from->strides,
                                from->ndim,
                                type.dtype,
                                0};
        return Unit{};
      }
    return Error{Status::unsupported, "there is no element type of DLPack's code " +
                                          std::to_string(from->dtype.code) + " and " +
                                          std::to_string(from->dtype.bits) + " bits"};
  });
}

sluice_status sluice_tensor_to_dlpack(const sluice_tensor* from, DLTensor* tensor) {
  return c::guarded([&]() -> Outcome {
    if (from == nullptr) return c::null("the tensor");
    if (tensor == nullptr) return c::null("the place for the DLPack tensor");
    if (from->rank < 0 || from->rank > SLUICE_MAX_RANK)
      return Error{Status::invalid_operands, "the tensor has " + std::to_string(from->rank) +
                                                 " dimensions; there may be 0 to " +
                                                 std::to_string(SLUICE_MAX_RANK)};
    for (const DlType& type : kDlTypes)
      if (type.dtype == from->dtype) {
        *tensor = DLTensor{from->data,
                           {kDLCPU, 0},
                           from->rank,
                           {type.code, type.bits, 1},
                           const_cast<std::int64_t*>(from->shape),
                           const_cast<std::int64_t*>(from->strides),
                           0};
        return Unit{};
      }
    return Error{Status::invalid_operands, "the tensor has the element type " +
                                               std::to_string(from->dtype) + ", which is none"};
  });
}

}  // extern "C"
