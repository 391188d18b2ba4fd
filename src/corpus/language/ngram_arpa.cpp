// Reading ARPA files into our tables.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <unordered_set>

#include "base/error.h"
#include "corpus/language/ngram_tables.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::int64_t kNoLimit = std::int64_t{1} << 50;  // all of it is in memory anyway

class ArpaReader {
 public:
  ArpaReader(const std::function<const std::string_view*()>& next, const std::string& where) : next_(next), where_(where) {}

  std::string read() {
    read_counts();
    NgramImageBuilder builder(order_, false, false, kNoLimit, fs::temp_directory_path());
    bool is_closed = true;
    for (int n = 1; n <= order_; ++n) {
      expect(line_ == "\\" + std::to_string(n) + "-grams:", "the section of n-grams of the next order should begin here");
      std::unordered_set<std::uint64_t> keys;
      std::int64_t count = 0;
      for (advance(); !line_.empty() && line_[0] != '\\'; advance(false)) {
        const std::uint64_t key = read_ngram(n, builder);
        is_closed = is_closed && (n == 1 || shorter_.contains(shorter_key_));
        expect(keys.insert(key).second, "an n-gram stands here a second time");
        ++count;
      }
      expect(count == counts_[static_cast<std::size_t>(n - 1)], "there are more or fewer n-grams than \\data\\ says");
      shorter_ = std::move(keys);
      if (line_.empty()) advance();
    }
    expect(line_ == "\\end\\", "\\end\\ should stand here");
    std::string image;
    builder.finish([&](const void* data, std::size_t bytes) { image.append(static_cast<const char*>(data), bytes); });
    if (is_closed) {
      NgramImageHeader header;
      std::memcpy(&header, image.data(), sizeof header);
      header.is_closed = 1;
      std::memcpy(image.data(), &header, sizeof header);
    }
    return image;
  }

 private:
  void expect(bool ok, const char* what) const { check(ok, "", where_, ":", number_, ": not an ARPA file as it should be: ", what); }

  /// The next line without blanks around it; at the end of the file "", twice Error.
  void advance(bool skips_empty = true) {
    do {
      const std::string_view* got = next_();
      expect(got != nullptr, "the file ends before \\end\\");
      ++number_;
      line_ = trim(*got);
    } while (skips_empty && line_.empty());
  }

  void read_counts() {
    // SRILM lets remarks stand before \data\; but a file that is something else should not be read through.
    for (advance(); line_ != "\\data\\"; advance()) expect(number_ < 1000, "no \\data\\ in the first thousand lines");
    for (advance(); line_.starts_with("ngram "); advance()) {
      const std::size_t sign = line_.find('=');
      expect(sign != std::string_view::npos, "a count of n-grams should stand here");
      std::int64_t n = 0, count = -1;
      const std::string_view left = trim(line_.substr(6, sign - 6)), right = trim(line_.substr(sign + 1));
      std::from_chars(left.data(), left.data() + left.size(), n);
      std::from_chars(right.data(), right.data() + right.size(), count);
      expect(n == static_cast<std::int64_t>(counts_.size()) + 1 && n <= kMaxNgramOrder && count >= 0, "orders must be 1 to 6, one after another");
      counts_.push_back(count);
    }
    order_ = static_cast<int>(counts_.size());
    expect(order_ >= 1, "there are no counts of n-grams");
  }

  std::string_view take_field() {
    while (!line_.empty() && (line_[0] == ' ' || line_[0] == '\t')) line_.remove_prefix(1);
    const std::size_t end = std::min(line_.find_first_of(" \t"), line_.size());
    const std::string_view field = line_.substr(0, end);
    line_.remove_prefix(end);
    return field;
  }
  float take_number(const char* what) {
    const std::string_view field = take_field();
    float value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    const bool is_huge = error == std::errc::result_out_of_range;
    expect((error == std::errc() || is_huge) && end == field.data() + field.size() && !std::isnan(value), what);
    return std::isinf(value) || is_huge ? -99 : value;
  }

  std::uint64_t read_ngram(int n, NgramImageBuilder& builder) {
    const float probability = take_number("a log probability should stand here");
    std::array<std::string_view, kMaxNgramOrder> words;
    for (int i = 0; i < n; ++i) {
      words[static_cast<std::size_t>(i)] = take_field();
      expect(!words[static_cast<std::size_t>(i)].empty(), "a word is missing");
    }
    float backoff = 0;
    if (!line_.empty()) backoff = take_number("a backoff should stand here");
    expect(line_.empty(), "there is something after the backoff");
    std::uint64_t key = ngram_word_key(words[static_cast<std::size_t>(n - 1)]);
    for (int i = n - 2; i >= 0; --i) {
      shorter_key_ = key;
      key = extend_ngram_key(key, ngram_word_key(words[static_cast<std::size_t>(i)]));
    }
    builder.add(n, key, probability, backoff);
    return key;
  }

  const std::function<const std::string_view*()>& next_;
  std::string where_;
  std::string_view line_;
  std::int64_t number_ = 0;
  std::vector<std::int64_t> counts_;
  int order_ = 0;
  std::unordered_set<std::uint64_t> shorter_;  ///< keys of the order before
  std::uint64_t shorter_key_ = 0;              ///< of the n-gram just read, without its first word
};

}  // namespace

std::string image_of_arpa(const std::function<const std::string_view*()>& next, const std::string& where) { return ArpaReader(next, where).read(); }

}  // namespace corollary
