#include "explore/provenance.h"

#include <algorithm>
#include <map>
#include <string>

#include "base/log.h"
#include "explore/counts_table.h"

namespace corollary {
namespace {

bool is_sha256(const Json& value) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// A row of a manifest's inputs: a digest, or an object with one and more about it.
struct Input {
  std::string name, digest, about;
};

std::vector<Input> inputs_of(const Manifest& manifest) {
  std::vector<Input> inputs;
  for (const auto& [name, value] : manifest.inputs.items()) {
    Input input{name, "", ""};
    if (is_sha256(value)) {
      input.digest = value.get<std::string>();
    } else if (value.is_object()) {
      for (const auto& [key, part] : value.items()) {
        if (input.digest.empty() && is_sha256(part))
          input.digest = part.get<std::string>();
        else
          input.about += (input.about.empty() ? "" : ", ") + words(key) + " " + readable(key, part);
      }
    } else {
      input.about = value.is_string() ? value.get<std::string>() : to_line(value);
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

Html stage_details(const StageRecord& stage, const std::map<std::string, std::string>& written_by) {
  const Manifest& manifest = *stage.manifest;
  Html out;
  out << "<details><summary>"_html << stage.name << "<span class=\"note\">"_html << format_seconds(manifest.seconds)
      << " · version "_html << manifest.version << " · "_html << static_cast<std::int64_t>(manifest.inputs.size()) << " read, "_html
      << static_cast<std::int64_t>(manifest.outputs.size()) << " written</span></summary>\n"_html;
  if (const auto inputs = inputs_of(manifest); !inputs.empty()) {
    out << "<div class=\"wide\"><table><caption>Read</caption><thead><tr><td></td><th scope=\"col\" class=\"words\">from</th>"
           "<th scope=\"col\" class=\"words\">SHA-256</th><th scope=\"col\" class=\"words\">about</th></tr></thead>\n<tbody>\n"_html;
    for (const Input& input : inputs) {
      const auto writer = written_by.find(input.digest);
      out << "<tr><th scope=\"row\">"_html << input.name << "</th><td class=\"words\">"_html
          << (writer != written_by.end() && writer->second != stage.name ? writer->second : "–")
          << "</td><td class=\"digest\">"_html << input.digest << "</td><td class=\"words\">"_html << input.about
          << "</td></tr>\n"_html;
    }
    out << "</tbody></table></div>\n"_html;
  }
  if (!manifest.outputs.empty()) {
    out << "<div class=\"wide\"><table><caption>Written</caption><thead><tr><td></td><th scope=\"col\">bytes</th>"
           "<th scope=\"col\" class=\"words\">SHA-256</th></tr></thead>\n<tbody>\n"_html;
    for (const auto& [path, about] : manifest.outputs.items()) {
      const bool has_parts = about.is_object();
      out << "<tr><th scope=\"row\">"_html << path << "</th><td>"_html
          << (has_parts && about.contains("bytes") ? readable("", about["bytes"]) : "–") << "</td><td class=\"digest\">"_html
          << (has_parts && about.contains("sha256") ? readable("", about["sha256"]) : "") << "</td></tr>\n"_html;
    }
    out << "</tbody></table></div>\n"_html;
  }
  const auto dump = [](const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace); };
  if (!manifest.config.empty()) out << "<h3>Configuration</h3><pre>"_html << dump(manifest.config) << "</pre>\n"_html;
  if (!manifest.counts.empty()) out << "<h3>Counts</h3><pre>"_html << dump(manifest.counts) << "</pre>\n"_html;
  return out << "</details>\n"_html;
}

}  // namespace

Html provenance_section(const RunRecord& run) {
  std::map<std::string, std::string> written_by;  // digest -> stage
  double total_seconds = 0;
  for (const StageRecord& stage : run.stages) {
    if (!stage.manifest) continue;
    total_seconds += stage.manifest->seconds;
    written_by.emplace(stage.manifest_sha256, stage.name);
    for (const auto& [path, about] : stage.manifest->outputs.items())
      if (about.is_object() && about.contains("sha256") && is_sha256(about["sha256"]))
        written_by.emplace(about["sha256"].get<std::string>(), stage.name);
  }
  Html out;
  out << "<section id=\"provenance\"><h2>Provenance</h2>\n<p>Each stage leaves a manifest: what it read, how it was set, what it "
         "wrote. "
         "Following the digests leads from any number here back to the sources.</p>\n<div class=\"wide\"><table><caption>Time by stage</caption><tbody>\n"_html;
  for (const StageRecord& stage : run.stages) {
    out << "<tr><th scope=\"row\">"_html << stage.name << "</th>"_html;
    if (!stage.manifest)
      out << "<td class=\"missing\">not finished</td><td></td></tr>\n"_html;
    else
      out << "<td>"_html << format_seconds(stage.manifest->seconds) << "</td><td>"_html
          << (total_seconds > 0 ? fixed(100 * stage.manifest->seconds / total_seconds, 0) + " %" : "–") << "</td></tr>\n"_html;
  }
  out << "</tbody></table></div>\n"_html;
  for (const StageRecord& stage : run.stages)
    if (stage.manifest) out << stage_details(stage, written_by);
  return out << "</section>\n"_html;
}

}  // namespace corollary
