#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace corollary::latex {

/// What a macro takes, in order.
struct Parameter {
  enum class Kind : std::uint8_t {
    mandatory,  ///< {..} or one token
    optional,   ///< [..], else `text`
    star,       ///< '*' or nothing
    delimited,  ///< all up to `text`, as \def\a#1:{..} has it
    literal     ///< `text` itself, which is no argument: \def\a:#1{..}
  } kind = Kind::mandatory;
  std::string text = {};
};

/// A definition in force.
struct Macro {
  enum class Kind : std::uint8_t {
    text,        ///< body with #1 ... #9
    alias,       ///< \let to what is no macro: body is its name, which stays itself even if redefined later
    delimiters,  ///< \DeclarePairedDelimiter: body is the left one, right the other
    set_flag,    ///< \drafttrue, \draftfalse
    test_flag    ///< \ifdraft
  } kind = Kind::text;
  std::string body = {}, right = {};
  std::vector<Parameter> parameters = {};
  bool is_exotic = false;  ///< programs TeX (\expandafter, counters, boxes): its uses stay as they are
  bool has_at = false;     ///< names a command with '@': written out only if those are plain too
  bool at_letter = false;  ///< '@' was a letter where it was defined
  bool* flag = nullptr;    ///< of set_flag and test_flag
  bool value = false;      ///< of set_flag
  int active = 0;          ///< uses of it that are being written out now
};

/// Names to things, for short names looked up some millions of times a second. Values are never freed before the table is, so that
/// a redefinition leaves the old one to those who read it.
template <class T>
class NameTable {
 public:
  NameTable() : slots_(64) {}
  /// Null if the name has none.
  T* find(std::string_view name) const {
    const std::uint64_t h = hash(name);
    for (std::size_t i = h & (slots_.size() - 1);; i = (i + 1) & (slots_.size() - 1)) {
      const Slot& slot = slots_[i];
      if (slot.name == nullptr) return nullptr;
      if (slot.hash == h && *slot.name == name) return slot.value;
    }
  }
  T& set(std::string_view name, T value) {
    values_.push_back(std::move(value));
    place(name) = &values_.back();
    return values_.back();
  }
  void forget(std::string_view name) { place(name) = nullptr; }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    const std::string* name = nullptr;
    T* value = nullptr;
  };
  static std::uint64_t hash(std::string_view name) {
    std::uint64_t h = name.size();
    for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x9E3779B97F4A7C15U, h ^= h >> 29;
    return h;
  }
  T*& place(std::string_view name) {
    if (2 * used_ >= slots_.size()) grow();
    const std::uint64_t h = hash(name);
    std::size_t i = h & (slots_.size() - 1);
    for (; slots_[i].name != nullptr; i = (i + 1) & (slots_.size() - 1))
      if (slots_[i].hash == h && *slots_[i].name == name) return slots_[i].value;
    names_.emplace_back(name);
    ++used_;
    slots_[i] = {h, &names_.back(), nullptr};
    return slots_[i].value;
  }
  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.name == nullptr) continue;
      std::size_t i = slot.hash & (slots_.size() - 1);
      while (slots_[i].name != nullptr) i = (i + 1) & (slots_.size() - 1);
      slots_[i] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::deque<std::string> names_;
  std::deque<T> values_;
  std::size_t used_ = 0;
};

/// What a defining command does to the name it defines.
struct Definition {
  enum class What : std::uint8_t {
    macro,
    let,                    ///< to `target`, a name, or to `macro` if target is empty
    flag,                   ///< \newif: name without "if"
    expanding_environment,  ///< macro is its beginning, and `end` its end
    comment_environment,    ///< its text is not printed
    verbatim_environment,
    nothing  ///< no use of it is written out
  } what = What::nothing;
  std::string name = {}, target = {}, end = {};
  Macro macro = {};
  bool is_provided = false;  ///< only if the name means nothing yet
  bool is_expanded = false;  ///< \edef: the body's macros are those of now
};

/// Reads what follows a defining command (\newcommand, \def, \let, \DeclareMathOperator, \NewDocumentCommand, \newenvironment, ...)
/// from `at`, the place behind the command's name. Sets *end behind it. Nothing if it is none that can be read.
std::optional<Definition> read_definition(std::string_view text, std::size_t at, std::string_view command, bool at_letter,
                                          std::size_t* end);
/// The commands that define something.
constexpr std::array<std::string_view, 27> kDefiningCommands = {"def",
                                                                "gdef",
                                                                "edef",
                                                                "xdef",
                                                                "let",
                                                                "newif",
                                                                "newcommand",
                                                                "renewcommand",
                                                                "providecommand",
                                                                "DeclareRobustCommand",
                                                                "DeclareMathOperator",
                                                                "DeclarePairedDelimiter",
                                                                "DeclarePairedDelimiterX",
                                                                "DeclarePairedDelimiterXPP",
                                                                "NewDocumentCommand",
                                                                "RenewDocumentCommand",
                                                                "ProvideDocumentCommand",
                                                                "DeclareDocumentCommand",
                                                                "newcommandx",
                                                                "renewcommandx",
                                                                "newenvironment",
                                                                "renewenvironment",
                                                                "provideenvironment",
                                                                "excludecomment",
                                                                "lstnewenvironment",
                                                                "DefineVerbatimEnvironment",
                                                                "NewDocumentEnvironment"};
/// Whether the command is one of them.
bool is_defining(std::string_view command);

/// Body with the arguments put in; a blank where a control word would run into a letter.
void put_arguments(std::string_view body, const std::vector<std::string>& arguments, std::string& out);

}  // namespace corollary::latex
