// What lies where in a valid image.
#pragma once

#include "fuzz/image_specimen.h"

namespace radish::image {

/// The image is valid: nothing that it says is doubted.
[[nodiscard]] Index index_of(Image& image);

}  // namespace radish::image
