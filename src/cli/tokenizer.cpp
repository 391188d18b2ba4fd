#include <CLI/CLI.hpp>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/flags.h"
#include "cli/commands.h"
#include "cli/stage_command.h"
#include "tokenizer/pack.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/train_tokenizer.h"

namespace corollary {
namespace {

/// A file, or standard input for "-", in chunks.
class Input {
 public:
  explicit Input(const std::string& path) : path_(path), file_(path == "-" ? stdin : std::fopen(path.c_str(), "rb")) {
    check(file_ != nullptr, "cannot open ", path, ": ", std::strerror(errno));
  }
  ~Input() {
    if (file_ != stdin) std::fclose(file_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  /// The next bytes; empty at the end.
  std::string_view read() {
    const std::size_t n = std::fread(buffer_.data(), 1, buffer_.size(), file_);
    check(n > 0 || std::ferror(file_) == 0, "cannot read ", path_, ": ", std::strerror(errno));
    return {buffer_.data(), n};
  }
  /// Calls f(line) for each line, without its newline.
  void for_each_line(const auto& f) {
    std::string waiting;
    for (std::string_view chunk = read(); !chunk.empty(); chunk = read()) {
      for (std::size_t end; (end = chunk.find('\n')) != chunk.npos; chunk.remove_prefix(end + 1)) {
        f(waiting.append(chunk.substr(0, end)));
        waiting.clear();
      }
      waiting += chunk;
    }
    if (!waiting.empty()) f(waiting);
  }

 private:
  std::string path_;
  std::FILE* file_;
  std::vector<char> buffer_ = std::vector<char>(1 << 20);
};

void write(std::string_view bytes) {
  check(std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size(),
        "cannot write to standard output: ", std::strerror(errno));
}

/// Ids on one line, or {"ids": [...]} on one line, written as they come.
class IdLine {
 public:
  explicit IdLine(bool as_json) : as_json_(as_json) {}
  void add(std::span<const std::int32_t> ids) {
    out_.clear();
    if (is_empty_ && as_json_) out_ += "{\"ids\": [";
    for (const std::int32_t id : ids) {
      if (!is_first_) out_ += as_json_ ? ", " : " ";
      out_ += std::to_string(id);
      is_first_ = false;
    }
    is_empty_ = false;
    write(out_);
  }
  void finish() {
    if (is_empty_) add({});
    write(as_json_ ? "]}\n" : "\n");
    is_empty_ = is_first_ = true;
  }

 private:
  bool as_json_, is_empty_ = true, is_first_ = true;
  std::string out_;
};

/// Ids between anything that is no digit and no letter, so that what encode printed, JSON too, can be read back.
std::vector<std::int32_t> parse_ids(std::string_view text, const std::string& where) {
  std::vector<std::int32_t> ids;
  if (text.starts_with("{\"ids\":")) text.remove_prefix(7);
  for (std::size_t at = 0; at < text.size();) {
    if (std::strchr(" \t\r\n,[]{}", text[at]) != nullptr && text[at] != '\0') {
      ++at;
      continue;
    }
    std::int32_t id = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), id);
    check(error == std::errc(), "in ", where, ": \"", text.substr(at, 20),
          "\" is no id: expected numbers between spaces or commas");
    ids.push_back(id);
    at = static_cast<std::size_t>(end - text.data());
  }
  return ids;
}

void add_train(CLI::App& parent) {
  struct Options {
    std::string recipe, corpus, out;
    TokenizerConfig config;
    bool as_json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = parent.add_subcommand("train", "Train a Llama-style BPE tokenizer on a corpus");
  command->add_option("--recipe", options->recipe, "Recipe folder or file, for its [tokenizer] table; flags override it")
      ->trigger_on_parse()
      ->each([options](const std::string& path) {
        if (const Json table = recipe_table(path, "tokenizer"); !table.is_null())
          fields_from_json(options->config, table, path + " [tokenizer]");
      });
  command->add_option("--corpus", options->corpus, "Folder of SUBSET/train.jsonl[.zst|.gz], or one such file")->required();
  command->add_option("--out", options->out, "Folder for tokenizer.model and tokenizer_config.json")->required();
  add_flags(*command, options->config);
  command->add_flag("--json", options->as_json, "Print the counts as JSON");
  command->footer(
      "Example:\n  corollary tokenizer train --corpus runs/quickstart/corpus --out runs/quickstart/tokenizer --vocab-size 8192");
  command->callback([options] {
    say_stage_result(train_tokenizer(options->config, options->corpus, options->out), options->out, options->as_json);
  });
}

void add_pack(CLI::App& parent) {
  struct Options {
    std::string recipe, corpus, tokenizer, out;
    PackConfig config;
    bool as_json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      parent.add_subcommand("pack", "Encode a corpus into Megatron's .bin and .idx, one pair for each subset and split");
  command->add_option("--recipe", options->recipe, "Recipe folder or file, for its [pack] table; flags override it")
      ->trigger_on_parse()
      ->each([options](const std::string& path) {
        if (const Json table = recipe_table(path, "pack"); !table.is_null())
          fields_from_json(options->config, table, path + " [pack]");
      });
  command->add_option("--corpus", options->corpus, "Folder of SUBSET/SPLIT.jsonl[.zst|.gz], or one such file")->required();
  command->add_option("--tokenizer", options->tokenizer, "tokenizer.model, tokenizer.json or a folder with one")->required();
  command->add_option("--out", options->out, "Folder for SUBSET_SPLIT_text_document.bin and .idx")->required();
  add_flags(*command, options->config);
  command->add_flag("--json", options->as_json, "Print the counts as JSON");
  command->footer(
      "Example:\n  corollary tokenizer pack --corpus runs/quickstart/corpus --tokenizer runs/quickstart/tokenizer "
      "--out runs/quickstart/pack");
  command->callback([options] {
    say_stage_result(pack(options->config, options->corpus, options->tokenizer, options->out), options->out, options->as_json);
  });
}

void add_encode(CLI::App& parent) {
  struct Options {
    std::string tokenizer, input = "-", text;
    EncodeOptions encode;
    bool by_line = false, as_json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = parent.add_subcommand("encode", "Text to ids, exactly as SentencePiece makes them");
  command->add_option("--tokenizer", options->tokenizer, "tokenizer.model, tokenizer.json or a folder with one")->required();
  auto* input = command->add_option("input", options->input, "File with the text; - is standard input")->capture_default_str();
  auto* text = command->add_option("--text", options->text, "The text itself")->excludes(input);
  command->add_flag("--bos", options->encode.add_bos, "Put the beginning-of-text id before each text");
  command->add_flag("--eos", options->encode.add_eos, "Put the end-of-text id after each text");
  command->add_flag("--match-special", options->encode.match_special,
                    "Make \"<s>\" and other special tokens of a tokenizer.json their ids, as Hugging Face does");
  command->add_flag("--lines", options->by_line, "Each line is a text of its own");
  command->add_flag("--json", options->as_json, "Print {\"ids\": [...]}, one line a text");
  command->footer("Example:\n  corollary tokenizer encode --tokenizer runs/quickstart/tokenizer --text 'Let $x$ be a group.'");
  command->callback([options, text] {
    const Tokenizer tokenizer = Tokenizer::load(options->tokenizer);
    IdLine line(options->as_json);
    if (text->count() > 0) {
      line.add(tokenizer.encode(options->text, options->encode));
      return line.finish();
    }
    Input input(options->input);
    if (options->by_line) {
      return input.for_each_line([&](const std::string& one) {
        line.add(tokenizer.encode(one, options->encode));
        line.finish();
      });
    }
    StreamEncoder encoder(tokenizer, options->encode);
    TokenBuffer ids;
    const auto print = [&] {
      line.add(ids.ids());
      ids.clear();
    };
    for (std::string_view chunk = input.read(); !chunk.empty(); chunk = input.read()) {
      encoder.push(chunk, ids);
      print();
    }
    encoder.finish(ids);
    print();
    line.finish();
  });
}

void add_decode(CLI::App& parent) {
  struct Options {
    std::string tokenizer, input = "-";
    bool as_json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = parent.add_subcommand("decode", "Ids to text, one line of ids a text");
  command->add_option("--tokenizer", options->tokenizer, "tokenizer.model, tokenizer.json or a folder with one")->required();
  command->add_option("input", options->input, "File with ids as encode prints them; - is standard input")->capture_default_str();
  command->add_flag("--json", options->as_json, "Print {\"text\": \"...\"}, one line a text; otherwise the bytes and a newline");
  command->footer("Example:\n  echo 306 5360 5733 | corollary tokenizer decode --tokenizer tokenizer.model");
  command->callback([options] {
    const Tokenizer tokenizer = Tokenizer::load(options->tokenizer);
    Input input(options->input);
    std::int64_t number = 0;
    input.for_each_line([&](const std::string& line) {
      const std::string text = tokenizer.decode(parse_ids(line, options->input + " line " + std::to_string(++number)));
      write(options->as_json ? to_line({{"text", text}}) + "\n" : text + "\n");
    });
  });
}

}  // namespace

// Declared in cli/commands.h.
void add_tokenizer_command(CLI::App& app);
void add_tokenizer_command(CLI::App& app) {
  CLI::App* tokenizer = app.add_subcommand("tokenizer", "Train a tokenizer, encode and decode, pack a corpus into token files");
  tokenizer->require_subcommand(1);
  add_train(*tokenizer);
  add_encode(*tokenizer);
  add_decode(*tokenizer);
  add_pack(*tokenizer);
  tokenizer->footer("Example:\n  corollary tokenizer encode --tokenizer tokenizer.model --text 'Let $x$ be a group.'");
}

}  // namespace corollary
