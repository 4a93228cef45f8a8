#include "tools/run_stream.hpp"

#include <algorithm>
#include <optional>

namespace sluice::tools {
namespace {

using Bytes = std::vector<std::byte>;

std::size_t piece_bytes(const RunPlan& plan, Dtype dtype) {
  const std::int64_t count = std::clamp(element_count(plan.result), std::int64_t{1}, kPiece);
  return static_cast<std::size_t>(count) * size_of(dtype);
}

struct Reader {
  OperandStream stream;
  Bytes piece;
};

struct Sink {
  std::optional<NpyWriter> file;      // nothing: kept in memory
  std::optional<OperandStream> held;  // what the elements are added to
  Bytes kept;
  Bytes piece;
  Dtype dtype;

  Outcome put(std::int64_t count) {
    const auto elements =
        std::span<const std::byte>(piece).first(static_cast<std::size_t>(count) * size_of(dtype));
    if (file) return file->append(elements);
    kept.insert(kept.end(), elements.begin(), elements.end());
    return Unit{};
  }
};

class Stream {
 public:
  Stream(RunPlan plan, const Kernel& kernel, const Parallel& parallel)
      : plan_(std::move(plan)), kernel_(kernel), parallel_(parallel) {
    readers_.reserve(plan_.inputs.size());
    for (RunInput& input : plan_.inputs)
      readers_.push_back({OperandStream(std::move(input.source), input.dtype, plan_.result),
                          Bytes(piece_bytes(plan_, input.dtype))});
  }

  Result<std::vector<Bytes>> run() && {
    if (Outcome opened = open_sinks(); !opened) return opened.error();
    collect_buffers();
    const std::int64_t count = element_count(plan_.result);
    for (std::int64_t first = 0; first < count; first += kPiece)
      if (Outcome done = run_piece(first, std::min(kPiece, count - first)); !done)
        return done.error();
    if (Outcome published = publish(); !published) return published.error();
    std::vector<Bytes> kept;
    for (Sink& sink : sinks_) kept.push_back(std::move(sink.kept));
    return kept;
  }

 private:
  Outcome open_sinks() {
    for (RunOutput& output : plan_.outputs) {
      Sink sink{
          std::nullopt, std::nullopt, {}, Bytes(piece_bytes(plan_, output.dtype)), output.dtype};
      if (output.held) sink.held.emplace(std::move(*output.held), output.dtype, plan_.result);
      if (!output.path.empty()) {
        Result<NpyWriter> file = NpyWriter::create(output.path, output.dtype, output.shape);
        if (!file) return file.error();
        sink.file = std::move(file).value();
      }
      sinks_.push_back(std::move(sink));
    }
    return Unit{};
  }

  // The kernel's buffers in its own order.
  void collect_buffers() {
    for (const OperandInfo& operand : kernel_.operands()) {
      for (std::size_t i = 0; i < plan_.inputs.size(); ++i)
        if (!operand.output && plan_.inputs[i].name == operand.name)
          buffers_.push_back(readers_[i].piece.data());
      for (std::size_t i = 0; i < plan_.outputs.size(); ++i)
        if (operand.output && plan_.outputs[i].name == operand.name)
          buffers_.push_back(sinks_[i].piece.data());
    }
  }

  Outcome run_piece(std::int64_t first, std::int64_t count) {
    for (Reader& reader : readers_)
      if (Outcome filled = reader.stream.fill(first, count, reader.piece); !filled) return filled;
    for (Sink& sink : sinks_)
      if (sink.held)
        if (Outcome filled = sink.held->fill(first, count, sink.piece); !filled) return filled;
    if (Outcome called = call(count); !called) return called;
    for (Sink& sink : sinks_)
      if (Outcome put = sink.put(count); !put) return put;
    return Unit{};
  }

  Outcome call(std::int64_t count) {
    std::vector<TensorView> views;
    for (std::size_t k = 0; k < buffers_.size(); ++k) {
      const OperandInfo& operand = kernel_.operands()[k];
      const std::int64_t shape[] = {count};
      views.emplace_back(buffers_[k], operand.dtype,
                         std::span<const std::int64_t>(shape, operand.scalar ? 0 : 1));
    }
    return kernel_.call(views, {}, parallel_);
  }

  Outcome publish() {
    for (Sink& sink : sinks_)
      if (sink.file)
        if (Outcome finished = sink.file->finish(); !finished) return finished;
    for (Sink& sink : sinks_)
      if (sink.file)
        if (Outcome published = sink.file->publish(); !published) return published;
    return Unit{};
  }

  RunPlan plan_;
  const Kernel& kernel_;
  const Parallel& parallel_;
  std::vector<Reader> readers_;
  std::vector<Sink> sinks_;
  std::vector<void*> buffers_;
};

}  // namespace

Result<std::vector<Bytes>> stream(RunPlan plan, const Kernel& kernel, const Parallel& parallel) {
  return Stream(std::move(plan), kernel, parallel).run();
}

}  // namespace sluice::tools
