#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <mutex>

#include "base/compress.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/threads.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/encoder.h"
#include "tokenizer/llama2c_vocabulary.h"
#include "tokenizer/sentencepiece_model.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/utf8.h"

namespace corollary {
namespace {

constexpr std::size_t kMaxFileBytes = 64 << 20;

/// SentencePiece's remove_extra_whitespaces: no spaces at the ends, one where there were several.
std::string squeeze_spaces(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  for (std::string_view rest = out;; out.resize(rest.size())) {
    if (rest.ends_with(' '))
      rest.remove_suffix(1);
    else if (rest.ends_with(kSpaceSymbol))
      rest.remove_suffix(kSpaceSymbol.size());
    else
      return out;
  }
}

bool starts_with_space(std::string_view text) { return text.starts_with(' ') || text.starts_with(kSpaceSymbol); }

}  // namespace

struct Tokenizer::State {
  State(Vocabulary vocabulary, std::string bytes, std::string name)
      : tables(std::move(vocabulary)),
        decoding(tables.vocabulary, tables.index),
        added_raw(tables.vocabulary, false),
        added_normalized(tables.vocabulary, true),
        file_bytes(std::move(bytes)),
        file_name(std::move(name)) {}

  std::unique_ptr<Encoder> take_encoder() {
    {
      const std::lock_guard lock(mutex);
      if (!idle_encoders.empty()) {
        auto encoder = std::move(idle_encoders.back());
        idle_encoders.pop_back();
        return encoder;
      }
    }
    return std::make_unique<Encoder>(tables);
  }
  void give_back(std::unique_ptr<Encoder> encoder) {
    const std::lock_guard lock(mutex);
    idle_encoders.push_back(std::move(encoder));
  }

  void encode_text(Encoder& encoder, std::string_view text, TokenBuffer& out, const EncodeOptions& options) const;
  void encode_with_added_tokens(Encoder& encoder, std::string_view text, TokenBuffer& out, bool match_special) const;
  void encode_stretch(Encoder& encoder, std::string_view text, bool is_first, TokenBuffer& out) const;

  const EncodingTables tables;
  const DecodingTables decoding;
  const AddedTokens added_raw, added_normalized;
  const std::string file_bytes, file_name;
  std::mutex mutex;
  std::vector<std::unique_ptr<Encoder>> idle_encoders;  // their caches stay warm from call to call
};

namespace {

/// An encoder for the time of a call.
template <class State>
class Borrowed {
 public:
  explicit Borrowed(State& state) : state_(state), encoder_(state.take_encoder()) {}
  ~Borrowed() { state_.give_back(std::move(encoder_)); }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  auto& operator*() { return *encoder_; }

