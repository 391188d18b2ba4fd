#pragma once
#include <optional>
#include <string>

#include "base/json.h"

namespace corollary {

// Which algorithm computes which product on a GPU. The choice is timed where a shape is first met, and another choice adds in another
// order: a run saves what it chose and loads it before it goes on, so that it computes the same bits.

/// {"library": version, "gpu": name, "products": {product: algorithm}}: all choices of this process so far.
Json matmul_choices();
/// Choices to use instead of timing. Ignored, with a warning, if they were made with another version of the library or on another GPU.
void load_matmul_choices(const Json& choices);

/// For cuda/matmul.cpp: the algorithm's bytes by the product's name.
std::optional<std::string> saved_matmul_choice(const std::string& product);
void remember_matmul_choice(const std::string& product, const std::string& algorithm);

}  // namespace corollary
