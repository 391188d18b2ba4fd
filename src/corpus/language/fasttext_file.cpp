#include "corpus/language/fasttext_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"

namespace corollary {
namespace {

constexpr std::int32_t kMagic = 793712314, kVersion = 12;
constexpr std::int64_t kCentroids = 256;
constexpr std::int32_t kMaxDim = 1 << 14;        // fastText's own models have 16 to 300
constexpr std::int32_t kMaxRun = 64;             // of characters or words: the work on a text is proportional to it
constexpr std::size_t kMaxWordBytes = 1 << 20;
constexpr std::string_view kLabel = "__label__";
static_assert(std::endian::native == std::endian::little, "model files are little-endian");

class Cursor {
 public:
  Cursor(std::string_view bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  template <class T>
  T take(const char* what) {
    T value;
    std::memcpy(&value, block(sizeof value, what), sizeof value);
    return value;
  }
  bool flag(const char* what) {
    const auto value = take<unsigned char>(what);
    expect(value <= 1, what);
    return value == 1;
  }
  const char* block(std::size_t count, const char* what) {
    check(count <= bytes_.size() - at_, "", where_, ": ends inside ", what, ": needs ", count, " bytes at ", at_, ", the file has ",
          bytes_.size(), ": fetch the model again");
    const char* here = bytes_.data() + at_;
    at_ += count;
    return here;
  }
  /// count * size bytes, without overflow.
  const char* array(std::int64_t count, std::size_t size, const char* what) {
    expect(count >= 0 && static_cast<std::uint64_t>(count) <= bytes_.size() / size, what);
    return block(static_cast<std::size_t>(count) * size, what);
  }
  std::string_view text(const char* what) {
    const std::size_t end = bytes_.substr(at_, kMaxWordBytes).find('\0');
    expect(end != std::string_view::npos, what);
    const std::string_view out = bytes_.substr(at_, end);
    at_ += end + 1;
    return out;
  }
  void expect(bool ok, const char* what) const {
    check(ok, "", where_, ": no fastText model, or a damaged one: ", what, " near byte ", at_);
  }
  std::size_t at() const { return at_; }

 private:
  std::string_view bytes_;
  std::string where_;
  std::size_t at_ = 0;
};

float float_at(const char* floats, std::int64_t index) {
  float value;
  std::memcpy(&value, floats + 4 * index, 4);
  return value;
}

std::vector<float> copy_floats(Cursor& in, std::int64_t count, const char* what) {
  std::vector<float> out(static_cast<std::size_t>(count));
  const char* from = in.array(count, 4, what);
  if (count > 0) std::memcpy(out.data(), from, 4 * out.size());
  return out;
}

FastTextMatrix read_dense(Cursor& in, const char* what) {
  FastTextMatrix out;
  out.rows = in.take<std::int64_t>(what), out.columns = in.take<std::int64_t>(what);
  in.expect(out.rows >= 0 && out.columns > 0 && out.columns <= kMaxDim && out.rows <= (std::int64_t{1} << 40), what);
  out.floats = in.array(out.rows * out.columns, 4, what);
  return out;
}

/// dim, parts, size of a part and of the last, then the centroids.
std::vector<float> read_quantizer(Cursor& in, std::int64_t columns, std::int64_t* parts, std::int64_t* part_size, const char* what) {
  const std::int64_t dim = in.take<std::int32_t>(what);
  *parts = in.take<std::int32_t>(what), *part_size = in.take<std::int32_t>(what);
  const std::int64_t last = in.take<std::int32_t>(what);
  in.expect(dim == columns && *parts > 0 && *part_size > 0 && *part_size <= dim && *parts <= dim, what);
  in.expect(last > 0 && last <= *part_size && (*parts - 1) * *part_size + last == dim, what);
  return copy_floats(in, dim * kCentroids, what);
}

FastTextMatrix read_quantized(Cursor& in, const char* what) {
  FastTextMatrix out;
  const bool has_norms = in.flag(what);
  out.rows = in.take<std::int64_t>(what), out.columns = in.take<std::int64_t>(what);
  in.expect(out.rows >= 0 && out.columns > 0 && out.columns <= kMaxDim && out.rows <= (std::int64_t{1} << 40), what);
  const std::int64_t code_bytes = in.take<std::int32_t>(what);
  out.codes = reinterpret_cast<const unsigned char*>(in.array(code_bytes, 1, what));
  out.centroids = read_quantizer(in, out.columns, &out.parts, &out.part_size, what);
  in.expect(code_bytes == out.rows * out.parts, what);
  if (has_norms) {
    out.norm_codes = reinterpret_cast<const unsigned char*>(in.array(out.rows, 1, what));
    std::int64_t parts = 0, size = 0;
    out.norms = read_quantizer(in, 1, &parts, &size, what);
  }
  return out;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

void FastTextMatrix::add_row(std::int64_t row, float* sum) const {
  if (floats) {
    const char* from = floats + 4 * row * columns;
    for (std::int64_t i = 0; i < columns; ++i) sum[i] += float_at(from, i);
    return;
  }
  const float norm = norm_codes ? norms[norm_codes[row]] : 1;
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t begin = part * part_size, size = std::min(part_size, columns - begin);  // the last part may be shorter
    const float* centroid = centroids.data() + begin * kCentroids + size * codes[row * parts + part];
    for (std::int64_t i = 0; i < size; ++i) sum[begin + i] += norm * centroid[i];
  }
}

double FastTextMatrix::dot_row(std::int64_t row, const float* vector) const {
  double sum = 0;
  if (floats) {
    const char* from = floats + 4 * row * columns;
    for (std::int64_t i = 0; i < columns; ++i) sum += double{float_at(from, i)} * double{vector[i]};
    return sum;
  }
  const float norm = norm_codes ? norms[norm_codes[row]] : 1;
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t begin = part * part_size, size = std::min(part_size, columns - begin);
    const float* centroid = centroids.data() + begin * kCentroids + size * codes[row * parts + part];
    for (std::int64_t i = 0; i < size; ++i) sum += double{vector[begin + i]} * double{centroid[i]};
  }
  return norm * sum;
}

FastTextFile::FastTextFile(const fs::path& path) : mapped_(path), where_(path.string()) { read(); }
FastTextFile::FastTextFile(std::string bytes, const std::string& where) : owned_(std::move(bytes)), where_(where), is_owned_(true) {
  // A short string moves with its object, and the pointers into it would not.
  if (owned_.size() < 64) owned_.reserve(64);
  read();
}

std::string_view FastTextFile::bytes() const { return is_owned_ ? std::string_view(owned_) : mapped_.text(); }
std::string_view FastTextFile::word(std::int32_t id) const {
  const Entry& entry = entries_[static_cast<std::size_t>(id)];
  return bytes().substr(entry.offset, entry.length);
}
std::string_view FastTextFile::label(std::size_t index) const {
  std::string_view name = word(words + static_cast<std::int32_t>(index));
  if (name.starts_with(kLabel)) name.remove_prefix(kLabel.size());
  return name;
}

void FastTextFile::read() {
  Cursor in(bytes(), where_);
  in.expect(in.take<std::int32_t>("magic number") == kMagic, "the magic number is another");
  const auto version = in.take<std::int32_t>("version");
  in.expect(version == kVersion || version == kVersion - 1, "its version is neither 11 nor 12");
  std::int32_t settings[12];  // dim ws epoch minCount neg wordNgrams loss model bucket minn maxn lrUpdateRate
  for (std::int32_t& setting : settings) setting = in.take<std::int32_t>("settings");
  in.take<double>("settings");
  dim = settings[0], word_ngrams = settings[5], bucket = settings[8], min_chars = settings[9], max_chars = settings[10];
  in.expect(settings[7] == 3, "it is no supervised model");
  in.expect(settings[6] >= 1 && settings[6] <= 4, "its loss is not known");
  loss_ = static_cast<Loss>(settings[6]);
  if (version == kVersion - 1) max_chars = 0;  // such files say 6 and mean none
  in.expect(dim > 0 && dim <= kMaxDim, "the dimension is out of range");
  in.expect(word_ngrams >= 0 && word_ngrams <= kMaxRun && max_chars >= 0 && max_chars <= kMaxRun && min_chars >= 0,
            "the length of n-grams is out of range");
  in.expect(bucket >= 0 && (bucket > 0 || (word_ngrams <= 1 && max_chars == 0)), "it has n-grams but no buckets");

  const auto size = in.take<std::int32_t>("dictionary");
  words = in.take<std::int32_t>("dictionary");
  const auto labels = in.take<std::int32_t>("dictionary");
  in.take<std::int64_t>("dictionary");
  pruned_rows = in.take<std::int64_t>("dictionary");
  in.expect(words >= 0 && labels > 0 && std::int64_t{words} + labels == size, "the dictionary's counts do not add up");
  in.expect(static_cast<std::size_t>(size) <= bytes().size() / 10, "the dictionary is larger than the file");
  entries_.reserve(static_cast<std::size_t>(size));
  for (std::int32_t i = 0; i < size; ++i) {
    const std::size_t offset = in.at();
    const std::string_view text = in.text("dictionary");
    const auto count = in.take<std::int64_t>("dictionary");
    const auto type = in.take<unsigned char>("dictionary");
    in.expect(type == (i >= words), "words must come before labels");
    in.expect(count >= 0, "a count is negative");
    entries_.push_back({offset, static_cast<std::uint32_t>(text.size()), count});
  }
  in.expect(pruned_rows >= -1 && pruned_rows <= static_cast<std::int64_t>(bytes().size() / 8), "the number of pruned rows is out of range");
  if (pruned_rows > 0) {
    pruned_.assign(std::bit_ceil(2 * static_cast<std::size_t>(pruned_rows)), {0, 0});
    for (std::int64_t i = 0; i < pruned_rows; ++i) {
      const auto key = in.take<std::int32_t>("pruned rows"), row = in.take<std::int32_t>("pruned rows");
      in.expect(key >= 0 && key < std::max(bucket, 1) && row >= 0 && row < pruned_rows, "a pruned row is out of range");
      const auto stored = static_cast<std::uint32_t>(key) + 1;
      std::size_t slot = stored * 0x9E3779B97F4A7C15u >> 20 & (pruned_.size() - 1);
      while (pruned_[slot].first != 0 && pruned_[slot].first != stored) slot = (slot + 1) & (pruned_.size() - 1);
      pruned_[slot] = {stored, row};
    }
  }

  const bool is_input_quantized = in.flag("input matrix");
  input = is_input_quantized ? read_quantized(in, "input matrix") : read_dense(in, "input matrix");
  const bool is_output_quantized = in.flag("output matrix") && is_input_quantized;
  output = is_output_quantized ? read_quantized(in, "output matrix") : read_dense(in, "output matrix");
  in.expect(input.columns == dim && output.columns == dim, "a matrix has another dimension than the model");
  const bool has_ngrams = max_chars > 0 || word_ngrams > 1;
  in.expect(input.rows >= words + (!has_ngrams ? 0 : pruned_rows >= 0 ? pruned_rows : bucket), "the input matrix has too few rows");
  in.expect(output.rows >= labels, "the output matrix has too few rows");
  if (loss_ == Loss::hierarchical) build_tree();
}

std::int64_t FastTextFile::bucket_row(std::uint32_t index) const {
  if (pruned_rows < 0) return std::int64_t{words} + index;
  if (pruned_rows == 0) return -1;
  const std::uint32_t stored = index + 1;
  std::size_t slot = stored * 0x9E3779B97F4A7C15u >> 20 & (pruned_.size() - 1);
  while (pruned_[slot].first != stored) {
    if (pruned_[slot].first == 0) return -1;
    slot = (slot + 1) & (pruned_.size() - 1);
  }
  return std::int64_t{words} + pruned_[slot].second;
}

/// Huffman's tree over the counts of the labels, which the file has in falling order: two queues, leaves from the back.
void FastTextFile::build_tree() {
  const auto labels = static_cast<std::int32_t>(label_count());
  const std::int64_t nodes = 2 * std::int64_t{labels} - 1;
  tree_.assign(static_cast<std::size_t>(nodes), Node{-1, -1, -1, std::int64_t{1'000'000'000'000'000}});  // as fastText has it
  for (std::int32_t i = 0; i < labels; ++i) tree_[static_cast<std::size_t>(i)].count = entries_[static_cast<std::size_t>(words + i)].count;
  std::int32_t leaf = labels - 1, node = labels;
  for (std::int32_t i = labels; i < nodes; ++i) {
    std::int32_t smallest[2];
    for (std::int32_t& least : smallest) {
      if (leaf >= 0 && tree_[static_cast<std::size_t>(leaf)].count < tree_[static_cast<std::size_t>(node)].count)
        least = leaf--;
      else
        least = node++;
      check(least < i, "", where_, ": the counts of its labels make no tree: a damaged model");
    }
    Node& made = tree_[static_cast<std::size_t>(i)];
    made.left = smallest[0], made.right = smallest[1];
    const std::int64_t a = tree_[static_cast<std::size_t>(made.left)].count, b = tree_[static_cast<std::size_t>(made.right)].count;
    made.count = a > std::int64_t{1} << 61 || b > std::int64_t{1} << 61 ? std::int64_t{1} << 62 : a + b;
    for (const std::int32_t least : smallest) tree_[static_cast<std::size_t>(least)].parent = i;
  }
}

std::vector<double> FastTextFile::label_probabilities(std::span<const float> hidden) const {
  const auto labels = static_cast<std::int64_t>(label_count());
  std::vector<double> out(static_cast<std::size_t>(labels));
  if (loss_ == Loss::hierarchical) {
    std::vector<double> at_node(tree_.size());
    at_node.back() = 1;
    for (std::size_t i = tree_.size(); i-- > static_cast<std::size_t>(labels);) {  // children stand before their parents
      const double right = sigmoid(output.dot_row(static_cast<std::int64_t>(i) - labels, hidden.data()));
      at_node[static_cast<std::size_t>(tree_[i].left)] = at_node[i] * (1 - right);
      at_node[static_cast<std::size_t>(tree_[i].right)] = at_node[i] * right;
    }
    std::copy_n(at_node.begin(), labels, out.begin());
    return out;
  }
  for (std::int64_t i = 0; i < labels; ++i) out[static_cast<std::size_t>(i)] = output.dot_row(i, hidden.data());
  if (loss_ == Loss::softmax) {
    const double highest = *std::ranges::max_element(out);
    double sum = 0;
    for (double& x : out) sum += x = std::exp(x - highest);
    for (double& x : out) x /= sum;
  } else {
    for (double& x : out) x = sigmoid(x);
  }
  return out;
}

}  // namespace corollary
