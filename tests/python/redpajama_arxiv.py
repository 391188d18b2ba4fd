"""RedPajama's arXiv cleaning with Python's re, to judge src/corpus/papers/redpajama.cpp.

  redpajama_arxiv.py FOLDER...      each folder is a paper, its .tex files in the order of their names

For each paper a line "lost", or the number of bytes of its cleaned text, then those bytes and a newline.
"""
import os
import re
import sys

ARGUMENT = r"\*?(?:\[(?:.*?)\])?\{(?:.*?)\}"
HEADINGS = [r"\\" + name + r"\b" + ARGUMENT for name in ("chapter", "part", "section", "subsection", "subsubsection")]
HEADINGS.append(r"\\paragraph\b" + ARGUMENT + r"\\subparagraph\b" + ARGUMENT)  # upstream forgot the bar between the two
HEADING = re.compile("|".join(HEADINGS), re.DOTALL)
END = re.compile(r"(?:\\appendix|\\begin\{references\}|\\begin\{REFERENCES\}|\\begin\{thebibliography\}|\\bibliography\{.*\}).*\Z", re.DOTALL)
DEFINITIONS = [re.compile(r"\\newcommand\*?\{(\\[a-zA-Z0-9]+)\}\{(.*)\}$", re.MULTILINE),
               re.compile(r"\\def\s*(\\[a-zA-Z0-9]+)\s*\{(.*)\}$", re.MULTILINE)]


def escaped(text):
    return text.encode("unicode-escape").decode("ascii")


def clean(text, macros):
    start = HEADING.search(text)
    if start is None:
        return ""
    text = text[start.start():]
    text = re.sub(r"^%.*\n?", "", text, flags=re.MULTILINE)
    text = re.sub(r"[^\\]%.+$", "", text, flags=re.MULTILINE)
    text = END.sub("", text)
    for name, value in macros.items():
        text = re.sub("(" + escaped(name) + ")([^a-zA-Z0-9])", escaped(value) + r"\2", text)
    return text


def clean_paper(folder):
    texts = []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            texts.append(file.read().decode("utf-8"))
    macros = {}
    for text in texts:
        for pattern in DEFINITIONS:
            for match in pattern.finditer(text):
                macros[match.group(1)] = match.group(2)
    return "\n".join(clean(text, macros) for text in texts).encode("utf-8")


for paper in sys.argv[1:]:
    try:
        cleaned = clean_paper(paper)
        sys.stdout.buffer.write(b"%d\n" % len(cleaned) + cleaned + b"\n")
    except (re.error, UnicodeError):
        sys.stdout.buffer.write(b"lost\n")
