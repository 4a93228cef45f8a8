// A plan as bytes and back, so that a row kernel can be made again without its program.
#include <tuple>
#include <utility>

#include "compiler/backend/composed/plan.hpp"
#include "support/bytes.hpp"

namespace sluice::composed {

constexpr auto fields(Type<Slot>) { return std::tuple(&Slot::kind, &Slot::index); }
constexpr auto fields(Type<Section>) { return std::tuple(&Section::kernel, &Section::slots); }
constexpr auto fields(Type<Reduction>) {
  return std::tuple(&Reduction::op, &Reduction::from, &Reduction::cell);
}
constexpr auto fields(Type<Pick>) { return std::tuple(&Pick::buffer, &Pick::column, &Pick::cell); }
constexpr auto fields(Type<Stage>) { return std::tuple(&Stage::section, &Stage::picks); }
constexpr auto fields(Type<PassPlan>) {
  return std::tuple(&PassPlan::before, &PassPlan::columns, &PassPlan::reductions);
}
constexpr auto fields(Type<Merge>) { return std::tuple(&Merge::op, &Merge::from, &Merge::cell); }
constexpr auto fields(Type<KeptByBlock>) {
  return std::tuple(&KeptByBlock::cell, &KeptByBlock::array);
}
constexpr auto fields(Type<Reduced>) { return std::tuple(&Reduced::cell, &Reduced::op); }
constexpr auto fields(Type<PhasePlan>) {
  using P = PhasePlan;
  return std::tuple(&P::before, &P::restored, &P::passes, &P::reduced, &P::kept, &P::merges,
                    &P::picks, &P::block, &P::block_slots, &P::combine);
}
constexpr auto fields(Type<RowOperand>) {
  return std::tuple(&RowOperand::buffer, &RowOperand::cell, &RowOperand::dtype,
                    &RowOperand::integer);
}
constexpr auto fields(Type<RowKernel::Plan>) {
  using P = RowKernel::Plan;
  return std::tuple(&P::whole, &P::own_rows, &P::across, &P::wide, &P::lanes, &P::dtypes,
                    &P::inputs, &P::outputs, &P::width_cell, &P::row_index_cell,
                    &P::across_broadcast, &P::once, &P::phases, &P::cells, &P::temps, &P::kept,
                    &P::kept_by_block, &P::largest_section, &P::largest_state,
                    &P::largest_reductions, &P::block_workspace);
}

namespace {

// Of a kernel whether there is one, and its number.
struct Writer : ByteWriter<Writer> {
  using ByteWriter<Writer>::ByteWriter;
  using ByteWriter<Writer>::operator();
  void operator()(const ElementKernel& kernel) { number(kernel); }
  void operator()(const BlockKernel& kernel) {
    number(kernel);
    if (kernel.run) (*this)(kernel.workspace_bytes);
  }

 private:
  void number(const auto& kernel) {
    (*this)(bool{kernel.run});
    if (kernel.run) (*this)(kernel.number);
  }
};

struct Reader : ByteReader<Reader> {
  Reader(std::span<const std::uint8_t> bytes, const KernelsByNumber& given)
      : ByteReader<Reader>(bytes), kernels(given) {}
  using ByteReader<Reader>::operator();
  void operator()(ElementKernel& kernel) {
    if (number(kernel)) bind(kernel, kernels.element(kernel.number));
  }
  void operator()(BlockKernel& kernel) {
    if (!number(kernel)) return;
    (*this)(kernel.workspace_bytes);
    bind(kernel, kernels.block(kernel.number));
  }

 private:
  [[nodiscard]] bool number(auto& kernel) {
    bool is_there = false;
    (*this)(is_there);
    if (is_there) (*this)(kernel.number);
    return is_there;
  }
  void bind(auto& kernel, auto run) {
    if (!run) fail();
    kernel.run = std::move(run);
  }
  const KernelsByNumber& kernels;
};

}  // namespace

std::vector<std::uint8_t> RowKernel::plan_bytes() const {
  std::vector<std::uint8_t> bytes;
  Writer writer(bytes);
  writer(*plan_);
  return bytes;
}

std::optional<RowKernel> RowKernel::from_plan_bytes(std::span<const std::uint8_t> bytes,
                                                    const KernelsByNumber& kernels) {
  auto plan = std::make_shared<Plan>();
  Reader reader(bytes, kernels);
  reader(*plan);
  if (!reader.ok()) return std::nullopt;
  return RowKernel(std::move(plan));
}

}  // namespace sluice::composed
