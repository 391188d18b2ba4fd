#include "corpus/language/ngram_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/compress.h"
#include "base/error.h"
#include "corpus/language/ngram_tables.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::size_t kBlock = 64;  // words looked up together, so that their waits for memory overlap

bool is_image(std::string_view bytes) { return bytes.starts_with(std::string_view(NgramImageHeader().magic.data(), 8)); }

std::unique_ptr<NgramModel::Tables> tables_of(const std::function<const std::string_view*()>& lines, const std::string& where) {
  auto tables = std::make_unique<NgramModel::Tables>();
  tables->owned = image_of_arpa(lines, where);
  tables->read_image(tables->owned, where);
  return tables;
}

}  // namespace

double NgramScore::perplexity() const {
  return words == 0 ? std::numeric_limits<double>::infinity() : std::pow(10.0, -log10 / static_cast<double>(words));
}

void NgramModel::Tables::read_image(std::string_view bytes, const std::string& where) {
  const auto expect = [&](bool ok, const char* what) {
    check(ok, "", where, ": no n-gram model of ours, or a damaged one: ", what, ": train it again");
  };
  NgramImageHeader header;
  expect(bytes.size() >= sizeof header, "the file is shorter than its header");
  std::memcpy(&header, bytes.data(), sizeof header);
  expect(header.version == 1, "its version is not 1");
  expect(header.order >= 1 && header.order <= kMaxNgramOrder, "its order is out of range");
  expect(header.is_quantized <= 1 && header.is_closed <= 1, "its flags are out of range");
  expect(header.longest_probe <= 1 << 20, "its longest probe is out of range");
  order = static_cast<int>(header.order);
  layout = header.is_quantized ? Layout::packed : Layout::full;
  is_closed = header.is_closed;
  longest_probe = header.longest_probe;
  std::uint64_t at = sizeof header;
  for (std::size_t n = 0; n < header.order; ++n) {
    Table& table = tables[n];
    table.slots = header.slots[n], table.count = header.cells[n], table.ngrams = header.ngrams[n];
    table.stride = header.is_quantized ? sizeof(PackedNgramCell) : sizeof(NgramCell);
    if (header.is_quantized) {
      expect(bytes.size() - at >= 8 * kNgramLevels, "it ends early");
      table.probabilities = reinterpret_cast<const float*>(bytes.data() + at);
      table.backoffs = table.probabilities + kNgramLevels;
      at += 8 * kNgramLevels;
    }
    expect(table.slots > 0 && table.slots < table.count && table.ngrams < table.count, "its tables have no room");
    expect(table.count <= (bytes.size() - at) / table.stride, "it ends early");
    table.cells = bytes.data() + at;
    at += table.count * table.stride;
  }
  expect(at == bytes.size(), "it is longer than its header says");
  resolve_special_words();
}

std::uint64_t NgramModel::Tables::word_hash(std::string_view word) const {
  return layout == Layout::kenlm ? murmur64a(word) : ngram_word_key(word);
}

NgramModel::Tables::Found NgramModel::Tables::find(int n, std::uint64_t key) const {
  const Table& table = tables[static_cast<std::size_t>(n - 1)];
  const std::uint64_t start = slot_of(table, key);
  if (layout == Layout::kenlm) {
    for (std::uint64_t i = 0; i <= longest_probe && i < table.count; ++i) {
      const char* cell = table.cells + (start + i < table.count ? start + i : start + i - table.count) * table.stride;
      std::uint64_t there;
      std::memcpy(&there, cell, 8);
      if (there == key) {
        Found out{true};
        std::memcpy(&out.probability, cell + 8, 4);
        out.probability = -std::fabs(out.probability);  // the sign says whether a longer one exists
        if (n < order) std::memcpy(&out.backoff, cell + 12, 4);
        return out;
      }
      if (there == 0) return {};
    }
    return {};
  }
  const std::uint64_t last = std::min(start + longest_probe, table.count - 1);
  if (layout == Layout::packed) {
    const std::uint64_t wanted = std::max<std::uint64_t>(key << 16 >> 16, 1);
    for (std::uint64_t at = start; at <= last; ++at) {
      PackedNgramCell cell;
      std::memcpy(&cell, table.cells + at * sizeof cell, sizeof cell);
      if (cell >> 16 == wanted) return {true, table.probabilities[cell >> 8 & 255], table.backoffs[cell & 255]};
      if (cell == 0) return {};
    }
    return {};
  }
  for (std::uint64_t at = start; at <= last; ++at) {
    NgramCell cell;
    std::memcpy(&cell, table.cells + at * sizeof cell, sizeof cell);
    if (cell.key == key) return {true, cell.probability, cell.backoff};
    if (cell.key == 0) return {};
  }
  return {};
}

