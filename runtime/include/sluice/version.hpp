// The version of Sluice.
#pragma once

#include <sluice/version.h>

namespace sluice {

inline constexpr char kVersion[] = SLUICE_VERSION;

}  // namespace sluice