 private:
  State& state_;
  decltype(std::declval<State&>().take_encoder()) encoder_;
};

}  // namespace

/// One stretch of ordinary text, with the prefix its place calls for.
void Tokenizer::State::encode_stretch(Encoder& encoder, std::string_view text, bool is_first, TokenBuffer& out) const {
  const Vocabulary& vocabulary = tables.vocabulary;
  std::string squeezed;
  if (vocabulary.removes_extra_spaces) text = squeezed = squeeze_spaces(text);
  bool with_prefix = vocabulary.prefix == Vocabulary::Prefix::always;
  if (vocabulary.prefix == Vocabulary::Prefix::if_absent)
    with_prefix = !starts_with_space(text) && (is_first || vocabulary.prefix_on_every_part);
  encoder.encode(text, with_prefix, out);
}

/// tokenizer.json's order: added tokens of the raw text, the normalizer on what is left, added tokens of the normalized text.
void Tokenizer::State::encode_with_added_tokens(Encoder& encoder, std::string_view text, TokenBuffer& out,
                                                bool match_special) const {
  const Vocabulary& vocabulary = tables.vocabulary;
  for (const auto& part : added_raw.split(text, match_special)) {
    const bool is_first = part.text.data() == text.data();
    if (part.id >= 0) {
      out.push_back(part.id);
    } else if (!added_normalized.can_match(match_special)) {
      encode_stretch(encoder, part.text, is_first, out);
    } else {
      const std::string normalized = vocabulary.normalizes_early ? normalize_early(vocabulary, part.text) : std::string(part.text);
      for (const auto& inner : added_normalized.split(normalized, match_special)) {
        if (inner.id >= 0)
          out.push_back(inner.id);
        else if (vocabulary.normalizes_early && vocabulary.prefix != Vocabulary::Prefix::if_absent)
          encoder.encode(inner.text, false, out);  // the prefix is in the text already
        else
          encode_stretch(encoder, inner.text, is_first && inner.text.data() == normalized.data(), out);
      }
    }
  }
}

void Tokenizer::State::encode_text(Encoder& encoder, std::string_view text, TokenBuffer& out, const EncodeOptions& options) const {
  const auto add = [&](bool wanted, std::int32_t id, const char* name) {
    if (!wanted) return;
    check(id >= 0, "this tokenizer has no ", name, " token: encode without it");
    out.push_back(id);
  };
  add(options.add_bos, tables.vocabulary.bos_id, "beginning-of-text");
  if (added_raw.can_match(options.match_special) || added_normalized.can_match(options.match_special))
    encode_with_added_tokens(encoder, text, out, options.match_special);
  else
    encode_stretch(encoder, text, true, out);
  add(options.add_eos, tables.vocabulary.eos_id, "end-of-text");
}

Tokenizer Tokenizer::from_bytes(std::string bytes, const std::string& where) {
  const auto starts_with = [&](std::string_view magic) { return bytes.starts_with(magic); };
  if (starts_with("\x28\xb5\x2f\xfd")) bytes = zstd_decompress(bytes, kMaxFileBytes, where);
  if (starts_with("\x1f\x8b")) bytes = gzip_decompress(bytes, kMaxFileBytes, where);
  check(bytes.size() <= kMaxFileBytes, "the file ", where, " has ", bytes.size(), " bytes, more than any tokenizer (",
        kMaxFileBytes, "): is it one?");
  check(!bytes.empty(), "the file ", where,
        " is empty: expected a tokenizer.model, tokenizer.json or tokenizer.bin; fetch it again");
  const std::size_t first = bytes.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && bytes[first] == '{') {
    Vocabulary vocabulary = parse_tokenizer_json(bytes, where);
    return Tokenizer(std::make_shared<State>(std::move(vocabulary), std::move(bytes), "tokenizer.json"));
  }
  if (auto vocabulary = parse_llama2c_vocabulary(bytes)) {
    check_vocabulary(*vocabulary, where);
    std::string model = serialize_sentencepiece_model(*vocabulary);
    return Tokenizer(std::make_shared<State>(std::move(*vocabulary), std::move(model), "tokenizer.model"));
  }
  Vocabulary vocabulary = parse_sentencepiece_model(bytes, where);
  return Tokenizer(std::make_shared<State>(std::move(vocabulary), std::move(bytes), "tokenizer.model"));
}

Tokenizer Tokenizer::load(const fs::path& path) {
  if (!fs::is_directory(path)) {
    check(fs::exists(path), "no tokenizer at ", path.string(), ": give a tokenizer.model, a tokenizer.json or a folder with one");
    return from_bytes(std::string(MappedFile(path).text()), path.string());
  }
  for (const char* name : {"tokenizer.model", "tokenizer.json", "tokenizer.json.zst", "tokenizer.bin"})
    if (fs::exists(path / name)) return load(path / name);
  fail("no tokenizer in ", path.string(), ": expected tokenizer.model, tokenizer.json or tokenizer.bin there");
}

void Tokenizer::encode(std::string_view text, TokenBuffer& out, const EncodeOptions& options) const {
  Borrowed encoder(*state_);
  state_->encode_text(*encoder, text, out, options);
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  TokenBuffer out;
  encode(text, out, options);
  return {out.ids().begin(), out.ids().end()};
}

std::vector<std::vector<std::int32_t>> Tokenizer::encode_batch(std::span<const std::string_view> texts,
                                                               const EncodeOptions& options) const {
  std::vector<std::vector<std::int32_t>> all(texts.size());
  constexpr std::size_t kTextsAtOnce = 32;  // long enough to pay for borrowing, short enough to share out
  const std::size_t slices = (texts.size() + kTextsAtOnce - 1) / kTextsAtOnce;
  parallel_for(static_cast<std::int64_t>(slices), [&](std::int64_t slice) {
    Borrowed encoder(*state_);
    TokenBuffer out;
    const std::size_t begin = static_cast<std::size_t>(slice) * kTextsAtOnce, end = std::min(begin + kTextsAtOnce, texts.size());
    for (std::size_t i = begin; i < end; ++i) {
      out.clear();
      state_->encode_text(*encoder, texts[i], out, options);
      all[i].assign(out.ids().begin(), out.ids().end());
    }
  });
  return all;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids) const {
  StreamDecoder decoder = stream_decoder();
  std::string text;
  for (const std::int32_t id : ids) decoder.push(id, text);
  decoder.finish(text);
  return text;
}

