#include "corpus/language/language_guess.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "corpus/text.h"

namespace corollary {
namespace {

struct Words {
  const char *language, *words;
};
// The commonest words of each language that are no nouns, in lower case; of at most 8 bytes, so that one comparison finds them. Checked
// against Debian's translated manuals (docs/decisions/language_id.md).
constexpr Words kWords[] = {
    {"en", "the of and to in is that for it as with are this be on by we if from an or can which not have has at was let then "
           "where but all any there so will these they their when you its one such other more than our also"},
    {"de", "der die das und ist in zu den von mit sich des für ein eine auf dem nicht im werden wird es als auch an sind oder wenn "
           "aus bei nach durch einer einen man kann dass daß über hat so wie nur um noch diese dieser"},
    {"fr", "de la le les et des en est un une du dans pour que qui par sur au pas il ce ne se plus avec sont ou cette aux comme on "
           "être à si sa ses nous vous peut fait été même mais leur dont où l d qu"},
    {"es", "de la el que y en los se del las un por con una para es no su al lo como más o pero sus le ya este sí porque esta entre "
           "cuando muy sin sobre también ser son está si puede ha hay"},
    {"it", "di e il la che in un a per è non una del con si da le dei come della i sono al più gli nel anche alla ma delle se lo "
           "questo o dal ha dalla essere può su nella cui ed suo l d"},
    {"pt", "de a o que e do da em um para com não uma os no se na por mais as dos como mas ao ele das à seu sua ou quando muito nos "
           "já eu também só pelo pela até isso ser são pode está é"},
    {"ca", "de la el i que a en per les els del amb un una és no es al o com més dels són aquest aquesta però si seva seu pot ser ha "
           "està hi ho pel també l d ens fer sense"},
    {"nl", "de het een van en in is dat op te met voor zijn niet aan er om als ook door maar bij uit dan naar kan deze dit of wordt "
           "worden nog heeft hij ze wat over tot we hebben"},
    {"sv", "och att det i en som på är av för med den till inte om ett han men var jag sig från vi så kan när år under också eller "
           "detta har skall ska vid kommer efter alla mot de än"},
    {"da", "og at det i en er på af til for med den som ikke de om et han men var jeg sig fra vi så kan når år eller har skal ved "
           "efter alle mod blev hvis denne dette også bliver hvor være ud kun nu nogle noget hvad kan bruges"},
    {"no", "og i det er på en av til for med den som ikke de om et han men var jeg seg fra vi så kan når år eller har skal ved etter "
           "alle mot ble hvis denne dette også blir hvor være å ut eller bare nå noen noe hva skal kan brukes ikkje frå"},
    {"fi", "ja on ei että se oli hän joka tai kun kuin mutta voidaan jossa kaikki ovat oletus myös niin ovat sen jos voi ole mukaan vain joita tämä tämän sitä ne "
           "siitä olla jonka tätä nämä eivät saa kanssa jälkeen"},
    {"et", "ja on ei et see oli ta kui mis ka või ning oma aga selle seda siis nii kes pole olid mille välja veel kuid peale poolt "
           "saab mitte üle ma"},
    {"hu", "a az és hogy nem is egy ez azt meg de van csak ha már még el mint volt vagy kell azonban ezt sem fel itt lehet akkor "
           "minden között által amely után ki"},
    {"pl", "i w na z się do nie jest to że o jak za od po przez są dla ale lub oraz tym które który może tego jego tylko być czy już "
           "także gdy ten przy we ze"},
    {"cs", "a v se na je že s z do o to i k jako pro za by ve ale jsou od po které který nebo při jeho také až tak bylo podle být "
           "když není ze jen lze však"},
    {"sk", "a v sa na je že s z do o to i k ako pre za by vo ale sú od po ktoré ktorý alebo pri jeho aj až tak bolo podľa byť keď "
           "nie zo len však"},
    {"sl", "in je v na se da za so z ki ne pa tudi kot po s bi od pri ali lahko bil še do to če med kar ker biti nad vse"},
    {"hr", "i je u na se da za su od s ne a o kao ili što po iz koji sa koja bi koje to će nije do kako više samo ako može biti ima "
           "te pri"},
    {"ro", "de și în a la cu pe din că este un o nu se pentru care mai sau sunt fi ca prin au fost dar după lui cel ale poate între "
           "această sa el dacă ce"},
    {"tr", "ve bir bu için ile de da olarak çok daha olan ne gibi kadar ya o en ise sonra her mi ama olduğu veya değil var şu ki "
           "göre eğer tarafından"},
    {"vi", "và của là có các được cho trong một không với những này để người đã khi từ như đến về tại hay vào ra bạn theo nếu thì đó "
           "sẽ phải nhiều"},
    {"id", "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga ke karena ada oleh atau saya adalah dapat bisa lebih "
           "sudah telah anda jika kita seperti satu para"},
    {"lt", "ir yra kad į iš su ne bet tai kaip ar buvo jis apie po už nuo dar jo per tik jau prie taip gali šis arba kai to"},
    {"lv", "un ir ka no uz ar par pie kas tas bet nav lai arī vai kā tika jau gan pēc to savu viņš tikai līdz var ja"},
    {"eu", "eta da ez du bat dira dute zen ere egin izan baina edo den duen ziren horren bere hori beste dela"},
    // Cyrillic
    {"ru", "и в не на что с по к из для как от это или у о но за же при все если так его бы только может чем когда до мы он их быть "
           "ли том где"},
    {"uk", "і в на не що з до у та для як за від це або але про його якщо є при ви він бути може так по ми який чи були із коли ще"},
    {"bg", "и на в е да за от се не с са че по като или но към това при до има ще може както след във със който която сме"},
    {"sr", "и је у на се да за су од не са као или што из који коjи би ће није до како само ако може бити то овај ове а"},
    {"mk", "и на во да се од за не со е што ги го или како по но до ја тоа ако може кој овој оваа има сите при"},
};
constexpr std::size_t kLanguages = std::size(kWords);
static_assert(kLanguages <= 64, "a word's languages are a 64-bit set");

constexpr std::size_t kMaxWordBytes = 8;

std::uint64_t key_of(std::string_view word) {
  std::uint64_t key = 0;
  std::memcpy(&key, word.data(), word.size());
  return key;
}

/// From a word to the set of languages that have it.
class WordTable {
 public:
  WordTable() : slots_(4096) {
    for (std::size_t language = 0; language < kLanguages; ++language) {
      std::string_view rest = kWords[language].words;
      while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        if (end > 0 && end <= kMaxWordBytes) slot(key_of(rest.substr(0, end))).languages |= std::uint64_t{1} << language;
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    }
  }
  std::uint64_t languages(std::uint64_t key) const {
    for (std::size_t at = start(key);; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].key == key) return slots_[at].languages;
      if (slots_[at].key == 0) return 0;
    }
  }

