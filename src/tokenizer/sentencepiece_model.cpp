#include "tokenizer/sentencepiece_model.h"

#include "base/error.h"
#include "tokenizer/protobuf.h"
#include "tokenizer/utf8.h"

namespace corollary {
namespace {

// Field numbers of sentencepiece_model.proto; the page docs/formats/tokenizer_model.md lists them with their meaning.
enum ModelField { kPieces = 1, kTrainerSpec = 2, kNormalizerSpec = 3, kDenormalizerSpec = 5 };
enum PieceField { kText = 1, kScore = 2, kType = 3 };
enum TrainerField {
  kModelType = 3,
  kVocabSize = 4,
  kSpaceIsSuffix = 24,
  kByteFallback = 35,
  kUnkId = 40,
  kBosId = 41,
  kEosId = 42,
  kPadId = 43,
  kUnkSurface = 44,
  kUnkPiece = 45,
  kBosPiece = 46,
  kEosPiece = 47,
  kPadPiece = 48
};
enum NormalizerField { kName = 1, kCharacterMap = 2, kDummyPrefix = 3, kRemoveExtraSpaces = 4, kEscapeSpaces = 5 };

constexpr std::string_view kModelTypes[] = {"", "unigram", "bpe", "word", "char"};
constexpr int kBpe = 2;

/// Everything in the file that matters to encoding and decoding, with the defaults of the format.
struct Contents {
  Vocabulary vocabulary;
  std::int64_t model_type = 1;
  bool space_is_suffix = false, escapes_spaces = true, has_character_map = false, has_denormalizer = false;
  std::string normalizer_name;
  std::string unk_piece = "<unk>", bos_piece = "<s>", eos_piece = "</s>", pad_piece = "<pad>";
};

void read_piece(ProtobufReader reader, Contents& contents, const std::string& where) {
  Piece piece;
  while (const auto field = reader.next_field()) {
    if (field == kText) {
      piece.text = reader.bytes();
    } else if (field == kScore) {
      piece.score = reader.number();
    } else if (field == kType) {
      const std::int64_t type = reader.integer();
      check(type >= 1 && type <= 6, "in ", where, ": piece ", contents.vocabulary.pieces.size(), " has unknown type ", type,
            ": the file is damaged or newer than this program");
      piece.type = static_cast<PieceType>(type);
    }
  }
  auto& pieces = contents.vocabulary.pieces;
  check(!piece.text.empty(), "in ", where, ": piece ", pieces.size(), " is empty: the file is damaged");
  if (piece.type == PieceType::unknown) {
    check(contents.vocabulary.unk_id < 0, "in ", where, ": pieces ", contents.vocabulary.unk_id, " and ", pieces.size(),
          " are both the unknown piece: the file is damaged");
    contents.vocabulary.unk_id = static_cast<std::int32_t>(pieces.size());
  }
  check(pieces.size() < kMaxVocabularySize, "in ", where, ": more than ", kMaxVocabularySize, " pieces are not supported");
  pieces.push_back(std::move(piece));
}

void read_trainer(ProtobufReader reader, Contents& contents) {
  const auto name = [&](std::string& to) {
    if (const std::string_view given = reader.bytes(); !given.empty()) to = given;
  };
  while (const auto field = reader.next_field()) {
    if (field == kModelType) contents.model_type = reader.integer();
    if (field == kSpaceIsSuffix) contents.space_is_suffix = reader.boolean();
    if (field == kByteFallback) contents.vocabulary.byte_fallback = reader.boolean();
    if (field == kUnkSurface) contents.vocabulary.unk_surface = reader.bytes();
    if (field == kUnkPiece) name(contents.unk_piece);
    if (field == kBosPiece) name(contents.bos_piece);
    if (field == kEosPiece) name(contents.eos_piece);
    if (field == kPadPiece) name(contents.pad_piece);
  }
}

void read_normalizer(ProtobufReader reader, Contents& contents) {
  while (const auto field = reader.next_field()) {
    if (field == kName) contents.normalizer_name = reader.bytes();
    if (field == kCharacterMap) contents.has_character_map = !reader.bytes().empty();
    if (field == kDummyPrefix)
      contents.vocabulary.prefix = reader.boolean() ? Vocabulary::Prefix::always : Vocabulary::Prefix::none;
    if (field == kRemoveExtraSpaces) contents.vocabulary.removes_extra_spaces = reader.boolean();
    if (field == kEscapeSpaces) contents.escapes_spaces = reader.boolean();
  }
}

void check_supported(const Contents& contents, const std::string& where) {
  const auto type = contents.model_type;
  check(type == kBpe, "in ", where, ": a model of type ", type >= 1 && type <= 4 ? kModelTypes[type] : "unknown",
        ", only bpe is supported: use a tokenizer trained with --model_type=bpe");
  check(!contents.has_character_map, "in ", where, ": the normaliser \"", contents.normalizer_name,
        "\" rewrites characters, only identity is supported: use a tokenizer trained with --normalization_rule_name=identity");
  check(!contents.has_denormalizer, "in ", where, ": the model has a denormaliser, which is not supported");
  check(!contents.space_is_suffix, "in ", where, ": spaces as suffix (treat_whitespace_as_suffix) are not supported");
  check(contents.escapes_spaces, "in ", where, ": unescaped spaces (escape_whitespaces off) are not supported");
  if (contents.vocabulary.removes_extra_spaces)
    for (const Piece& piece : contents.vocabulary.pieces)
      check(piece.type != PieceType::user_defined || piece.text.find(' ') == std::string::npos, "in ", where,
            ": the user-defined piece \"", piece.text,
            "\" has a space while remove_extra_whitespaces is on, which is not supported");
}

}  // namespace

Vocabulary parse_sentencepiece_model(std::string_view bytes, const std::string& where) {
  Contents contents;
  Vocabulary& vocabulary = contents.vocabulary;
  vocabulary.unk_surface = " \xe2\x81\x87 ";
  vocabulary.removes_extra_spaces = true;  // the format's default; Llama's file says otherwise
  ProtobufReader reader(bytes, where);
  while (const auto field = reader.next_field()) {
    if (field != kPieces && field != kTrainerSpec && field != kNormalizerSpec && field != kDenormalizerSpec) continue;
    const std::string_view message = reader.bytes();
    const ProtobufReader inner(message, where, reader.value_offset() - message.size());
    if (field == kPieces) read_piece(inner, contents, where);
    if (field == kTrainerSpec) read_trainer(inner, contents);
    if (field == kNormalizerSpec) read_normalizer(inner, contents);
    if (field == kDenormalizerSpec) {
      Contents denormalizer;
      read_normalizer(inner, denormalizer);
      contents.has_denormalizer = denormalizer.has_character_map;
    }
  }
  check(vocabulary.unk_id >= 0, "in ", where, ": no unknown piece: not a SentencePiece model, or a damaged one; fetch it again");
  check_vocabulary(vocabulary, where);
  check_supported(contents, where);
  const PieceIndex index(vocabulary);
  const auto control = [&](const std::string& text) {
    const std::int32_t id = index.find(text);
    return id >= 0 && vocabulary.pieces[static_cast<std::size_t>(id)].type == PieceType::control ? id : -1;
  };
  vocabulary.bos_id = control(contents.bos_piece);
  vocabulary.eos_id = control(contents.eos_piece);
  vocabulary.pad_id = control(contents.pad_piece);
  return vocabulary;
}

std::string serialize_sentencepiece_model(const Vocabulary& vocabulary) {
  check(!vocabulary.has_explicit_merges && vocabulary.added_tokens.empty() && vocabulary.prefix != Vocabulary::Prefix::if_absent,
        "a vocabulary with explicit merge rules has no exact form as tokenizer.model: keep its tokenizer.json");
  ProtobufWriter model;
  for (const Piece& piece : vocabulary.pieces) {
    ProtobufWriter out;
    out.bytes(kText, piece.text);
    out.number(kScore, piece.score);
    if (piece.type != PieceType::normal) out.integer(kType, static_cast<int>(piece.type));
    model.bytes(kPieces, out.message());
  }
  ProtobufWriter trainer;
  trainer.integer(kModelType, kBpe);
  trainer.integer(kVocabSize, static_cast<std::int64_t>(vocabulary.pieces.size()));
  trainer.integer(kByteFallback, vocabulary.byte_fallback);
  const auto special = [&](int id_field, int piece_field, std::int32_t id) {
    trainer.integer(id_field, id);
    if (id >= 0) trainer.bytes(piece_field, vocabulary.pieces[static_cast<std::size_t>(id)].text);
  };
  special(kUnkId, kUnkPiece, vocabulary.unk_id);
  special(kBosId, kBosPiece, vocabulary.bos_id);
  special(kEosId, kEosPiece, vocabulary.eos_id);
  special(kPadId, kPadPiece, vocabulary.pad_id);
  trainer.bytes(kUnkSurface, vocabulary.unk_surface);
  model.bytes(kTrainerSpec, trainer.message());
  ProtobufWriter normalizer;
  normalizer.bytes(kName, "identity");
  normalizer.integer(kDummyPrefix, vocabulary.prefix == Vocabulary::Prefix::always);
  normalizer.integer(kRemoveExtraSpaces, vocabulary.removes_extra_spaces);
  normalizer.integer(kEscapeSpaces, 1);
  model.bytes(kNormalizerSpec, normalizer.message());
  return model.message();
}

}  // namespace corollary
