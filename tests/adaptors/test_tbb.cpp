#include <sluice/tbb.hpp>

#include "tests/adaptors/check.hpp"

int main() { return check(sluice::tbb_threads()) + check(sluice::tbb_threads(4)); }
