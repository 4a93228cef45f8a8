#include "tools/run_sinks.hpp"

#include <utility>

namespace sluice::tools {

Result<RunSinks> RunSinks::open(const std::vector<RunOutput>& outputs) {
  RunSinks sinks;
  for (const RunOutput& output : outputs) {
    sinks.files_.emplace_back();
    sinks.kept_.emplace_back();
    if (output.path.empty()) continue;
    Result<NpyWriter> file = NpyWriter::create(output.path, output.dtype, output.shape);
    if (!file) return file.error();
    sinks.files_.back() = std::move(file).value();
  }
  return sinks;
}

Outcome RunSinks::put(std::size_t output, std::span<const std::byte> elements) {
  if (files_[output]) return files_[output]->append(elements);
  kept_[output].insert(kept_[output].end(), elements.begin(), elements.end());
  return Unit{};
}

Result<std::vector<RunSinks::Bytes>> RunSinks::publish() && {
  for (auto& file : files_)
    if (file)
      if (Outcome finished = file->finish(); !finished) return finished.error();
  for (auto& file : files_)
    if (file)
      if (Outcome published = file->publish(); !published) return published.error();
  return std::move(kept_);
}

}  // namespace sluice::tools
