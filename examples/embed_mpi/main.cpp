// The last layer of a language model whose vocabulary is sharded among the ranks of MPI: each has
// the logits of some words, and all compute the loss of every token and its gradient together.
//
//   mpirun -n 4 embed_mpi
//
// What it prints is the same on any number of ranks, to the last bit.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include <mpi.h>

#include <sluice/mpi.hpp>
#include <sluice/sluice.hpp>

namespace {

constexpr std::int64_t kTokens = 8, kWords = 128256;

// A logit as a model would give it, in (-8, 8).
float logit(std::int64_t token, std::int64_t word) {
  std::uint32_t bits = static_cast<std::uint32_t>(token * kWords + word) * 2654435761u;
  bits = (bits ^ bits >> 15) * 2246822519u;
  return static_cast<float>(bits >> 8) / 1048576.0f - 8;
}

// One number of all gradients, whoever has them.
std::uint64_t digest(const std::vector<float>& gradient, std::int64_t begin, std::int64_t words) {
  std::uint64_t own = 0, all = 0;
  for (std::int64_t token = 0; token < kTokens; ++token)
    for (std::int64_t word = 0; word < words; ++word) {
      std::uint32_t bits = 0;
      std::memcpy(&bits, &gradient[static_cast<std::size_t>(token * words + word)], sizeof bits);
      const auto place = static_cast<std::uint64_t>(token * kWords + begin + word);
      own ^= (place << 32 | bits) * 0x9e3779b97f4a7c15u;
    }
  MPI_Allreduce(&own, &all, 1, MPI_UINT64_T, MPI_BXOR, MPI_COMM_WORLD);
  return all;
}

int fail(const sluice::Error& error) {
  std::fprintf(stderr, "embed_mpi: %s\n", error.message.c_str());
  return 1;
}

int run() {
  const auto ranks = sluice::mpi::ranks_of(MPI_COMM_WORLD);
  if (!ranks.ok()) return fail(ranks.error());

  // The kernel is that of whole rows; a rank that could not compile it would tell the others. Ranks
  // on processors of different kinds would name a target that all of them have.
  const auto x = sluice::f32({kTokens, kWords}, "x"), dx = sluice::f32({kTokens, kWords}, "dx");
  const auto loss = sluice::f32({kTokens}, "loss"), grad = sluice::f32({kTokens}, "grad_loss");
  const sluice::OperandSpec target{sluice::Dtype::i64, {kTokens}, "target"};
  sluice::Runtime runtime;
  const auto kernel = sluice::ShardedKernel::make(
      *ranks, runtime.compile({.function = "cross_entropy",
                               .pass = sluice::forward_backward,
                               .operands = {x, target, grad, loss, dx}}));
  if (!kernel.ok()) return fail(kernel.error());

  // The vocabulary is cut evenly, as the matrix product before this would have it.
  const auto of_all = static_cast<std::int64_t>(ranks->count);
  const auto rank = static_cast<std::int64_t>(ranks->rank);
  const std::int64_t begin = kWords * rank / of_all, words = kWords * (rank + 1) / of_all - begin;
  std::vector<float> logits(static_cast<std::size_t>(kTokens * words)), gradient(logits.size());
  for (std::int64_t token = 0; token < kTokens; ++token)
    for (std::int64_t word = 0; word < words; ++word)
      logits[static_cast<std::size_t>(token * words + word)] = logit(token, begin + word);

  std::vector<std::int64_t> targets;  // words of the whole vocabulary, known to all ranks
  for (std::int64_t token = 0; token < kTokens; ++token) targets.push_back(token * 15999);
  std::vector<float> losses(kTokens);
  const std::vector<float> mean(kTokens, 1.0f / kTokens);
  const sluice::TensorView operands[] = {
      {static_cast<const void*>(logits.data()), sluice::Dtype::f32, {kTokens, words}},
      {static_cast<const void*>(targets.data()), sluice::Dtype::i64, {kTokens}},
      mean,
      losses,
      {static_cast<void*>(gradient.data()), sluice::Dtype::f32, {kTokens, words}}};
  if (auto called = kernel->call(operands, {.realign = true}); !called.ok())
    return fail(called.error());

  const std::uint64_t all = digest(gradient, begin, words);
  if (ranks->rank != 0) return 0;
  for (const float each : losses) std::printf("loss %.9g\n", static_cast<double>(each));
  std::printf("gradient %016llx\n", static_cast<unsigned long long>(all));
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  MPI_Init(&count, &arguments);
  const int failed = run();
  MPI_Finalize();
  return failed;
}