StreamDecoder Tokenizer::stream_decoder() const { return StreamDecoder(state_->decoding); }
const Vocabulary& Tokenizer::vocabulary() const { return state_->tables.vocabulary; }
std::int32_t Tokenizer::vocab_size() const { return static_cast<std::int32_t>(vocabulary().pieces.size()); }
std::int32_t Tokenizer::bos_id() const { return vocabulary().bos_id; }
std::int32_t Tokenizer::eos_id() const { return vocabulary().eos_id; }
std::int32_t Tokenizer::unk_id() const { return vocabulary().unk_id; }
std::int32_t Tokenizer::pad_id() const { return vocabulary().pad_id; }
std::string Tokenizer::digest() const { return sha256_hex(state_->file_bytes); }
std::string Tokenizer::file_name() const { return state_->file_name; }

const std::string& Tokenizer::piece(std::int32_t id) const {
  check(id >= 0 && id < vocab_size(), "id ", id, " is outside the vocabulary of ", vocab_size());
  return vocabulary().pieces[static_cast<std::size_t>(id)].text;
}

std::optional<std::int32_t> Tokenizer::id_of(std::string_view piece) const {
  const std::int32_t id = state_->tables.index.find(piece);
  return id < 0 ? std::nullopt : std::optional(id);
}

void Tokenizer::save(const fs::path& folder) const {
  const auto name = [&](std::int32_t id) { return id < 0 ? Json(nullptr) : Json(piece(id)); };
  write_file(folder / state_->file_name, state_->file_bytes);
  write_json_file(folder / "tokenizer_config.json",
                  {{"tokenizer_class", state_->file_name == "tokenizer.model" ? "LlamaTokenizer" : "PreTrainedTokenizerFast"},
                   {"bos_token", name(bos_id())},
                   {"eos_token", name(eos_id())},
                   {"unk_token", name(unk_id())},
                   {"pad_token", name(pad_id())},
                   {"add_bos_token", true},
                   {"add_eos_token", false},
                   {"clean_up_tokenization_spaces", false},
                   {"legacy", true}});
}

StreamEncoder::StreamEncoder(Tokenizer tokenizer, const EncodeOptions& options)
    : tokenizer_(std::move(tokenizer)), options_(options) {
  const Vocabulary& vocabulary = tokenizer_.vocabulary();
  can_stream_ = tokenizer_.state_->tables.words_are_independent && vocabulary.added_tokens.empty() &&
                !vocabulary.removes_extra_spaces && vocabulary.byte_fallback && vocabulary.prefix != Vocabulary::Prefix::if_absent;
}

void StreamEncoder::push(std::string_view chunk, TokenBuffer& out) {
  const std::size_t seen = waiting_.size();
  waiting_ += chunk;
  if (!can_stream_) return;
  const WordCuts& cuts = tokenizer_.state_->tables.cuts;
  std::size_t cut = 0;  // the last border with a new byte on its right that is a place to cut
  for (std::size_t i = waiting_.size(); cut == 0 && i-- > std::max<std::size_t>(seen, 1);)
    if (cuts.between(waiting_[i - 1], waiting_[i])) cut = i;
  if (cut == 0) return;
  if (!is_begun_ && options_.add_bos) tokenizer_.encode("", out, {.add_bos = true});
  Borrowed encoder(*tokenizer_.state_);
  (*encoder).encode(std::string_view(waiting_).substr(0, cut),
                    !is_begun_ && tokenizer_.vocabulary().prefix == Vocabulary::Prefix::always, out);
  is_begun_ = true;
  waiting_.erase(0, cut);
}

void StreamEncoder::finish(TokenBuffer& out) {
  if (!is_begun_) {
    tokenizer_.encode(waiting_, out, options_);
  } else {
    Borrowed encoder(*tokenizer_.state_);
    (*encoder).encode(waiting_, false, out);
    if (options_.add_eos) tokenizer_.encode("", out, {.add_eos = true});
  }
  waiting_.clear();
  is_begun_ = false;
}

}  // namespace corollary