NgramModel::Tables::Found NgramModel::Tables::find_word(std::uint64_t hash, std::uint64_t* code) const {
  Found found;
  if (layout == Layout::kenlm) {
    const std::uint64_t start = hash % kenlm_words.slots;
    std::uint32_t number = 0;
    for (std::uint64_t i = 0; i < kenlm_words.count && number == 0; ++i) {
      const char* cell = kenlm_words.cells + (start + i) % kenlm_words.count * kenlm_words.stride;
      std::uint64_t there;
      std::memcpy(&there, cell, 8);
      if (there == hash) std::memcpy(&number, cell + 8, 4);
      if (there == 0) break;
    }
    if (number > 0 && number < kenlm_bound) {
      float values[2];
      std::memcpy(values, kenlm_unigrams + 8 * std::uint64_t{number}, 8);
      *code = number;
      return {true, -std::fabs(values[0]), values[1]};
    }
  } else if (found = find(1, hash); found.is_found) {
    *code = hash;
    return found;
  }
  *code = unknown;
  return {false, unknown_probability, unknown_backoff};
}

void NgramModel::Tables::resolve_special_words() {
  if (layout == Layout::kenlm) {
    float values[2];
    std::memcpy(values, kenlm_unigrams, 8);
    unknown = 0, unknown_probability = -std::fabs(values[0]), unknown_backoff = values[1];
  } else {
    unknown = word_hash("<unk>");
    for (const char* name : {"<UNK>", "<unk>"})
      if (const Found found = find(1, word_hash(name)); found.is_found)
        unknown = word_hash(name), unknown_probability = found.probability, unknown_backoff = found.backoff;
  }
  find_word(word_hash("<s>"), &begin);
  find_word(word_hash("</s>"), &end);
}

NgramModel::NgramModel(const fs::path& path) {
  MappedFile mapped(path);
  if (is_image(mapped.text()) || is_kenlm_binary(mapped.text())) {
    auto tables = std::make_unique<Tables>();
    tables->mapped = std::move(mapped);
    const std::string_view bytes = tables->mapped.text();
    is_image(bytes) ? tables->read_image(bytes, path.string()) : tables->read_kenlm(bytes, path.string());
    tables_ = std::move(tables);
    return;
  }
  LineReader reader(path);
  std::optional<std::string_view> line;
  tables_ = tables_of(
      [&]() -> const std::string_view* {
        line = reader.next();
        return line ? &*line : nullptr;
      },
      path.string());
}

NgramModel::NgramModel(std::string bytes, const std::string& where) {
  if (is_image(bytes) || is_kenlm_binary(bytes)) {
    auto tables = std::make_unique<Tables>();
    tables->owned = std::move(bytes);
    is_image(tables->owned) ? tables->read_image(tables->owned, where) : tables->read_kenlm(tables->owned, where);
    tables_ = std::move(tables);
    return;
  }
  std::string_view rest = bytes, line;
  tables_ = tables_of(
      [&]() -> const std::string_view* {
        if (rest.empty()) return nullptr;
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        return &line;
      },
      where);
}
NgramModel::~NgramModel() = default;
NgramModel::NgramModel(NgramModel&&) noexcept = default;
NgramModel& NgramModel::operator=(NgramModel&&) noexcept = default;

int NgramModel::order() const { return tables_->order; }
std::int64_t NgramModel::ngrams(int order) const { return static_cast<std::int64_t>(tables_->tables[static_cast<std::size_t>(order - 1)].ngrams); }

namespace {

/// The last words and what their n-grams give to the next word.
class Scorer {
 public:
  explicit Scorer(const NgramModel::Tables& tables) : tables_(tables), codes_(kBlock + kMaxNgramOrder) {}

  void start_with(std::uint64_t code, float backoff) {
    codes_[0] = code;
    known_ = 1;
    backoffs_.fill(0);
    backoffs_[1] = backoff;
  }

