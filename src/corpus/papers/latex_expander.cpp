#include "corpus/papers/latex_expander.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>

namespace corollary::latex {
namespace {

constexpr std::size_t kLongestArgument = 1 << 20, kLongestBracket = 1 << 12;

/// memmem, as find stops at every 'e' of a text to look for "ensuremath".
bool contains(std::string_view text, std::string_view piece) {
  return ::memmem(text.data(), text.size(), piece.data(), piece.size()) != nullptr;
}

/// Accents, fonts and the like take one token: a value of several needs braces behind them, as behind ^ and _.
bool takes_a_token(std::string_view out) {
  static const std::unordered_set<std::string_view> words = {
      "hat",        "tilde",      "bar",       "vec",       "dot",          "ddot",      "check",          "breve",
      "acute",      "grave",      "overline",  "underline", "widehat",      "widetilde", "overrightarrow", "mathbf",
      "mathrm",     "mathit",     "mathsf",    "mathtt",    "mathcal",      "mathbb",    "mathfrak",       "mathscr",
      "boldsymbol", "bm",         "sqrt",      "frac",      "dfrac",        "tfrac",     "binom",          "text",
      "textbf",     "textit",     "textrm",    "emph",      "operatorname", "mathop",    "mathbin",        "mathrel",
      "mathring",   "underbrace", "overbrace", "pmb",       "mbox",         "hbox"};
  while (!out.empty() && out.back() == ' ') out.remove_suffix(1);
  if (out.empty()) return false;
  if (out.back() == '^' || out.back() == '_') return out.size() < 2 || out[out.size() - 2] != '\\';
  std::size_t at = out.size();
  constexpr std::size_t kLongest = 16;
  while (at > 0 && out.size() - at < kLongest && is_ascii_letter(out[at - 1])) --at;
  return at > 0 && at < out.size() && out[at - 1] == '\\' && words.contains(out.substr(at));
}

/// One token or one group.
bool is_single(std::string_view value) {
  if (value.size() <= 1) return true;
  if (value[0] == '\\') return name_end(value, 1) == value.size() || value.size() == 2;
  if (value[0] == '{') return group_end(value, 0, value.size()) == value.size();
  return false;
}

}  // namespace

std::string folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == kNone ? std::string() : std::string(path.substr(0, slash + 1));
}

std::optional<std::string> join_path(std::string_view folder, std::string_view name) {
  if (name.starts_with('/') || contains(name, std::string_view("\0", 1))) return std::nullopt;
  std::string path(folder);
  path += name;
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = std::string_view(path).substr(at, end - at);
    if (part == "..") {
      if (parts.empty()) return std::nullopt;
      parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    at = end + 1;
  }
  std::string out;
  for (const std::string_view part : parts) (out += out.empty() ? "" : "/") += part;
  return out;
}

Expander::Expander(const LatexOptions& options, const LatexFiles* files) : options_(options), files_(files) {}

Body Expander::run(std::string_view text, std::string_view path) {
  std::size_t total = files_ == nullptr ? text.size() : 0;
  bool has_chunks = contains(text, "<<");
  tracks_math_ = contains(text, "ensuremath");
  if (files_ != nullptr)
    for (const auto& [name, content] : *files_) {
      total += content.size();
      has_chunks |= contains(content, "\n<<");
      tracks_math_ |= contains(content, "ensuremath");
    }
  marks_ = byte_set(tracks_math_ ? "\\%${}" : "\\%");
  marks_['<'] = has_chunks;
  growth_limit_ = kGrowth * total + kGrowthBytes;
  work_limit_ = kWork * total + kWorkBytes;
  constexpr std::size_t kMostReserved = 1 << 26;
  out_.reserve(std::min(total + total / 8, kMostReserved) + 64);
  root_folder_ = folder_of(path);

  Frame& frame = push();
  frame.text = text;
  frame.path = path;
  frame.is_file = true;
  loop(0);

  std::size_t begin = start_, end = out_.size();
  constexpr std::size_t kWorthKeeping = 500;  // text between \maketitle and the first heading, not a table of contents
  if (after_title_ != kNone && (begin == kNone || (begin > after_title_ && begin - after_title_ > kWorthKeeping)))
    begin = after_title_;
  if (begin == kNone) begin = 0;
  if (start_ == kNone) end = std::max(begin, std::min(end, soft_end_));
  out_.resize(end);
  out_.erase(0, begin);
  body_.text = std::move(out_);
  return std::move(body_);
}

Expander::Frame& Expander::push() {
  if (depth_ == frames_.size()) frames_.push_back(std::make_unique<Frame>());
  Frame& frame = *frames_[depth_++];
  frame.at = 0;
  frame.macro = nullptr;
  frame.path.clear();
  frame.output_begin = out_.size();
  frame.is_file = frame.is_standalone = frame.at_letter = false;
  return frame;
}

