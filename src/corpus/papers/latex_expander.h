#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "corpus/papers/latex.h"
#include "corpus/papers/latex_macros.h"
#include "corpus/papers/latex_scan.h"

namespace corollary::latex {

/// What carrying out a document leaves of it.
struct Body {
  std::string text;                   ///< from the first heading to the end, not yet tidied
  std::string title, abstract;        ///< \title{..}; an \abstract{..} that stood in the preamble
  std::vector<std::string> missing;   ///< files that \input names and that are not there
  std::vector<std::string> repeated;  ///< files that include themselves, cut
};

/// Carries a document out as far as text goes: files are read where they are named, definitions hold from their place on, uses of
/// macros become their values, comments and branches not taken go. Text read from files, values and arguments lies on a stack of
/// frames; all that is not a command's business goes to the output unchanged.
///
/// Budgets, so that cycles, bombs and repeated inclusion end in linear time: the output grows over the sum of all files by at most
/// kGrowth times that sum plus kGrowthBytes (what would pass it stays as written); looking for arguments may read kWork times the
/// sum; a search that failed kMaxFailedSearches times is not tried again.
class Expander {
 public:
  static constexpr std::size_t kGrowth = 2, kGrowthBytes = 1 << 15, kWork = 16, kWorkBytes = 1 << 20;
  static constexpr int kMaxFailedSearches = 64, kMaxActive = 20;
  static constexpr std::size_t kMaxDepth = 500, kMaxListed = 100;

  /// `files` may be null: then \input stays as it is. All must outlive the expander.
  Expander(const LatexOptions& options, const LatexFiles* files);
  Body run(std::string_view text, std::string_view path);

 private:
  enum class Command : std::uint8_t;
  struct Frame {
    std::string_view text;
    std::size_t at = 0;
    std::string owned;             ///< what `text` points to, unless that lives elsewhere
    Macro* macro = nullptr;        ///< whose value it is
    std::string path;              ///< of a file; else empty
    std::size_t output_begin = 0;  ///< where its output began
    bool is_file = false, is_standalone = false, at_letter = false;
  };
  enum class Math : std::uint8_t { none, inline_dollar, display_dollar, other };
  struct TextInMath {
    std::size_t depth;
    Math math;
  };

  static const NameTable<Command>& commands();

  // latex_expander.cpp: frames, the loop, macros
  Frame& push();
  void push_file(const std::string& path, const std::string& text, bool at_letter);
  void push_text(std::string_view text, const Frame& from);
  void pop();
  void loop(std::size_t base);
  std::string expand_apart(std::string_view text, const Frame& from);
  void on_backslash(Frame& frame);
  void on_word(Frame& frame, std::size_t begin, std::string_view name, bool is_alias);
  void on_comment(Frame& frame);
  void on_math(Frame& frame);
  void on_brace(Frame& frame);
  bool in_math();
  bool use_macro(Frame& frame, std::string_view name, Macro& macro, std::size_t begin);
  bool is_plain(Macro& macro, int depth);
  bool write_value(Macro& macro, std::string_view value, bool is_owned, std::size_t consumed);
  bool read_parameters(const Macro& macro, std::vector<std::string>& arguments);
  bool read_mandatory(std::string& argument);
  bool read_bracket(std::string& argument);
  bool read_delimited(const std::string& mark, std::string& argument);
  Frame* frame_with_text(std::size_t* at);
  bool spend(std::size_t work) { return (work_ += work) <= work_limit_; }
  bool grow(std::size_t by, std::size_t consumed);
  void write_word(std::string_view name);
  void end_line_if_blank(Frame& frame);

  // latex_commands.cpp: what LaTeX itself means
  void carry_out(Command command, Frame& frame, std::size_t begin, std::string_view name);
  void define(Frame& frame, std::string_view name);
  void install(const Definition& definition);
  void begin_environment(Frame& frame, std::size_t begin);
  void end_environment(Frame& frame, std::size_t begin);
  void begin_document(Frame& frame);
  void heading(Frame& frame);
  bool end_of_text(Frame& frame, std::size_t begin);
  void test(Frame& frame, std::size_t begin, std::optional<bool> value);
  void else_or_fi(Frame& frame, std::string_view name);
  bool skip_branch(Frame& frame, bool stop_at_else);
  void take_title(Frame& frame, std::string_view name);
  void include(Frame& frame, std::size_t begin, std::string_view name);
  void use_packages(Frame& frame);
  bool include_file(std::string_view name, std::string_view folder, std::string_view extension, bool must_exist);
  void conditional_argument(Frame& frame, std::size_t begin, std::string_view name);
  bool copy_verbatim(Frame& frame, std::size_t begin);
  void copy_until(Frame& frame, std::size_t begin, std::size_t end);
  void drop_arguments(Frame& frame, std::size_t begin, std::string_view signature);
  std::optional<std::string> group_argument(Frame& frame);

  const LatexOptions& options_;
  const LatexFiles* files_;
  std::unordered_map<std::string, const LatexFiles::value_type*> by_lower_name_;
  ByteSet marks_{};
  bool tracks_math_ = false;

  std::vector<std::unique_ptr<Frame>> frames_;
  std::size_t depth_ = 0, base_ = 0;
  std::string out_;
  NameTable<Macro> macros_;
  struct Environment {
    Macro begin;
    std::string end;
    Definition::What what;
  };
  NameTable<Environment> environments_;
  std::deque<bool> flags_;
  std::vector<bool> tests_;  ///< open \if's: whether we decided them (else their \else and \fi stay)

  Math math_ = Math::none;
  std::size_t math_begin_ = 0, braces_ = 0;
  std::vector<TextInMath> texts_in_math_;

  Body body_;
  std::string import_folder_, root_folder_;
  std::size_t start_ = kNone, after_title_ = kNone, soft_end_ = kNone;
  bool in_body_ = false, is_over_ = false;
  std::size_t growth_ = 0, growth_limit_ = 0, work_ = 0, work_limit_ = 0;
  int failed_verbatim_ = 0, failed_comments_ = 0, failed_branches_ = 0, failed_groups_ = 0;
};

/// The folder of a path, with '/' at the end; empty at the top.
std::string folder_of(std::string_view path);
/// Folder and name joined, "." and ".." resolved; nothing if that leads out of the paper or is absolute.
std::optional<std::string> join_path(std::string_view folder, std::string_view name);

}  // namespace corollary::latex
