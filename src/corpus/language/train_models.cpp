#include "corpus/language/train_models.h"

#include <cmath>
#include <map>

#include "base/compress.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "corpus/language/ngram_model.h"
#include "corpus/language/normalise.h"
#include "corpus/language/web_classify.h"

namespace corollary {
namespace {

bool is_held_out(const Document& document) { return hash64(document.text, 10) % 10 == 0; }

struct Quality {
  std::int64_t right = 0, given = 0, true_ones = 0;
  Json json() const {
    const auto share = [](std::int64_t part, std::int64_t whole) { return whole == 0 ? Json() : Json(static_cast<double>(part) / static_cast<double>(whole)); };
    return {{"precision", share(right, given)}, {"recall", share(right, true_ones)}, {"held_out", true_ones}};
  }
};

Json qualities_of(const TextClassifier& model, const std::vector<LabelledText>& held_out) {
  std::map<std::string, Quality> by_label;
  for (const LabelledText& example : held_out) {
    const std::string given = model.best(example.text).label;
    ++by_label[example.label].true_ones;
    if (!given.empty()) ++by_label[given].given;
    by_label[example.label].right += given == example.label;
  }
  Json out = Json::object();
  for (const auto& [label, quality] : by_label) out[label] = quality.json();
  return out;
}

Json describe(const char* what, const std::vector<std::string>& inputs, Json settings, const fs::path& out) {
  return {{"kind", what}, {"inputs", inputs}, {"settings", std::move(settings)}, {"model", out.filename().string()}, {"sha256", sha256_file(out)}};
}

void say(const fs::path& out, const Json& json) { write_json_file(out.string() + ".json", json); }

}  // namespace

void each_document(const std::vector<std::string>& inputs, const std::function<void(const Document&)>& take) {
  std::int64_t count = 0;
  for (const std::string& input : inputs) {
    for (const fs::path& path : fs::is_directory(input) ? list_files(input) : std::vector<fs::path>{input}) {
      if (fs::is_directory(input) && (path.filename().string().find(".jsonl") == std::string::npos || path.filename().string().starts_with("rejected"))) continue;
      LineReader lines(path);
      while (const auto line = lines.next()) {
        if (line->empty()) continue;
        take(document_from_line(*line, path.string() + ":" + std::to_string(lines.line_number())));
        ++count;
      }
    }
  }
  check(count > 0, "no documents in ", inputs.empty() ? "" : inputs.front(), ": give folders or .jsonl, .jsonl.zst or .jsonl.gz files");
}

Json train_classifier_on(const std::vector<std::string>& inputs, const std::string& label_field, bool normalises,
                         const ClassifierTraining& config, const fs::path& out) {
  std::vector<LabelledText> examples, held_out;
  std::int64_t without_label = 0;
  each_document(inputs, [&](const Document& document) {
    const auto label = document.meta.find(label_field);
    if (label == document.meta.end() || !label->is_string() || label->get<std::string>().empty()) {
      ++without_label;
      return;
    }
    (is_held_out(document) ? held_out : examples).push_back({label->get<std::string>(), normalises ? normalise(document.text) : document.text});
  });
  check(!examples.empty(), "no document has a field ", label_field, " (", without_label, " without): say another with --label-field");
  train_classifier(config, examples, out, out.string() + ".examples");
  Json json = describe("classifier", inputs, fields_to_json(config), out);
  json["examples"] = examples.size(), json["without_label"] = without_label;
  json["labels"] = qualities_of(TextClassifier(out), held_out);
  say(out, json);
  return json;
}

Json train_math_score(const std::vector<std::string>& inputs, const ClassifierTraining& config, const fs::path& out) {
  std::vector<LabelledText> examples, held_out;
  each_document(inputs, [&](const Document& document) {
    const char* label = contains_popular_latex(document.text) ? "positive" : "negative";
    (is_held_out(document) ? held_out : examples).push_back({label, math_score_features(document.text)});
  });
  train_classifier(config, examples, out, out.string() + ".examples");
  const TextClassifier model(out);
  Json json = describe("mathscore", inputs, fields_to_json(config), out);
  json["examples"] = examples.size();
  json["labels"] = qualities_of(model, held_out);
  for (const double threshold : {0.17, 0.8}) {
    Quality quality;
    for (const LabelledText& example : held_out) {
      const bool is_positive = example.label == "positive", is_given = model.probability(example.text, "positive") >= threshold;
      quality.true_ones += is_positive, quality.given += is_given, quality.right += is_positive && is_given;
    }
    json["thresholds"].push_back({{"threshold", threshold}, {"positive", quality.json()}});
  }
  say(out, json);
  return json;
}

Json train_language_model(const std::vector<std::string>& inputs, const NgramTraining& config, bool normalises, const fs::path& out,
                          const fs::path& arpa) {
  const fs::path scratch = out.string() + ".scratch";
  fs::remove_all(scratch);
  std::vector<std::string> held_out;  // a sample: at most a thousand
  Json counts;
  {
    NgramTrainer trainer(config, scratch);
    each_document(inputs, [&](const Document& document) {
      std::string text = normalises ? normalise(document.text) : document.text;
      if (is_held_out(document)) {
        if (held_out.size() < 1000) held_out.push_back(std::move(text));
      } else {
        trainer.add(text);
      }
    });
    counts = trainer.finish(arpa, out);
  }
  fs::remove_all(scratch);
  Json json = describe("ngram_model", inputs, fields_to_json(config), out);
  json["normalised"] = normalises;
  json.update(counts);
  const NgramModel model(out);
  NgramScore sum;
  for (const std::string& text : held_out) {
    const NgramScore score = model.score(text);
    sum.log10 += score.log10, sum.words += score.words, sum.unknown += score.unknown;
  }
  json["held_out"] = {{"documents", held_out.size()}, {"words", sum.words}, {"unknown", sum.unknown}, {"perplexity", sum.words == 0 ? Json() : Json(sum.perplexity())}};
  say(out, json);
  return json;
}

}  // namespace corollary
