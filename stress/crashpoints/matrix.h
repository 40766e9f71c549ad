// One library as many compilers make it: the subjects below a directory, explored one after another.
#pragma once

#include <string>
#include <vector>

#include "crashpoints/options.h"

namespace radish::crashpoints {

/// What is to be explored, campaign by campaign: the options themselves, or those of each subject below
/// `compiler_matrix`, in the order of their names, with an equal share of the time. Throws std::runtime_error
/// if there is none.
[[nodiscard]] std::vector<Options> parts_of(const Options& options);

}  // namespace radish::crashpoints