void Expander::push_text(std::string_view text, const Frame& from) {
  const bool at_letter = from.at_letter;
  Frame& frame = push();
  frame.owned = text;
  frame.text = frame.owned;
  frame.at_letter = at_letter;
}

void Expander::pop() {
  Frame& frame = *frames_[--depth_];
  if (frame.macro != nullptr) --frame.macro->active;
  if (depth_ == 0) return;
  const Frame& below = *frames_[depth_ - 1];
  if (below.at < below.text.size() && is_ascii_letter(below.text[below.at]) && ends_with_control_word(out_)) out_ += ' ';
}

void Expander::loop(std::size_t base) {
  const std::size_t outer = base_;
  base_ = base;
  while (depth_ > base && !is_over_) {
    Frame& frame = *frames_[depth_ - 1];
    const std::size_t next = find_byte(frame.text, frame.at, marks_);
    out_.append(frame.text, frame.at, next - frame.at);
    frame.at = next;
    if (next == frame.text.size()) {
      pop();
      continue;
    }
    switch (frame.text[next]) {
      case '\\':
        on_backslash(frame);
        break;
      case '%':
        on_comment(frame);
        break;
      case '$':
        on_math(frame);
        break;
      case '<':
        if (!copy_verbatim(frame, next)) out_ += '<', ++frame.at;
        break;
      default:
        on_brace(frame);
    }
  }
  while (depth_ > base) {  // the text is over
    if (frames_[depth_ - 1]->macro != nullptr) --frames_[depth_ - 1]->macro->active;
    --depth_;
  }
  base_ = outer;
}

std::string Expander::expand_apart(std::string_view text, const Frame& from) {
  std::string out;
  out.swap(out_);
  const Math math = math_;
  const std::size_t math_begin = math_begin_, start = start_, braces = braces_;
  const bool was_over = is_over_;
  push_text(text, from);
  loop(depth_ - 1);
  out.swap(out_);
  math_ = math, math_begin_ = math_begin, start_ = start, braces_ = braces, is_over_ = was_over;
  return out;
}

void Expander::write_word(std::string_view name) { (out_ += '\\') += name; }

/// A command that vanished alone on its line takes the line along.
void Expander::end_line_if_blank(Frame& frame) {
  std::size_t end = frame.at;
  while (end < frame.text.size() && (frame.text[end] == ' ' || frame.text[end] == '\t')) ++end;
  if (end < frame.text.size() && frame.text[end] != '\n') return;
  std::size_t line = out_.size();
  while (line > 0 && (out_[line - 1] == ' ' || out_[line - 1] == '\t')) --line;
  if (line > 0 && out_[line - 1] != '\n') return;
  out_.resize(line);
  frame.at = std::min(end + 1, frame.text.size());
}

void Expander::on_comment(Frame& frame) {
  const std::size_t end = line_end(frame.text, frame.at);
  std::size_t line = out_.size();
  while (line > 0 && (out_[line - 1] == ' ' || out_[line - 1] == '\t')) --line;
  frame.at = end;
  if (line > 0 && out_[line - 1] != '\n') return;
  out_.resize(line);  // nothing but the comment: the whole line
  frame.at = std::min(end + 1, frame.text.size());
}

void Expander::on_brace(Frame& frame) {
  const char c = frame.text[frame.at++];
  out_ += c;
  if (c == '{') {
    ++braces_;
  } else if (braces_ > 0) {
    --braces_;
    if (!texts_in_math_.empty() && texts_in_math_.back().depth == braces_) {
      math_ = texts_in_math_.back().math;
      math_begin_ = out_.size();
      texts_in_math_.pop_back();
    }
  }
}

bool Expander::in_math() {
  if (math_ == Math::none) return false;
  // No formula holds an empty line: one that seems to lost its closing mark.
  if (math_begin_ > out_.size() || out_.find("\n\n", math_begin_) != kNone) math_ = Math::none, texts_in_math_.clear();
  return math_ != Math::none;
}

void Expander::on_math(Frame& frame) {
  const bool is_display = frame.text.compare(frame.at, 2, "$$") == 0;
  const bool was_in_math = in_math();
  if (!was_in_math || math_ == Math::other) {
    if (!was_in_math) math_ = is_display ? Math::display_dollar : Math::inline_dollar;
  } else if (math_ == Math::display_dollar || !is_display) {
    math_ = Math::none;
  } else {  // "$$" in an inline formula: its end and the next one's beginning
    math_ = Math::inline_dollar;
  }
  const std::size_t length = is_display ? 2 : 1;
  out_.append(frame.text, frame.at, length);
  frame.at += length;
  math_begin_ = out_.size();
}

