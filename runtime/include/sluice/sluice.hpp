// Everything of the C++ interface but the C++ expression front end (<sluice/expr.hpp>).
#pragma once

#include <sluice/dtype.hpp>
#include <sluice/hooks.hpp>
#include <sluice/kernel.hpp>
#include <sluice/pass.hpp>
#include <sluice/program.hpp>
#include <sluice/row_state.hpp>
#include <sluice/runtime.hpp>
#include <sluice/sharded.hpp>
#include <sluice/spec.hpp>
#include <sluice/spec_list.hpp>
#include <sluice/status.hpp>
#include <sluice/tensor.hpp>
#include <sluice/version.hpp>
