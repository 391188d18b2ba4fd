#include "tokenizer/indexed_dataset.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace corollary {
namespace {

constexpr std::string_view kMagic("MMIDIDX\0\0", 9);
constexpr std::size_t kHeaderBytes = 34;
constexpr std::uint8_t kInt32Code = 4, kUint16Code = 8;
constexpr std::int64_t kSmallVocabulary = 65'500;  // NeoX's bound for two bytes a token

fs::path with_extension(const fs::path& prefix, const char* extension) {
  fs::path path = prefix;
  path += extension;
  return path;
}

/// Bytes of an integer type code, 0 for the others.
std::size_t bytes_of_code(std::uint8_t code) {
  switch (code) {
    case 1:
    case 2:
      return 1;
    case 3:
    case kUint16Code:
      return 2;
    case kInt32Code:
      return 4;
    case 5:
      return 8;
    default:
      return 0;
  }
}

template <class T>
T load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <class T>
void widen(const char* from, std::span<std::int32_t> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const T value = load<T>(from + i * sizeof(T));
    if constexpr (sizeof(T) == 8)
      check(value == static_cast<std::int32_t>(value), "token ", value, " is no id: it does not fit 32 bits");
    out[i] = static_cast<std::int32_t>(value);
  }
}

void read_tokens(std::uint8_t code, const char* from, std::span<std::int32_t> out) {
  switch (code) {
    case 1:
      return widen<std::uint8_t>(from, out);
    case 2:
      return widen<std::int8_t>(from, out);
    case 3:
      return widen<std::int16_t>(from, out);
    case kUint16Code:
      return widen<std::uint16_t>(from, out);
    case kInt32Code:
      return widen<std::int32_t>(from, out);
    default:
      return widen<std::int64_t>(from, out);
  }
}

}  // namespace

int token_bytes_for(std::int64_t vocab_size) { return vocab_size < kSmallVocabulary ? 2 : 4; }

struct IndexedDatasetWriter::State {
  State(const fs::path& prefix, std::int64_t vocabulary)
      : bin(with_extension(prefix, ".bin")), idx(with_extension(prefix, ".idx")), vocab_size(vocabulary) {}
  AtomicFile bin, idx;
  std::int64_t vocab_size, tokens = 0;
  std::vector<std::int32_t> lengths;
  std::vector<std::uint16_t> narrow;
};

IndexedDatasetWriter::IndexedDatasetWriter(const fs::path& prefix, std::int64_t vocab_size)
    : state_(std::make_unique<State>(prefix, vocab_size)) {
  check(vocab_size > 0 && vocab_size <= std::numeric_limits<std::int32_t>::max(), "a vocabulary of ", vocab_size,
        " does not fit 32 bits");
}
IndexedDatasetWriter::~IndexedDatasetWriter() = default;
std::int64_t IndexedDatasetWriter::num_documents() const { return static_cast<std::int64_t>(state_->lengths.size()); }
std::int64_t IndexedDatasetWriter::num_tokens() const { return state_->tokens; }

void IndexedDatasetWriter::add(std::span<const std::int32_t> ids) {
  State& s = *state_;
  check(!ids.empty() && ids.size() <= static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()), "document ",
        s.lengths.size(), " of ", s.bin.path().string(), " has ", ids.size(),
        " tokens: one to 2^31 - 1 can be stored; leave empty documents out");
  std::int32_t low = ids[0], high = ids[0];
  for (const std::int32_t id : ids) low = std::min(low, id), high = std::max(high, id);
  check(low >= 0 && high < s.vocab_size, "document ", s.lengths.size(), " of ", s.bin.path().string(), " has id ",
        low < 0 ? low : high, ", the vocabulary ends at ", s.vocab_size - 1, ": was another tokenizer used?");
  if (token_bytes_for(s.vocab_size) == 2) {
    s.narrow.assign(ids.begin(), ids.end());
    s.bin.write(s.narrow.data(), s.narrow.size() * sizeof(std::uint16_t));
  } else {
    s.bin.write(ids.data(), ids.size_bytes());
  }
  s.lengths.push_back(static_cast<std::int32_t>(ids.size()));
  s.tokens += static_cast<std::int64_t>(ids.size());
}

void IndexedDatasetWriter::commit() {
  State& s = *state_;
  const int token_bytes = token_bytes_for(s.vocab_size);
  const auto put = [&](auto value) { s.idx.write(&value, sizeof value); };
  s.idx.write(kMagic);
  put(std::uint64_t{1});
  put(token_bytes == 2 ? kUint16Code : kInt32Code);
  put(static_cast<std::uint64_t>(s.lengths.size()));
  put(static_cast<std::uint64_t>(s.lengths.size()) + 1);
  s.idx.write(s.lengths.data(), s.lengths.size() * sizeof(std::int32_t));
  std::int64_t offset = 0;
  for (const std::int32_t length : s.lengths) {
    put(offset);
    offset += std::int64_t{length} * token_bytes;
  }
  for (std::int64_t boundary = 0; boundary <= num_documents(); ++boundary) put(boundary);
  s.bin.commit();
  s.idx.commit();
}