 private:
  struct Slot {
    std::uint64_t key = 0, languages = 0;
  };
  std::size_t start(std::uint64_t key) const { return (key * 0x9E3779B97F4A7C15u) >> 52; }
  Slot& slot(std::uint64_t key) {
    std::size_t at = start(key);
    while (slots_[at].key != 0 && slots_[at].key != key) at = (at + 1) & (slots_.size() - 1);
    slots_[at].key = key;
    return slots_[at];
  }
  std::vector<Slot> slots_;
};

struct Script {
  std::uint32_t first, last;
  const char* language;
  int letters;  ///< that a letter of it is worth: scripts that write syllables or words need fewer
};
constexpr Script kScripts[] = {
    {0x370, 0x3FF, "el", 1},   {0x400, 0x52F, "cyrillic", 1}, {0x530, 0x58F, "hy", 1},     {0x590, 0x5FF, "he", 1},
    {0x600, 0x6FF, "ar", 1},   {0x900, 0x97F, "hi", 1},       {0x980, 0x9FF, "bn", 1},     {0xB80, 0xBFF, "ta", 1},
    {0xC00, 0xC7F, "te", 1},   {0xE00, 0xE7F, "th", 1},       {0x10A0, 0x10FF, "ka", 1},   {0x1F00, 0x1FFF, "el", 1},
    {0x3040, 0x30FF, "ja", 3}, {0x3400, 0x9FFF, "zh", 3},     {0xAC00, 0xD7AF, "ko", 3},
};

struct Counts {
  std::array<double, kLanguages> score{};
  std::array<std::int64_t, std::size(kScripts)> script{};
  std::int64_t latin = 0, words = 0, hits = 0;
};

