#include <sluice/openmp.hpp>

#include "tests/adaptors/check.hpp"

int main() { return check(sluice::openmp_threads()) + check(sluice::openmp_threads(4)); }
