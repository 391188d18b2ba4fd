#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corpus/web/mathml_symbols.h"

namespace corollary {

/// LaTeX of one formula under construction. Whether braces or \left are needed shows only after what they enclose has been written,
/// so they are noted and put in at the end: time stays linear however deep the formula.
class LatexWriter {
 public:
  explicit LatexWriter(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Appends, with a blank between a control word and a letter.
  void put(std::string_view piece);
  /// Appends letters in an alphabet: \mathbf{a} and \mathbf{b} that follow each other become \mathbf{ab}.
  void put_letters(MathFont font, std::string_view letters);
  /// Where the next piece begins; letters are not joined across it.
  std::size_t mark();
  /// `text` will stand at a mark(), before what was inserted there earlier.
  void insert(std::size_t at, std::string_view text) {
    insertions_.push_back({at, insertions_.size(), text});
    inserted_bytes_ += text.size();
  }
  /// Takes back what was put since a mark(); nothing may have been inserted behind it.
  void take_back(std::size_t at);
  std::size_t size() const { return out_.size(); }
  /// What was put since a mark().
  std::string_view since(std::size_t at) const { return std::string_view(out_).substr(at); }
  bool is_full() const { return out_.size() + inserted_bytes_ > max_bytes_; }
  /// Whether letters of one alphabet are all that was put since a mark().
  bool is_one_word(std::size_t at) const { return letters_end_ != 0 && letters_end_ == out_.size() && letters_start_ == at; }
  std::string finish();

 private:
  struct Insertion {
    std::size_t at, order;
    std::string_view text;  // of static life
  };
  std::string out_;
  std::vector<Insertion> insertions_;
  std::size_t max_bytes_, inserted_bytes_ = 0, letters_start_ = 0, letters_end_ = 0;
  MathFont letters_font_ = MathFont::kDefault;
  bool ends_in_word_ = false;
};

}  // namespace corollary
