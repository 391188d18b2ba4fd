#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace corollary {

/// A Jupyter notebook (format 4) as Markdown: text cells as they are, code in ```LANGUAGE fences, text outputs as indented blocks.
/// All outputs of a cell go if one is an image or an error; so do images, <video>, <script> and <iframe> in the text. nullopt if
/// the bytes are no such notebook.
std::optional<std::string> notebook_to_markdown(std::string_view bytes);

}  // namespace corollary