void count_character(std::uint32_t c, Counts& counts) {
  for (std::size_t i = 0; i < std::size(kScripts); ++i)
    if (c >= kScripts[i].first && c <= kScripts[i].last) {
      counts.script[i] += kScripts[i].letters;
      return;
    }
  counts.latin += c < 0x250;
}

Counts count(std::string_view text) {
  static const WordTable table;
  Counts counts;
  const auto is_letter = [](char c) { return is_ascii_letter(c) || static_cast<unsigned char>(c) >= 0x80; };
  for (std::size_t at = 0; at < text.size();) {
    if (!is_letter(text[at])) {
      ++at;
      continue;
    }
    const bool is_command = at > 0 && text[at - 1] == '\\';  // of TeX
    const std::size_t begin = at;
    char word[kMaxWordBytes] = {};
    for (; at < text.size() && is_letter(text[at]); ++at) {
      const char c = text[at];
      if (at - begin < kMaxWordBytes) word[at - begin] = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
      const auto lead = static_cast<unsigned char>(c);
      if (is_command) continue;
      counts.latin += lead < 0x80;
      const auto low = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) & 63u : 0u; };
      if (lead >= 0xC2 && lead < 0xE0)
        count_character((lead & 31u) << 6 | low(1), counts);
      else if (lead >= 0xE0 && lead < 0xF0)
        count_character((lead & 15u) << 12 | low(1) << 6 | low(2), counts);
    }
    if (is_command) continue;
    ++counts.words;
    if (at - begin > kMaxWordBytes) continue;
    std::uint64_t languages = table.languages(key_of(std::string_view(word, at - begin)));
    if (languages == 0) continue;
    ++counts.hits;
    const double share = 1.0 / std::popcount(languages);
    for (; languages != 0; languages &= languages - 1) counts.score[static_cast<std::size_t>(std::countr_zero(languages))] += share;
  }
  return counts;
}

}  // namespace

LanguageGuess guess_language(std::string_view text) {
  constexpr std::int64_t kMinLetters = 20, kMinHits = 3;
  constexpr double kMinScore = 1.5;  // "a" and "o" are words of many languages, and variables
  const Counts counts = count(text);
  LanguageGuess out;
  out.words = counts.words;

  std::int64_t others = 0, best = 0, kana = 0, han = 0;
  std::string_view script;
  for (std::size_t i = 0; i < std::size(kScripts); ++i) {
    others += counts.script[i];
    if (std::string_view(kScripts[i].language) == "ja") kana = counts.script[i];
    if (std::string_view(kScripts[i].language) == "zh") han = counts.script[i];
    if (counts.script[i] > best) best = counts.script[i], script = kScripts[i].language;
  }
  if (script != "cyrillic" && others >= kMinLetters && others > counts.latin) {
    const bool is_japanese = (script == "zh" || script == "ja") && 20 * kana > han;
    out.language = is_japanese ? "ja" : std::string(script);
    out.probability = static_cast<double>(is_japanese ? kana + han : best) / static_cast<double>(others + counts.latin);
    return out;
  }
  const bool is_cyrillic = script == "cyrillic" && others >= kMinLetters && others > counts.latin;
  std::size_t first = 0;
  for (std::size_t i = 1; i < kLanguages; ++i)
    if (counts.score[i] > counts.score[first]) first = i;
  if (counts.hits < kMinHits || counts.score[first] < kMinScore) {
    if (is_cyrillic) out.language = "ru", out.second = "uk", out.probability = 0.5;  // the commonest; at least it is not English
    return out;
  }
  std::size_t second = first == 0;
  for (std::size_t i = 0; i < kLanguages; ++i)
    if (i != first && counts.score[i] > counts.score[second]) second = i;
  out.language = kWords[first].language, out.second = kWords[second].language;
  out.probability = counts.score[first] / (counts.score[first] + counts.score[second]);
  return out;
}

std::vector<std::string> guessable_languages() {
  std::vector<std::string> out;
  for (const Words& at : kWords) out.emplace_back(at.language);
  for (const Script& at : kScripts)
    if (std::string_view(at.language) != "cyrillic" && out.back() != at.language) out.emplace_back(at.language);
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace corollary
