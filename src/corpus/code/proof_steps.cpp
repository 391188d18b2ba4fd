#include "corpus/code/proof_steps.h"

#include <simdjson.h>

#include <algorithm>

#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

void add_tokens(Document& document, const char* key, const ProofStepOptions& options) {
  if (options.count_tokens) document.meta[key] = options.count_tokens(document.text);
}

/// Whole lines; the last one need not end in a newline.
std::optional<std::string_view> next_line(std::string_view text, std::size_t& at) {
  if (at >= text.size()) return std::nullopt;
  const std::size_t end = std::min(text.find('\n', at), text.size());
  const std::string_view line = text.substr(at, end - at);
  at = end + 1;
  return line;
}

struct Step {
  std::string_view state, step;
};

/// States as comments of Isabelle: "(* one line *)", or the lines indented between "(*" and "*)".
std::string as_comment(std::string_view state) {
  if (state.find('\n') == kNone) return "(* " + std::string(state) + " *)";
  std::string out = "(*  ";
  for (const char c : state) {
    out += c;
    if (c == '\n') out += "    ";
  }
  return out + "\n*)";
}

std::string as_text(std::string_view statement, const std::vector<Step>& steps, bool execution_layout) {
  std::string text(execution_layout ? "" : "[STATEMENT]\n");
  text += statement;
  for (const auto& [state, step] : steps) {
    if (execution_layout) {
      text += "\n" + as_comment(state) + "\n";
    } else {
      text += "\n[PROOF STATE]\n";
      text += state;
      text += "\n[PROOF STEP]\n";
    }
    text += step;
  }
  return text;
}

}  // namespace

std::string lean_module_name(std::string_view path) {
  if (path.ends_with(".lean")) path.remove_suffix(5);
  std::string name(path);
  std::replace(name.begin(), name.end(), '/', '.');
  return name;
}

ProofStepDocuments lean_proof_steps(std::string_view output, const std::string& mathlib_filename, const ProofStepOptions& options) {
  ProofStepDocuments result;
  if (const auto at = invalid_utf8_at(output)) {
    result.rejection = Rejection{"invalid_utf8", *at};
    return result;
  }
  const std::string text = options.as_published ? std::string() : normalize_newlines(output);
  const std::string_view source = options.as_published ? output : std::string_view(text);
  std::string clean, goal, tactic;
  enum class In { kNothing, kGoal, kStep } in = In::kNothing;
  bool is_whole = true;
  const auto finish = [&] {
    if (in == In::kNothing) return;
    is_whole = in == In::kStep && !trim(goal).empty() && !trim(tactic).empty();
    ++(is_whole ? result.steps : result.malformed);
    if (is_whole) clean += "[GOAL]\n" + goal + "[PROOFSTEP]\n" + tactic;
    goal.clear();
    tactic.clear();
  };
  for (std::size_t at = 0; const auto line = next_line(source, at);) {
    if (*line == "[GOAL]") {
      finish();
      in = In::kGoal;
    } else if (*line == "[PROOFSTEP]" && in == In::kGoal) {
      in = In::kStep;
    } else if (*line == "[PROOFSTEP]") {  // a second tactic, or one without a goal: what stands there is of no use
      finish();
      ++result.malformed;
      in = In::kNothing;
    } else if (in != In::kNothing) {
      (in == In::kGoal ? goal : tactic).append(*line) += '\n';
    }
  }
  finish();
  if (result.steps == 0 && !options.as_published) {
    result.rejection = Rejection{"no_proof_steps"};
    return result;
  }
  Document document;
  document.text = options.as_published ? std::string(output) : clean;
  document.meta["mathlib_filename"] = mathlib_filename;
  add_tokens(document, "llama_tokens", options);
  result.documents.push_back(std::move(document));
  return result;
}