struct IndexedDataset::State {
  explicit State(const fs::path& given) : prefix(given), bin(with_extension(given, ".bin")), idx(with_extension(given, ".idx")) {}
  void check_index();

  fs::path prefix;
  MappedFile bin, idx;
  std::uint8_t code = 0;
  std::size_t token_bytes = 0;
  std::int64_t sequences = 0, tokens = 0;
  const char *lengths = nullptr, *offsets = nullptr;
};

void IndexedDataset::State::check_index() {
  const std::string_view index = idx.text();
  const std::string where = with_extension(prefix, ".idx").string();
  constexpr const char* kRemedy = ": the file is damaged or of another version; pack again";
  check(index.size() >= kHeaderBytes && index.starts_with(kMagic), "in ", where,
        ": not a Megatron index (MMIDIDX expected at byte 0, ", kHeaderBytes, " bytes of header; the file has ", index.size(), ")",
        kRemedy);
  const auto version = load<std::uint64_t>(index.data() + 9);
  check(version == 1, "in ", where, " at byte 9: version ", version, ", only 1 is known", kRemedy);
  code = load<std::uint8_t>(index.data() + 17);
  token_bytes = bytes_of_code(code);
  check(token_bytes > 0, "in ", where, " at byte 17: type code ", static_cast<int>(code), " is no integer type", kRemedy);
  const auto n = load<std::uint64_t>(index.data() + 18), boundaries = load<std::uint64_t>(index.data() + 26);
  const std::size_t rest = index.size() - kHeaderBytes;
  check(n <= rest / 12 && boundaries <= rest / 8 && rest == 12 * n + 8 * boundaries, "in ", where, ": ", n, " sequences and ",
        boundaries, " boundaries need another size than its ", index.size(), " bytes", kRemedy);
  sequences = static_cast<std::int64_t>(n);
  lengths = index.data() + kHeaderBytes;
  offsets = lengths + 4 * n;
  const std::uint64_t bin_bytes = bin.text().size();
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto length = load<std::int32_t>(lengths + 4 * i);
    const auto offset = load<std::int64_t>(offsets + 8 * i);
    check(length >= 0 && offset >= 0 && static_cast<std::uint64_t>(offset) <= bin_bytes &&
              static_cast<std::uint64_t>(length) <= (bin_bytes - static_cast<std::uint64_t>(offset)) / token_bytes,
          "in ", where, ": sequence ", i, " has ", length, " tokens at byte ", offset, ", but ",
          with_extension(prefix, ".bin").string(), " has ", bin_bytes, " bytes: the two files do not belong together; pack again");
    tokens += length;
  }
  const char* at = offsets + 8 * n;
  std::int64_t previous = 0;
  for (std::uint64_t i = 0; i < boundaries; ++i) {
    const auto boundary = load<std::int64_t>(at + 8 * i);
    check(boundary >= previous && boundary <= sequences && (i > 0 || boundary == 0), "in ", where, ": document boundary ", i,
          " is ", boundary, " after ", previous, kRemedy);
    previous = boundary;
  }
}

IndexedDataset::IndexedDataset(const fs::path& prefix) {
  for (const char* extension : {".idx", ".bin"})
    check(fs::exists(with_extension(prefix, extension)), "no file ", with_extension(prefix, extension).string(),
          ": run corollary tokenizer pack");
  auto state = std::make_shared<State>(prefix);
  state->check_index();
  state_ = std::move(state);
}

bool IndexedDataset::exists(const fs::path& prefix) {
  return fs::exists(with_extension(prefix, ".bin")) && fs::exists(with_extension(prefix, ".idx"));
}
std::int64_t IndexedDataset::num_documents() const { return state_->sequences; }
std::int64_t IndexedDataset::num_tokens() const { return state_->tokens; }
const fs::path& IndexedDataset::prefix() const { return state_->prefix; }

std::int64_t IndexedDataset::length(std::int64_t document) const {
  check(document >= 0 && document < state_->sequences, "document ", document, " of ", state_->sequences, " in ",
        state_->prefix.string());
  return load<std::int32_t>(state_->lengths + 4 * document);
}

void IndexedDataset::read(std::int64_t document, std::int64_t offset, std::span<std::int32_t> out) const {
  const std::int64_t tokens = length(document), wanted = static_cast<std::int64_t>(out.size());
  check(offset >= 0 && wanted <= tokens && offset <= tokens - wanted, "tokens ", offset, " to ", offset + wanted, " of document ",
        document, " in ", state_->prefix.string(), ", which has ", tokens);
  const auto begin = load<std::int64_t>(state_->offsets + 8 * document) + offset * static_cast<std::int64_t>(state_->token_bytes);
  read_tokens(state_->code, state_->bin.text().data() + begin, out);
}

void IndexedDataset::check_ids(std::int64_t vocab_size) const {
  std::vector<std::int32_t> ids;
  for (std::int64_t document = 0; document < num_documents(); ++document) {
    ids.resize(static_cast<std::size_t>(length(document)));
    read(document, 0, ids);
    for (const std::int32_t id : ids)
      check(id >= 0 && id < vocab_size, "document ", document, " in ", state_->prefix.string(), " has id ", id,
            ", the model's vocabulary is ", vocab_size, ": pack with the model's tokenizer");
  }
}

}  // namespace corollary
