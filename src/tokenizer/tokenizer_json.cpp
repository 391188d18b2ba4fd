#include "tokenizer/tokenizer_json.h"

#include <simdjson.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "tokenizer/utf8.h"

namespace corollary {
namespace {

namespace dom = simdjson::dom;

/// One value of the document, or none, with the path that leads to it, so that every error can say where.
struct Node {
  std::optional<dom::element> value;
  std::string path;
  const std::string* where;

  [[noreturn]] void wrong(const std::string& problem) const {
    fail("in ", *where, ", ", path.empty() ? "top level" : path, ": ", problem);
  }
  template <class T>
  T as(const char* kind) const {
    T out;
    if (!value || value->get(out) != simdjson::SUCCESS) wrong(std::string("expected ") + kind);
    return out;
  }
  std::string_view text() const { return as<std::string_view>("a string"); }
  bool is_null() const { return !value || value->is_null(); }
  /// No value if the key is absent.
  Node get(std::string_view key) const {
    Node node{std::nullopt, path.empty() ? std::string(key) : path + "." + std::string(key), where};
    if (dom::element found; as<dom::object>("an object").at_key(key).get(found) == simdjson::SUCCESS) node.value = found;
    return node;
  }
  bool flag(std::string_view key, bool otherwise) const {
    const Node node = get(key);
    return node.is_null() ? otherwise : node.as<bool>("true or false");
  }
  std::vector<Node> items() const {
    std::vector<Node> out;
    for (const dom::element element : as<dom::array>("an array"))
      out.push_back({element, path + "[" + std::to_string(out.size()) + "]", where});
    return out;
  }
};

std::int32_t read_id(const Node& node) {
  const auto id = node.as<std::int64_t>("a whole number");
  if (id < 0 || id >= kMaxVocabularySize)
    node.wrong("id " + std::to_string(id) + " is outside 0 to " + std::to_string(kMaxVocabularySize - 1));
  return static_cast<std::int32_t>(id);
}

void place(Vocabulary& vocabulary, std::int32_t id, std::string_view text, PieceType type, const Node& at) {
  auto& pieces = vocabulary.pieces;
  if (pieces.size() <= static_cast<std::size_t>(id))
    pieces.resize(static_cast<std::size_t>(id) + 1, Piece{"", 0, PieceType::unused});
  Piece& piece = pieces[static_cast<std::size_t>(id)];
  if (!piece.text.empty() && piece.text != text)
    at.wrong("id " + std::to_string(id) + " is both \"" + piece.text + "\" and \"" + std::string(text) + "\"");
  piece.text = text;
  piece.type = type;
}

void read_normalizer(const Node& node, Vocabulary& vocabulary, bool& replaces_space) {
  if (node.is_null()) return;
  const std::string_view type = node.get("type").text();
  if (type == "Sequence") {
    for (const Node& part : node.get("normalizers").items()) read_normalizer(part, vocabulary, replaces_space);
  } else if (type == "Prepend") {
    const std::string_view prepend = node.get("prepend").text();
    // A plain space is as good only while a later Replace still turns it into the symbol.
    if (prepend != kSpaceSymbol && !(prepend == " " && !replaces_space)) node.wrong("only U+2581 can be prepended");
    vocabulary.prefix = Vocabulary::Prefix::always;
  } else if (type == "Replace") {
    const Node pattern = node.get("pattern").get("String");
    if (pattern.is_null() || pattern.text() != " " || node.get("content").text() != kSpaceSymbol)
      node.wrong("only the replacement of \" \" by U+2581 is supported");
    replaces_space = true;
  } else {
    node.wrong("normalizer " + std::string(type) + " is not supported: this reads the Llama family (Prepend, Replace)");
  }
}

void read_pre_tokenizer(const Node& node, Vocabulary& vocabulary, bool& replaces_space) {
  if (node.is_null()) return;
  const std::string_view type = node.get("type").text();
  if (type != "Metaspace")
    node.wrong("pre-tokenizer " + std::string(type) + " is not supported: this reads the Llama family (none, Metaspace)");
  if (node.get("replacement").text() != kSpaceSymbol) node.wrong("only U+2581 as replacement is supported");
  replaces_space = true;
  vocabulary.splits_before_space = node.flag("split", true);
  const Node scheme = node.get("prepend_scheme");
  const std::string_view when = !scheme.is_null() ? scheme.text() : node.flag("add_prefix_space", true) ? "always" : "never";
  if (when != "always" && when != "first" && when != "never") scheme.wrong("expected always, first or never");
  if (when == "never") return;
  if (vocabulary.prefix == Vocabulary::Prefix::none) {
    vocabulary.prefix = Vocabulary::Prefix::if_absent;
    vocabulary.prefix_on_every_part = when == "always";
  }
}

void read_merges(const Node& node, Vocabulary& vocabulary) {
  const PieceIndex index(vocabulary);
  const auto id_of = [&](std::string_view text, const Node& at) {
    const std::int32_t id = index.find(text);
    if (id < 0) at.wrong("\"" + std::string(text) + "\" is not in the vocabulary");
    if (vocabulary.pieces[static_cast<std::size_t>(id)].type == PieceType::byte)
      at.wrong("merges of byte pieces are not supported");
    return id;
  };
  std::string joined;
  for (const Node& rule : node.items()) {
    std::string_view left, right;
    if (rule.value->is_string()) {
      const std::string_view both = rule.text();
      const std::size_t space = both.find(' ');
      if (space == both.npos || both.find(' ', space + 1) != both.npos) rule.wrong("expected \"left right\"");
      left = both.substr(0, space), right = both.substr(space + 1);
    } else {
      const std::vector<Node> both = rule.items();
      if (both.size() != 2) rule.wrong("expected [left, right]");
      left = both[0].text(), right = both[1].text();
    }
    joined.assign(left).append(right);
    id_of(joined, rule);
    vocabulary.merges.emplace_back(id_of(left, rule), id_of(right, rule));
  }
}

void read_model(const Node& model, Vocabulary& vocabulary) {
  const std::string& where = *model.where;
  const Node type = model.get("type");
  if (!type.is_null() && type.text() != "BPE")
    type.wrong("a model of type " + std::string(type.text()) + ", only BPE is supported");
  for (const char* key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"}) {
    const Node option = model.get(key);
    std::string_view text;
    if (!option.is_null() && !(option.value->get(text) == simdjson::SUCCESS && text.empty()))
      option.wrong("not supported: only null is");
  }
  if (model.flag("ignore_merges", false)) model.wrong("ignore_merges is not supported: this reads the Llama family up to Llama 2");
  vocabulary.byte_fallback = model.flag("byte_fallback", false);
  vocabulary.fuses_unknown = model.flag("fuse_unk", false);
  const Node vocab = model.get("vocab");
  for (const auto [text, id] : vocab.as<dom::object>("an object")) {
    const Node at{id, vocab.path + "." + std::string(text), &where};
    const bool is_byte = vocabulary.byte_fallback && byte_of_piece(text) >= 0;
    if (text.empty()) at.wrong("an empty piece");
    place(vocabulary, read_id(at), text, is_byte ? PieceType::byte : PieceType::normal, at);
  }
  const Node unk = model.get("unk_token");
  if (!unk.is_null()) {
    vocabulary.unk_id = PieceIndex(vocabulary).find(unk.text());
    if (vocabulary.unk_id < 0) unk.wrong("\"" + std::string(unk.text()) + "\" is not in the vocabulary");
  }
}

void read_added_tokens(const Node& node, Vocabulary& vocabulary) {
  if (node.is_null()) return;
  for (const Node& token : node.items()) {
    AddedToken added;
    added.text = token.get("content").text();
    added.id = read_id(token.get("id"));
    added.is_special = token.flag("special", false);
    added.is_normalized = token.flag("normalized", !added.is_special);
    added.strips_left = token.flag("lstrip", false);
    added.strips_right = token.flag("rstrip", false);
    if (token.flag("single_word", false)) token.wrong("single_word is not supported: only false is");
    if (added.text.empty()) token.wrong("an added token without text");
    place(vocabulary, added.id, added.text, added.is_special ? PieceType::control : PieceType::normal, token);
    vocabulary.added_tokens.push_back(std::move(added));
  }
}

/// The token a TemplateProcessing post-processor puts before or after every text; -1 if none.
std::int32_t template_token(const Node& post_processor, bool first, const PieceIndex& index) {
  if (post_processor.is_null() || post_processor.get("type").text() != "TemplateProcessing") return -1;
  const std::vector<Node> parts = post_processor.get("single").items();
  if (parts.empty()) return -1;
  const Node special = (first ? parts.front() : parts.back()).get("SpecialToken");
  return special.is_null() ? -1 : index.find(special.get("id").text());
}

[[noreturn]] void not_json(std::string_view json, const std::string& where, const char* problem) {
  std::size_t at = 0;
  try {  // a second opinion that knows the place
    at = nlohmann::json::parse(json).is_null() ? 1 : 0;
  } catch (const nlohmann::json::parse_error& error) {
    at = error.byte;
  } catch (const nlohmann::json::exception&) {  // it knows no place either
  }
  fail("in ", where, at > 0 ? " near byte " + std::to_string(at) : "", ": not JSON: ", problem, "; fetch the file again");
}

}  // namespace

Vocabulary parse_tokenizer_json(std::string_view json, const std::string& where) {
  dom::parser parser;
  dom::element document;
  if (const auto error = parser.parse(json.data(), json.size()).get(document))
    not_json(json, where, simdjson::error_message(error));
  const Node root{document, "", &where};
  Vocabulary vocabulary;
  vocabulary.prefix = Vocabulary::Prefix::none;
  vocabulary.has_explicit_merges = true;
  bool replaces_space = false;
  read_normalizer(root.get("normalizer"), vocabulary, replaces_space);
  vocabulary.normalizes_early = replaces_space;
  read_pre_tokenizer(root.get("pre_tokenizer"), vocabulary, replaces_space);
  if (!replaces_space) root.wrong("neither normalizer nor pre_tokenizer turns spaces into U+2581: not of the Llama family");
  read_model(root.get("model"), vocabulary);
  read_merges(root.get("model").get("merges"), vocabulary);
  read_added_tokens(root.get("added_tokens"), vocabulary);
  if (vocabulary.unk_id >= 0) vocabulary.pieces[static_cast<std::size_t>(vocabulary.unk_id)].type = PieceType::unknown;
  check_vocabulary(vocabulary, where);

  const PieceIndex index(vocabulary);
  const auto named = [&](std::int32_t from_template, const char* text) {
    return from_template >= 0 ? from_template : index.find(text);
  };
  vocabulary.bos_id = named(template_token(root.get("post_processor"), true, index), "<s>");
  vocabulary.eos_id = named(template_token(root.get("post_processor"), false, index), "</s>");
  vocabulary.pad_id = index.find("<pad>");
  return vocabulary;
}

}  // namespace corollary