std::string isabelle_file_name(std::string_view path, bool execution_layout) {
  const std::string_view begin = execution_layout ? "thys_" : "2022-12-06_thys_",
                         end = execution_layout ? "_ground" : ".thy_output.json";
  const std::size_t at = path.find(begin), stop = path.find(end);
  if (at != kNone && stop != kNone && stop >= at + begin.size()) {
    const std::string name(path.substr(at + begin.size(), stop - at - begin.size()));
    if (!execution_layout) return name;
    if (const std::size_t cut = name.rfind('_'); cut != std::string::npos)
      return name.substr(0, cut) + "/" + name.substr(cut + 1) + ".thy";
  }
  return std::string(path.substr(path.rfind('/') + 1));
}

ProofStepDocuments isabelle_proof_steps(std::string_view json, std::string_view path, const TheoremDecontaminator* tests,
                                        const ProofStepOptions& options) {
  ProofStepDocuments result;
  constexpr std::size_t kMaxBytes = std::size_t{1} << 31;
  if (json.size() > kMaxBytes) {
    result.rejection = Rejection{"too_large", static_cast<std::int64_t>(kMaxBytes)};
    return result;
  }
  std::string padded(json);
  padded.append(simdjson::SIMDJSON_PADDING, ' ');
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.parse(padded.data(), json.size(), false).get(root)) {
    result.rejection = error == simdjson::UTF8_ERROR ? Rejection{"invalid_utf8", invalid_utf8_at(json).value_or(0)}
                                                     : Rejection{"malformed_json", 0, simdjson::error_message(error)};
    return result;
  }
  simdjson::dom::array items;
  if (root["translations"].get(items) != simdjson::SUCCESS) {
    result.rejection = Rejection{"no_proof_steps", 0, "no translations"};
    return result;
  }
  const std::string file = isabelle_file_name(path, options.execution_layout);
  Document theory;  // of the execution layout
  std::string_view statement;
  std::vector<Step> steps;
  bool is_open = false;
  const auto finish = [&] {
    if (!is_open) return;
    if (!statement.starts_with("lemma ") && !statement.starts_with("theorem ")) {
      ++result.other_commands;
      return;
    }
    std::string text = as_text(statement, steps, options.execution_layout);
    if (tests != nullptr)
      if (auto hit = tests->isabelle_hit(text)) {
        ++result.contaminated;
        result.hits.push_back(std::move(*hit));
        return;
      }
    result.steps += static_cast<std::int64_t>(steps.size());
    if (options.execution_layout) {
      if (!theory.text.empty()) theory.text += "\n\n";
      theory.text += text;
      return;
    }
    Document document;
    document.text = std::move(text);
    document.meta["file"] = file;
    document.meta["length"] = static_cast<std::int64_t>(steps.size());
    add_tokens(document, "tokens", options);
    result.documents.push_back(std::move(document));
  };
  for (const simdjson::dom::element item : items) {
    simdjson::dom::array parts;
    std::string_view state, step;
    if (item.get(parts) != simdjson::SUCCESS || parts.at(0).get(state) != simdjson::SUCCESS ||
        parts.at(1).get(step) != simdjson::SUCCESS) {
      ++result.malformed;
      continue;
    }
    // Upstream takes what comes before the first empty state for a theorem, too.
    const bool begins = state.empty() || (options.as_published && !is_open);
    if (begins) {
      finish();
      steps.clear();
      statement = step;
      is_open = true;
      ++result.theorems;
    } else if (is_open) {
      steps.push_back({state, step});
    } else {
      ++result.malformed;
    }
  }
  finish();
  if (options.execution_layout && !theory.text.empty()) {
    theory.meta["file"] = file;
    add_tokens(theory, "tokens", options);
    result.documents.push_back(std::move(theory));
  }
  return result;
}

Json published_proof_step_row(const Document& document) {
  return {{"proof", document.text}, {"metadata", {{"file", document.meta["file"]}, {"length", document.meta["length"]}}}};
}

}  // namespace corollary