void Expander::on_backslash(Frame& frame) {
  const std::string_view text = frame.text;
  const std::size_t begin = frame.at, end = name_end(text, begin + 1, frame.at_letter);
  if (end == begin + 1) {
    if (tracks_math_ && end < text.size()) {
      const char c = text[end];
      if (c == '(' || c == '[') math_ = Math::other, math_begin_ = out_.size();
      if (c == ')' || c == ']') math_ = Math::none;
    }
    out_.append(text, begin, 2);
    frame.at = std::min(begin + 2, text.size());
    return;
  }
  frame.at = end;
  on_word(frame, begin, text.substr(begin + 1, end - begin - 1), false);
}

void Expander::on_word(Frame& frame, std::size_t begin, std::string_view name, bool is_alias) {
  if (!is_alias) {
    if (Macro* macro = macros_.find(name)) {
      if (!use_macro(frame, name, *macro, begin)) write_word(name);
      return;
    }
  }
  if (const Command* command = commands().find(name)) return carry_out(*command, frame, begin, name);
  write_word(name);
}

bool Expander::is_plain(Macro& macro, int depth) {
  constexpr int kDeepest = 12;
  if (macro.is_exotic) return false;
  if (!macro.has_at) return true;
  if (depth > kDeepest) return false;
  const std::string_view body = macro.body;
  for (std::size_t at = 0; (at = body.find('\\', at)) != kNone;) {
    const std::size_t end = name_end(body, at + 1, macro.at_letter);
    const std::string_view name = body.substr(at + 1, end - at - 1);
    if (contains(name, "@")) {
      Macro* other = macros_.find(name);
      if (other == nullptr || !is_plain(*other, depth + 1)) return false;
    }
    at = std::max(end, at + 2);
  }
  return true;
}

bool Expander::grow(std::size_t by, std::size_t consumed) {
  constexpr std::size_t kOverhead = 4;  // blanks and braces put around a value
  const std::size_t more = by + kOverhead > consumed ? by + kOverhead - consumed : 0;
  if (growth_ + more > growth_limit_) return false;
  growth_ += more;
  return true;
}

bool Expander::use_macro(Frame& frame, std::string_view name, Macro& macro, std::size_t begin) {
  switch (macro.kind) {
    case Macro::Kind::alias:
      on_word(frame, begin, macro.body, true);
      return true;
    case Macro::Kind::set_flag:
      *macro.flag = macro.value;
      end_line_if_blank(frame);
      return true;
    case Macro::Kind::test_flag:
      test(frame, begin, *macro.flag);
      return true;
    default:
      break;
  }
  if (depth_ >= kMaxDepth || !spend(8) || !is_plain(macro, 0)) return false;
  if (macro.active >= kMaxActive) return macro.is_exotic = true, false;  // it uses itself
  const std::size_t before = frame.at;
  if (macro.kind == Macro::Kind::delimiters) {
    std::vector<std::string> arguments(2);
    const bool has_star = before < frame.text.size() && frame.text[before] == '*';
    if (has_star) ++frame.at;
    if ((!has_star && !read_bracket(arguments[1])) || !read_mandatory(arguments[0])) return frame.at = before, false;
    const std::string &size = arguments[1],
                      left = has_star       ? "\\left"
                             : size.empty() ? ""
                                            : size + "l",
                      right = has_star       ? "\\right"
                              : size.empty() ? ""
                                             : size + "r";
    const std::string value = left + macro.body + " " + arguments[0] + " " + right + macro.right;
    return write_value(macro, value, true, frame.at - begin) || (frame.at = before, false);
  }
  if (macro.parameters.empty()) {
    if (frame.text.compare(before, 2, "{}") == 0) frame.at += 2;  // ended the name
    if (write_value(macro, macro.body, false, frame.at - begin)) return true;
    return frame.at = before, false;
  }
  std::vector<std::string> arguments;
  const std::size_t depth = depth_, name_size = name.size();
  const auto give_back = [&] {  // as it was read; what stood at the end of a value that is used up is written now
    if (depth_ == depth) return frame.at = before, false;
    write_word(name);
    for (const std::string& argument : arguments) ((out_ += '{') += argument) += '}';
    return true;
  };
  if (!read_parameters(macro, arguments)) return give_back();
  std::string value;
  put_arguments(macro.body, arguments, value);
  std::size_t consumed = name_size + 1;
  for (const std::string& argument : arguments) consumed += argument.size();
  return write_value(macro, value, true, consumed) || give_back();
}

bool Expander::write_value(Macro& macro, std::string_view value, bool is_owned, std::size_t consumed) {
  if (!spend(value.size()) || !grow(value.size(), consumed)) return false;
  const bool in_braces = value.size() > 1 && !is_single(value) && takes_a_token(out_);
  if (!value.empty() && !in_braces && is_ascii_letter(value[0]) && ends_with_control_word(out_)) out_ += ' ';
  Frame& frame = push();
  frame.macro = &macro;
  frame.at_letter = macro.at_letter;
  ++macro.active;
  if (in_braces) {
    (frame.owned = '{').append(value) += '}';
    frame.text = frame.owned;
  } else if (is_owned) {
    frame.owned = value;
    frame.text = frame.owned;
  } else {
    frame.text = value;
  }
  return true;
}