  /// log10 of each of the words with these hashes in turn, added up; at most kBlock.
  double take(std::span<const std::uint64_t> hashes, std::int64_t* unknown) {
    const int order = tables_.order;
    std::array<NgramModel::Tables::Found, kBlock> words;
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      words[i] = tables_.find_word(hashes[i], &codes_[known_ + i]);
      *unknown += !words[i].is_found;
    }
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      const std::size_t at = known_ + i;
      std::uint64_t key = codes_[at];
      for (int n = 2; n <= std::min(order, static_cast<int>(at) + 1); ++n) {
        key = tables_.extend(key, codes_[at - static_cast<std::size_t>(n) + 1]);
        keys_[i][static_cast<std::size_t>(n)] = key;
        tables_.prefetch(tables_.tables[static_cast<std::size_t>(n - 1)], key);
      }
    }
    double sum = 0;
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      const int longest = std::min(order, static_cast<int>(known_ + i) + 1);
      float probability = words[i].probability;
      std::array<float, kMaxNgramOrder + 1> backoffs{};
      backoffs[1] = words[i].backoff;
      int matched = 1;
      for (int n = 2; n <= longest; ++n) {
        const NgramModel::Tables::Found found = tables_.find(n, keys_[i][static_cast<std::size_t>(n)]);
        if (found.is_found) {
          probability = found.probability, matched = n;
          backoffs[static_cast<std::size_t>(n)] = found.backoff;
        } else if (tables_.is_closed) {
          break;
        }
      }
      double total = double{probability};
      for (int n = matched; n < longest; ++n) total += double{backoffs_[static_cast<std::size_t>(n)]};
      sum += total;
      backoffs_ = backoffs;
    }
    const std::size_t count = known_ + hashes.size(), kept = std::min(count, static_cast<std::size_t>(order - 1));
    std::copy(codes_.begin() + static_cast<std::ptrdiff_t>(count - kept), codes_.begin() + static_cast<std::ptrdiff_t>(count), codes_.begin());
    known_ = kept;
    return sum;
  }

 private:
  const NgramModel::Tables& tables_;
  std::vector<std::uint64_t> codes_;  ///< known_ words before the block, then the block's
  std::size_t known_ = 0;
  std::array<float, kMaxNgramOrder + 1> backoffs_{};  ///< of the n-grams that end with the word before, by order
  std::array<std::array<std::uint64_t, kMaxNgramOrder + 1>, kBlock> keys_{};
};

}  // namespace

NgramScore NgramModel::score(std::string_view text) const {
  const Tables& t = *tables_;
  Scorer scorer(t);
  std::uint64_t code;
  scorer.start_with(t.begin, t.find_word(t.word_hash("<s>"), &code).backoff);
  NgramScore out;
  std::array<std::uint64_t, kBlock> hashes;
  std::size_t filled = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (is_ascii_space(text[at])) {
      ++at;
      continue;
    }
    std::size_t end = at + 1;
    while (end < text.size() && !is_ascii_space(text[end])) ++end;
    hashes[filled] = t.word_hash(text.substr(at, end - at));
    t.prefetch(t.layout == Tables::Layout::kenlm ? t.kenlm_words : t.tables[0], hashes[filled]);
    at = end;
    ++out.words;
    if (++filled == kBlock) out.log10 += scorer.take(std::span(hashes.data(), filled), &out.unknown), filled = 0;
  }
  out.log10 += scorer.take(std::span(hashes.data(), filled), &out.unknown);
  const std::uint64_t last = t.word_hash("</s>");
  std::int64_t ignored = 0;
  out.log10 += scorer.take(std::span(&last, 1), &ignored);
  return out;
}

double NgramModel::log10_probability(std::span<const std::string> context, std::string_view word) const {
  const Tables& t = *tables_;
  Scorer scorer(t);
  const auto longest = static_cast<std::size_t>(t.order - 1);
  if (context.size() > longest) context = context.last(longest);
  std::int64_t unknown = 0;
  for (const std::string& before : context) {
    const std::uint64_t hash = t.word_hash(before);
    scorer.take(std::span(&hash, 1), &unknown);
  }
  const std::uint64_t hash = t.word_hash(word);
  return scorer.take(std::span(&hash, 1), &unknown);
}

}  // namespace corollary
