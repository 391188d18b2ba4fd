#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "corpus/web/html_text.h"
#include "corpus/text.h"

std::vector<std::string> fuzz_seeds() {
  return {
      "<!DOCTYPE html><html><head><meta charset=utf-8><title>T &amp; "
      "U</title></head><body><nav>n</nav><main><h1>A</h1><p>x<sup>2</sup> "
      "\\(a\\) <b><i>c</b></i><ul><li>1<li>2<ol><li>3</ol></ul><table><tr><th>n<td>m</table><pre>code\n</pre></main></body></html>",
      "<script type='math/tex; mode=display'>x</script><math display=block><semantics><mi>x</mi><annotation "
      "encoding='application/x-tex'>x</annotation></semantics></math><img class=tex "
      "alt='y'><svg><style><b></style></svg><template><p>t",
      "<meta charset=shift_jis><dl class='py'><dt class='sig'>f(<em>x</em>)</dt><dd>d</dd></dl>&#x1d538;&notin;&#xD800;<a<b<c "
      "d='e<f'>g</a>",
      "<select><option><frameset><form><table><form><td><caption><a><p><a><table><a></table>x<b a=1><b "
      "a=2><p></b></b><nobr><nobr>"};
}

/// Any bytes are a page; what comes out is UTF-8.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto page = corollary::html_to_text({reinterpret_cast<const char*>(data), size});
    if (corollary::invalid_utf8_at(page.text) || corollary::invalid_utf8_at(page.title)) __builtin_trap();
  } catch (const corollary::Error&) {
  }
  return 0;
}
