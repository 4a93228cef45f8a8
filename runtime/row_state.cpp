// The public object of a stream: what may be wrong with its use, and its bytes.
#include <sluice/row_state.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "runtime/call_checks.hpp"
#include "runtime/column_views.hpp"
#include "runtime/row_stream.hpp"

namespace sluice {
namespace {

constexpr std::int64_t kBlock = schedule::kBlockColumns;
constexpr std::int64_t kAllColumns = std::numeric_limits<std::int64_t>::min();

Error misuse(std::string message) { return {Status::invalid_argument, std::move(message)}; }
Error bad(std::string message) { return {Status::invalid_operands, std::move(message)}; }
std::string text(std::int64_t number) { return std::to_string(number); }
std::string multiple() { return "a multiple of " + text(kBlock); }

Error no_memory() {
  return {Status::out_of_memory, "there is no memory for the state of these rows"};
}

Error not_for(const StreamPlace& place, const StateKernel::Impl& kernel, const char* what) {
  const std::string levels = text(static_cast<std::int64_t>(kernel.levels));
  if (place.level < kernel.levels)
    return misuse(std::string("the state is at level ") +
                  text(static_cast<std::int64_t>(place.level) + 1) + " of " + levels + ", and " +
                  what + " comes after the last is finished");
  return misuse("the state's " + levels + " levels are finished: " + what + " comes before" +
                (kernel.written.empty() ? "" : "; the outputs are written with write()"));
}

}  // namespace

// The stream holds on to the kernel by reference.
struct RowState::Impl {
  StateKernel kernel;
  std::unique_ptr<RowStream> stream;
};

namespace {

std::string names(const KernelState& state, std::span<const std::size_t> operands) {
  std::string list;
  for (const std::size_t k : operands) list += (list.empty() ? "" : ", ") + state.operands[k].name;
  return list.empty() ? "none" : list;
}

Outcome check_count(const KernelState& state, std::span<const std::size_t> operands,
                    std::size_t given) {
  if (given == operands.size()) return Unit{};
  return bad("this takes " + text(static_cast<std::int64_t>(operands.size())) + " operands (" +
             names(state, operands) + "), and " + text(static_cast<std::int64_t>(given)) +
             " are given");
}

// The inputs that stand still.
Outcome add_still(ColumnViews& views, RowStream::Steps& steps, const StateKernel::Impl& kernel,
                  const RowStateOptions& options) {
  if (Outcome ok = check_count(kernel.state, kernel.still, options.inputs.size()); !ok.ok())
    return ok;
  for (std::size_t i = 0; i < kernel.still.size(); ++i) {
    const std::size_t k = kernel.still[i];
    const TensorView& view = options.inputs[i];
    if (Outcome ok = views.add(k, view); !ok.ok()) return ok;
    const bool one = kernel.state.spec->operands[k].extent == ir::Extent::scalar;
    if (view.count() != 1 && (one || view.count() != options.rows))
      return bad("the operand '" + kernel.state.operands[k].name + "' has " + text(view.count()) +
                 " elements; it must have one" +
                 (one ? "" : ", or one for each of the state's " + text(options.rows) + " rows"));
    steps[k] = view.count() == 1 ? 0 : kernel.element_size(k);
  }
  return Unit{};
}

// Whether the row has room for more columns.
Outcome check_end(const StreamPlace& place, std::int64_t columns) {
  const std::int64_t end = place.columns >= 0 ? place.columns : kMaxColumns;
  if (columns <= end - place.next) return Unit{};
  const std::string these = text(columns) + " more, after " + text(place.next);
  if (place.columns >= 0)
    return bad("the row has " + text(place.columns) + " columns, and these are " + these);
  return Error{Status::limit_exceeded,
               "a row has at most " + text(kMaxColumns) + " columns, and these are " + these};
}

Outcome check_options(const StateKernel::Impl& kernel, const RowStateOptions& options) {
  if (options.rows < 1) return misuse("a state has one row at least, not " + text(options.rows));
  if (options.rows > kMaxColumns)
    return Error{Status::limit_exceeded, "a state has at most " + text(kMaxColumns) + " rows"};
  if (options.first_column < 0 || options.first_column % kBlock != 0)
    return misuse("a state begins at " + multiple() + ", not at column " +
                  text(options.first_column) + ": shard_bounds() gives such columns");
  if (options.columns < -1 || options.columns > kMaxColumns || options.first_column > kMaxColumns)
    return Error{Status::limit_exceeded, "a row has at most " + text(kMaxColumns) + " columns"};
  if (options.columns >= 0 && options.first_column > options.columns)
    return misuse("the state begins at column " + text(options.first_column) +
                  " of a row that is to have " + text(options.columns));
  if (options.columns < 0 && (kernel.phases.empty() || kernel.phases.front() != 0))
    return misuse("the function asks for the row's width() before its first reduction: give it as "
                  "the option 'columns'");
  return Unit{};
}

}  // namespace

RowState::RowState(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RowState::RowState(RowState&& other) noexcept = default;
RowState& RowState::operator=(RowState&& other) noexcept = default;
RowState::~RowState() = default;

Result<RowState> RowState::make(const StateKernel& kernel, const RowStateOptions& options) {
  const StateKernel::Impl& impl = *kernel.impl_;
  if (Outcome ok = check_options(impl, options); !ok.ok()) return ok.error();
  std::array<std::uint64_t, kMaxPassed> params{};
  if (Outcome ok = fill_slots(impl.kernel, impl.state, options.params, params); !ok.ok())
    return ok.error();
  ColumnViews views(impl.state, options.rows);
  RowStream::Steps steps{};
  if (Outcome ok = add_still(views, steps, impl, options); !ok.ok()) return ok.error();
  StreamPlace place;
  place.rows = options.rows;
  place.row_index = options.row_index;
  place.columns = options.columns;
  place.first = place.next = options.first_column;
  place.kept_from = options.first_column / kBlock;
  auto stream = RowStream::make(impl, place);
  if (!stream) return no_memory();
  stream->begin(views.buffers, steps, params.data());
  return RowState(std::make_unique<Impl>(Impl{kernel, std::move(stream)}));
}

Outcome RowState::update(std::span<const TensorView> elements) {
  return update_columns(elements, 0, kAllColumns);
}

Outcome RowState::update_columns(std::span<const TensorView> elements, std::int64_t first,
                                 std::int64_t count) {
  RowStream& stream = *impl_->stream;
  const StateKernel::Impl& kernel = stream.kernel();
  const StreamPlace& place = stream.place;
  if (place.level >= kernel.levels) return not_for(place, kernel, "update()");
  if (Outcome ok = check_count(kernel.state, kernel.streamed, elements.size()); !ok.ok()) return ok;
  ColumnViews views(kernel.state, place.rows);
  for (std::size_t i = 0; i < elements.size(); ++i)
    if (Outcome ok = views.add_columns(kernel.streamed[i], elements[i]); !ok.ok()) return ok;
  if (count == kAllColumns) count = views.columns;
  if (Outcome ok = views.take(kernel.streamed, first, count); !ok.ok()) return ok;
  if (Outcome ok = check_end(place, count); !ok.ok()) return ok;
  if (!stream.reserve(place.next + count)) return no_memory();
  stream.update(views.buffers, views.row_steps, count);
  return Unit{};
}

Outcome RowState::merge(const RowState& right) {
  RowStream& stream = *impl_->stream;
  const StateKernel::Impl& kernel = stream.kernel();
  const StreamPlace& mine = stream.place;
  const StreamPlace& other = right.impl_->stream->place;
  if (kernel.fingerprint != right.impl_->stream->kernel().fingerprint)
    return misuse("the states are of different kernels: '" + std::string(kernel.kernel.function()) +
                  "' and '" + std::string(right.impl_->stream->kernel().kernel.function()) +
                  "', or the same for other operands, parameters or targets");
  if (mine.level != other.level)
    return misuse(
        "the states are at different levels: " + text(static_cast<std::int64_t>(mine.level)) +
        " and " + text(static_cast<std::int64_t>(other.level)) + " are finished");
  if (mine.level >= kernel.levels) return not_for(mine, kernel, "merge()");
  if (mine.rows != other.rows)
    return misuse("the states have " + text(mine.rows) + " and " + text(other.rows) + " rows");
  if (mine.columns != other.columns || mine.origin != other.origin)
    return misuse("the states began with different inputs, parameters, row indices or columns");
  if (other.empty() && other.first >= mine.next) return Unit{};
  if (mine.next % kBlock != 0)
    return misuse("the state ends at column " + text(mine.next) +
                  ", within a block: one that another follows must end at " + multiple() +
                  ", as the shards of shard_bounds() do");
  if (mine.next != other.first)
    return misuse("the states are no neighbours: this one ends at column " + text(mine.next) +
                  ", the other begins at column " + text(other.first));
  if (!stream.reserve(other.next)) return no_memory();
  stream.append(*right.impl_->stream);
  return Unit{};
}

Outcome RowState::finish(std::span<const TensorView> outputs) {
  RowStream& stream = *impl_->stream;
  const StateKernel::Impl& kernel = stream.kernel();
  const StreamPlace& place = stream.place;
  if (place.level >= kernel.levels) return not_for(place, kernel, "finish()");
  if (place.first != 0)
    return misuse("the state begins at column " + text(place.first) +
                  ": merge it with those of the columns before, whose first one is finished");
  if (place.columns >= 0 && place.next != place.columns)
    return misuse("the state has " + text(place.next) + " of the row's " + text(place.columns) +
                  " columns");
  if (place.level + 1 < kernel.levels && !outputs.empty())
    return misuse("the row's outputs are known when the last of " +
                  text(static_cast<std::int64_t>(kernel.levels)) + " levels is finished");
  if (!outputs.empty())
    if (Outcome ok = check_count(kernel.state, kernel.row_outputs, outputs.size()); !ok.ok())
      return ok;
  ColumnViews views(kernel.state, place.rows);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (Outcome ok = views.add(kernel.row_outputs[i], outputs[i]); !ok.ok()) return ok;
  stream.end_level();
  return outputs.empty() ? Outcome(Unit{}) : row_outputs(outputs);
}

Outcome RowState::row_outputs(std::span<const TensorView> outputs) const {
  RowStream& stream = *impl_->stream;
  const StateKernel::Impl& kernel = stream.kernel();
  if (stream.place.level < kernel.levels) return not_for(stream.place, kernel, "row_outputs()");
  if (Outcome ok = check_count(kernel.state, kernel.row_outputs, outputs.size()); !ok.ok())
    return ok;
  ColumnViews views(kernel.state, stream.place.rows);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (Outcome ok = views.add_row_output(kernel.row_outputs[i], outputs[i]); !ok.ok()) return ok;
  stream.store_outputs(views.buffers);
  return Unit{};
}

Outcome RowState::begin_at(std::int64_t column) {
  StreamPlace& place = impl_->stream->place;
  const StateKernel::Impl& kernel = impl_->stream->kernel();
  const bool writes = place.level >= kernel.levels;
  if (place.level == 0 && !writes)
    return misuse("where the first level begins is an option of the state");
  if (!place.empty() && !writes)
    return misuse("the level has begun: the state has columns " + text(place.first) + " to " +
                  text(place.next) + " of it");
  const bool beyond = column > (place.columns >= 0 ? place.columns : kMaxColumns);
  if (column < 0 || beyond || (!writes && column % kBlock != 0))
    return misuse("a level goes on at " + (writes ? "a column of the row" : multiple()) +
                  (place.columns >= 0 ? ", from 0 to " + text(place.columns) : "") + ", not at " +
                  text(column));
  place.first = place.next = column;
  return Unit{};
}

Outcome RowState::write(std::span<const TensorView> elements) {
  return write_columns(elements, 0, kAllColumns);
}

Outcome RowState::write_columns(std::span<const TensorView> elements, std::int64_t first,
                                std::int64_t count) {
  RowStream& stream = *impl_->stream;
  const StateKernel::Impl& kernel = stream.kernel();
  const StreamPlace& place = stream.place;
  if (kernel.written.empty())
    return misuse("the kernel of '" + std::string(kernel.kernel.function()) +
                  "' has no outputs of one value an element");
  if (place.level < kernel.levels) return not_for(place, kernel, "write()");
  std::array<std::size_t, kMaxOperands> operands;
  auto end = std::copy(kernel.streamed.begin(), kernel.streamed.end(), operands.begin());
  end = std::copy(kernel.written.begin(), kernel.written.end(), end);
  const std::span<const std::size_t> all(operands.begin(), end);
  if (Outcome ok = check_count(kernel.state, all, elements.size()); !ok.ok()) return ok;
  ColumnViews views(kernel.state, place.rows);
  for (std::size_t i = 0; i < all.size(); ++i)
    if (Outcome ok = views.add_columns(all[i], elements[i]); !ok.ok()) return ok;
  if (Outcome ok = views.check_overlaps(all); !ok.ok()) return ok;
  if (count == kAllColumns) count = views.columns;
  if (Outcome ok = views.take(all, first, count); !ok.ok()) return ok;
  if (Outcome ok = check_end(place, count); !ok.ok()) return ok;
  if (!stream.reserve(place.next + count)) return no_memory();
  stream.write(views.buffers, views.row_steps, count);
  return Unit{};
}

std::int64_t RowState::rows() const { return impl_->stream->place.rows; }
std::int64_t RowState::first_column() const { return impl_->stream->place.first; }
std::int64_t RowState::next_column() const { return impl_->stream->place.next; }
std::int64_t RowState::columns() const { return impl_->stream->place.columns; }
std::size_t RowState::level() const { return impl_->stream->place.level; }

namespace {

// "sluistat", as bytes of a machine of the same order.
constexpr std::uint64_t kMagic = 0x7461747369756c73u;
constexpr std::uint64_t kFormat = 1;

struct Header {
  std::uint64_t magic = kMagic;
  std::uint64_t format = kFormat;
  std::uint64_t fingerprint = 0;
  std::uint64_t checksum = 0;  // of all that follows
  StreamPlace place;
};
static_assert(std::is_trivially_copyable_v<Header> && sizeof(StreamPlace) == 9 * 8);

// Whether a state can be there, and its memory can be as large as the bytes say.
bool possible(const StreamPlace& place, const StateKernel::Impl& kernel, std::size_t bytes) {
  const auto most = static_cast<std::int64_t>(bytes / kernel.sizes.cells);
  const bool reading = place.level < kernel.levels;
  if (place.rows < 1 || place.rows > most || place.level > kernel.levels) return false;
  if (place.columns < -1 || place.columns > kMaxColumns) return false;
  // The first level's end tells them.
  if (place.level > 0 && place.columns < 0) return false;
  const std::int64_t end = place.columns >= 0 ? place.columns : kMaxColumns;
  if (place.first < 0 || place.first > place.next || place.next > end) return false;
  if (reading && place.first % kBlock != 0) return false;
  if (place.level == 0 && reading)
    return place.kept_from == place.first / kBlock &&
           place.kept_blocks == place.next / kBlock - place.kept_from;
  return place.kept_from == 0 && place.kept_blocks >= 0 &&
         place.kept_blocks <= composed::block_count(end);
}

std::size_t size_of_bytes(RowStream& stream) {
  std::size_t bytes = sizeof(Header);
  stream.visit_bytes([&](const void*, std::size_t count) { bytes += count; });
  return bytes;
}

}  // namespace

std::vector<std::byte> RowState::bytes() const {
  RowStream& stream = *impl_->stream;
  std::vector<std::byte> bytes(size_of_bytes(stream));
  std::byte* to = bytes.data() + sizeof(Header);
  stream.visit_bytes([&](const std::byte* from, std::size_t count) {
    if (count != 0) std::memcpy(to, from, count);
    to += count;
  });
  Header header;
  header.fingerprint = stream.kernel().fingerprint;
  header.place = stream.place;
  std::memcpy(bytes.data(), &header, sizeof header);
  header.checksum = checksum(std::span(bytes).subspan(offsetof(Header, place)));
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

Result<RowState> RowState::from_bytes(const StateKernel& kernel, std::span<const std::byte> bytes) {
  Header header;
  const auto damaged = [](const char* how) {
    return Error{Status::io_error, std::string("the bytes of the state are damaged: ") + how};
  };
  if (bytes.size() < sizeof header) return misuse("these bytes are no state: there are too few");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kMagic || header.format != kFormat)
    return misuse("these bytes are no state, or one of another version or byte order");
  if (header.fingerprint != kernel.impl_->fingerprint)
    return misuse("the state is of another kernel: function, operands, parameters, target and "
                  "version must be the same");
  if (header.checksum != checksum(bytes.subspan(offsetof(Header, place))))
    return damaged("their checksum is another");
  if (!possible(header.place, *kernel.impl_, bytes.size()))
    return damaged("no state has such a place");
  auto stream = RowStream::make(*kernel.impl_, header.place);
  if (!stream) return no_memory();
  if (size_of_bytes(*stream) != bytes.size()) return damaged("their number is another");
  const std::byte* from = bytes.data() + sizeof header;
  stream->visit_bytes([&](std::byte* to, std::size_t count) {
    if (count != 0) std::memcpy(to, from, count);
    from += count;
  });
  return RowState(std::make_unique<Impl>(Impl{kernel, std::move(stream)}));
}

}  // namespace sluice
