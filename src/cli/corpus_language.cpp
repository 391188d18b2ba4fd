#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/flags.h"
#include "base/log.h"
#include "cli/corpus_commands.h"
#include "corpus/language/train_models.h"
#include "corpus/language/web_classify.h"

namespace corollary {
namespace {

/// What all of them take and say.
struct TrainingOptions {
  std::vector<std::string> inputs;
  std::string out;
  bool as_json = false;
};

void add_training_options(CLI::App& command, TrainingOptions& options) {
  command.add_option("--input", options.inputs, "Folders or .jsonl[.zst|.gz] files of documents")->required();
  command.add_option("--out", options.out, "Model file to write; what was measured goes into OUT.json beside it")->required();
  command.add_flag("--json", options.as_json, "Print the contents of OUT.json");
}

std::string share(const Json& value) { return value.is_null() ? "     -" : fmt::format("{:6.3f}", value.get<double>()); }

void print_qualities(const Json& json) {
  std::cout << fmt::format("{:<20} {:>9} {:>9} {:>9}\n", "held-out label", "documents", "precision", "recall");
  for (const auto& [label, quality] : json["labels"].items())
    std::cout << fmt::format("{:<20} {:>9} {:>9} {:>9}\n", label, quality["held_out"].get<std::int64_t>(),
                             share(quality["precision"]), share(quality["recall"]));
  if (!json.contains("thresholds")) return;
  for (const Json& at : json["thresholds"])
    std::cout << fmt::format("{:<20} {:>9} {:>9} {:>9}\n", fmt::format("positive >= {}", at["threshold"].get<double>()),
                             at["positive"]["held_out"].get<std::int64_t>(), share(at["positive"]["precision"]),
                             share(at["positive"]["recall"]));
}

void add_train_classifier(CLI::App& corpus) {
  struct Options : TrainingOptions {
    std::string label_field = "label";
    bool normalises = true;
    ClassifierTraining config;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = corpus.add_subcommand("train-classifier", "Train a fastText classifier on labelled documents");
  add_training_options(*command, *options);
  command->add_option("--label-field", options->label_field, "Field of a document that holds its label")->capture_default_str();
  command->add_flag("--normalise,!--no-normalise", options->normalises, "Train on normalised text")->capture_default_str();
  add_flags(*command, options->config);
  command->footer(
      "Example, languages of a text:\n  corollary corpus train-classifier --input labelled.jsonl --label-field language "
      "--no-normalise \\\n"
      "    --min-chars 2 --max-chars 4 --out language.bin");
  command->callback([options] {
    const Json json =
        train_classifier_on(options->inputs, options->label_field, options->normalises, options->config, options->out);
    options->as_json ? void(std::cout << json.dump(2) << "\n") : print_qualities(json);
  });
}

void add_train_mathscore(CLI::App& corpus) {
  struct Options : TrainingOptions {
    ClassifierTraining config;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      corpus.add_subcommand("train-mathscore", "Train MathScore: tells pages about mathematics by their words alone");
  add_training_options(*command, *options);
  add_flags(*command, options->config);
  command->footer(
      "A page with one of 84 LaTeX commands is an example of mathematics, any other is not; formulas and commands are no "
      "features.\n"
      "Example:\n  corollary corpus train-mathscore --input runs/crawl/documents --out mathscore.bin");
  command->callback([options] {
    const Json json = train_math_score(options->inputs, options->config, options->out);
    options->as_json ? void(std::cout << json.dump(2) << "\n") : print_qualities(json);
  });
}

void add_train_lm(CLI::App& corpus) {
  struct Options : TrainingOptions {
    std::string arpa;
    bool normalises = true;
    NgramTraining config;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = corpus.add_subcommand("train-lm", "Train an n-gram language model (interpolated modified Kneser-Ney)");
  add_training_options(*command, *options);
  command->add_option("--arpa", options->arpa, "Also write an ARPA file (.arpa, .arpa.gz, .arpa.zst)");
  command
      ->add_flag("--normalise,!--no-normalise", options->normalises, "Train on normalised text, as the perplexity filter scores it")
      ->capture_default_str();
  add_flags(*command, options->config);
  command->footer("Example:\n  corollary corpus train-lm --input runs/corpus/papers --out papers.ngram --arpa papers.arpa.zst");
  command->callback([options] {
    const Json json = train_language_model(options->inputs, options->config, options->normalises, options->out, options->arpa);
    if (options->as_json) return void(std::cout << json.dump(2) << "\n");
    std::cout << fmt::format("{} tokens of {} documents, {} words\n", format_count(json["tokens"].get<double>()),
                             json["sentences"].get<std::int64_t>(), json["vocabulary"].get<std::int64_t>());
    for (const Json& at : json["orders"])
      std::cout << fmt::format("{}-grams {:>12}, kept {:>12}, discounts {:.3f} {:.3f} {:.3f}{}\n", at["order"].get<int>(),
                               at["ngrams"].get<std::int64_t>(), at["kept"].get<std::int64_t>(), at["discounts"][0].get<double>(),
                               at["discounts"][1].get<double>(), at["discounts"][2].get<double>(),
                               at["discounts_are_fallback"].get<bool>() ? " (set: the counts give none)" : "");
    if (!json["held_out"]["perplexity"].is_null())
      std::cout << fmt::format("perplexity of {} held-out documents: {:.1f}\n", json["held_out"]["documents"].get<std::int64_t>(),
                               json["held_out"]["perplexity"].get<double>());
  });
}

void add_classify(CLI::App& corpus) {
  struct Options {
    std::vector<std::string> inputs;
    WebClassifierConfig config;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = corpus.add_subcommand("classify", "Language, MathScore and perplexity of documents, one JSON line each");
  command->add_option("--input", options->inputs, "Folders or .jsonl[.zst|.gz] files of documents")->required();
  add_flags(*command, options->config);
  command->footer(
      "Example:\n  corollary corpus classify --input pages.jsonl --language-model lid.176.ftz --math-model mathscore.bin "
      "--perplexity-model papers.ngram");
  command->callback([options] {
    const WebClassifier classifier(options->config);
    each_document(options->inputs, [&](const Document& document) {
      const WebScores scores = classifier.score(document.text);
      const auto rejection = classifier.judge(document.text);
      const auto number = [](const std::optional<double>& value) { return value ? Json(*value) : Json(); };
      Json line = {{"verdict", rejection ? rejection->reason : "keep"},
                   {"language", scores.language},
                   {"language_probability", scores.language_probability},
                   {"math_score", number(scores.math_score)},
                   {"perplexity", number(scores.perplexity)},
                   {"bytes", document.text.size()}};
      for (const char* name : {"url", "id", "path", "repo"})
        if (document.meta.contains(name)) line[name] = document.meta[name];
      std::cout << to_line(line) << "\n";
    });
  });
}

}  // namespace

void add_corpus_language_commands(CLI::App& corpus) {
  add_train_classifier(corpus);
  add_train_mathscore(corpus);
  add_train_lm(corpus);
  add_classify(corpus);
}

}  // namespace corollary
