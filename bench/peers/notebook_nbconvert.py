"""Notebooks to Markdown with nbformat and nbconvert, as AlgebraicStack's script does it.

    notebook_nbconvert.py NOTEBOOKS.jsonl            one JSON line: megabytes_per_second, version
    notebook_nbconvert.py NOTEBOOKS.jsonl --print    a line {"markdown": string or null} for each notebook

A line of the input holds a notebook's JSON as "text". All outputs of a cell go if one is a PNG or an exception; images, <img>, <video>,
<script> and <iframe> are deleted from the result. A notebook that fails anywhere is null.
"""
import json
import logging
import re
import sys
import time
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
import nbconvert  # noqa: E402
import nbformat  # noqa: E402

IMAGE = re.compile(r'!\[[^\]]*\]\(.*?(?="|\))(?:".*")?\)')
TAG = re.compile(r"<img[^>]*>")
ELEMENT = re.compile("|".join(f"<{name}.*?</{name}>" for name in ("video", "script", "iframe")), re.DOTALL)
EXPORTER = nbconvert.exporters.MarkdownExporter()


def is_unwanted(output):
    if "ename" in output and "traceback" in output:
        return True
    return "output_type" in output and "data" in output and len(output["data"].get("image/png", "")) > 0


def markdown_of(text):
    try:
        notebook = nbformat.reads(text, as_version=4)
        for cell in notebook.cells:
            if any(is_unwanted(output) for output in cell.get("outputs", [])):
                cell["outputs"] = []
        body, _ = EXPORTER.from_notebook_node(notebook)
    except Exception:  # whatever it is, upstream drops the notebook
        return None
    return ELEMENT.sub("", TAG.sub("", IMAGE.sub("", body)))


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    if "--print" in sys.argv:
        for text in texts:
            print(json.dumps({"markdown": markdown_of(text)}))
        return
    start = time.perf_counter()
    for text in texts:
        markdown_of(text)
    seconds = time.perf_counter() - start
    size = sum(len(text.encode()) for text in texts)
    print(json.dumps({"megabytes_per_second": size / 1e6 / seconds, "version": nbconvert.__version__}))


main()