/// The frame in which the next argument stands and its place there, behind blanks; used-up values end here. Null at the end of the
/// text. Nothing is consumed yet, so that blanks stay where no argument follows.
Expander::Frame* Expander::frame_with_text(std::size_t* at) {
  while (depth_ > base_) {
    Frame& frame = *frames_[depth_ - 1];
    *at = skip_blanks(frame.text, frame.at);
    if (*at < frame.text.size()) return &frame;
    if (frame.is_file || depth_ - 1 == base_) return nullptr;
    if (frame.macro != nullptr) --frame.macro->active;
    --depth_;
  }
  return nullptr;
}

bool Expander::read_mandatory(std::string& argument) {
  std::size_t at = 0;
  Frame* frame = frame_with_text(&at);
  if (frame == nullptr) return false;
  const std::string_view text = frame->text;
  std::size_t end = at + 1;
  if (text[at] == '}' || text[at] == '&') return false;
  if (text[at] == '{') {
    if (failed_groups_ >= kMaxFailedSearches) return false;
    const auto close = group_end(text, at, kLongestArgument);
    if (!close) return ++failed_groups_, false;
    end = *close;
    argument = text.substr(at + 1, end - at - 2);
  } else {
    if (text[at] == '\\') end = std::min(std::max(name_end(text, at + 1, frame->at_letter), at + 2), text.size());
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    argument = text.substr(at, end - at);
  }
  frame->at = end;
  return spend(argument.size());
}

/// Leaves `argument` as it is if there is no bracket; false if one does not close.
bool Expander::read_bracket(std::string& argument) {
  std::size_t at = 0;
  Frame* frame = frame_with_text(&at);
  if (frame == nullptr || frame->text[at] != '[') return true;
  const auto end = failed_groups_ < kMaxFailedSearches ? bracket_end(frame->text, at, kLongestBracket) : std::nullopt;
  if (!end) return ++failed_groups_, false;
  if (!spend(*end - at)) return false;
  argument = frame->text.substr(at + 1, *end - at - 2);
  frame->at = *end;
  return true;
}

bool Expander::read_delimited(const std::string& mark, std::string& argument) {
  std::size_t begin = 0;
  Frame* frame = frame_with_text(&begin);
  if (frame == nullptr || failed_groups_ >= kMaxFailedSearches) return false;
  const std::string_view text = frame->text.substr(0, begin + std::min(kLongestBracket, frame->text.size() - begin));
  std::size_t at = begin;
  while (at < text.size() && text.compare(at, mark.size(), mark) != 0) {
    if (text[at] == '{') {
      const auto end = group_end(text, at, kLongestBracket);
      if (!end) return ++failed_groups_, false;
      at = *end;
    } else if (text[at] == '}') {
      return false;
    } else {
      at += text[at] == '\\' ? 2 : 1;
    }
  }
  if (at >= text.size()) return ++failed_groups_, false;
  if (!spend(at - begin)) return false;
  std::string_view value = text.substr(begin, at - begin);
  if (value.starts_with('{') && group_end(value, 0, value.size()) == value.size()) value = value.substr(1, value.size() - 2);
  argument = value;
  frame->at = at + mark.size();
  return true;
}

bool Expander::read_parameters(const Macro& macro, std::vector<std::string>& arguments) {
  for (const Parameter& parameter : macro.parameters) {
    std::string argument;
    switch (parameter.kind) {
      case Parameter::Kind::mandatory:
        if (!read_mandatory(argument)) return false;
        break;
      case Parameter::Kind::optional:
        argument = parameter.text;
        if (!read_bracket(argument)) return false;
        break;
      case Parameter::Kind::star: {
        std::size_t at = 0;
        Frame* frame = frame_with_text(&at);
        const bool has_star = frame != nullptr && frame->text[at] == '*';
        if (has_star) frame->at = at + 1;
        argument = has_star ? "\\BooleanTrue" : "\\BooleanFalse";
        break;
      }
      case Parameter::Kind::delimited:
        if (!read_delimited(parameter.text, argument)) return false;
        break;
      case Parameter::Kind::literal: {
        std::size_t at = 0;
        Frame* frame = frame_with_text(&at);
        if (frame == nullptr || frame->text.compare(at, parameter.text.size(), parameter.text) != 0) return false;
        frame->at = at + parameter.text.size();
        continue;
      }
    }
    arguments.push_back(std::move(argument));
  }
  return true;
}

}  // namespace corollary::latex
