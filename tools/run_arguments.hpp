// The words of `sluice run`, as they stand on the command line, and what is said of bad ones.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/status.hpp>

namespace sluice::tools {

struct RunArguments {
  std::string function;
  std::string pass = "forward";
  std::vector<std::string> inputs;       // NAME=FILE.npy or NAME=1,2,3
  std::vector<std::string> values;       // of x; at most one
  std::vector<std::string> parameters;   // NAME=VALUE
  std::vector<std::string> gradients;    // of outputs: NAME=FILE.npy or NAME=1,2,3
  std::vector<std::string> outputs;      // NAME=FILE.npy
  std::vector<std::string> accumulated;  // of gradients: NAME=FILE.npy or NAME=1,2,3
  std::vector<std::string> dtypes;       // NAME=TYPE
  std::vector<std::string> splits;
  std::vector<std::string> quantisations;  // NAME=SCALE,ZERO
  std::vector<std::string> library_files;
  std::string wanted;  // --wrt: NAME,...; empty: every number input
  std::string reduction = "none";
  std::string saved = "inputs";
  std::string empty = "nan";
  std::string target;
  std::string accuracy;
  std::int64_t axis = -1;
  std::size_t threads = 1;
  std::int64_t piece = 0;  // 0: not given
  bool check_indices = false;
  bool json = false;
};

struct Assignment {
  std::string name;
  std::string value;
};

// Calls `use` with the two sides of every NAME=... of an option.
[[nodiscard]] Outcome each(const std::vector<std::string>& texts, std::string_view option,
                           const std::function<Outcome(const Assignment&)>& use);

// Errors of the kinds that arguments have.
[[nodiscard]] Error misuse(std::string message);
[[nodiscard]] Error unknown(std::string message);

// Whether an option's word is one that it knows and that this version can do.
[[nodiscard]] Outcome check_options(const RunArguments& arguments);

}  // namespace sluice::tools
