"""Is the judge right? Its logits in f64 against those another program computed for a real checkpoint.

    check_reference.py MODELS        MODELS holds tiny_llama_hf/ and reference_logits.jsonl

A line of reference_logits.jsonl: {"model", "ids", "argmax" (of every position), "last_logits", "nll_of_next"}, rounded to
six decimals. Prints the largest differences; exits with 1 if one is above the rounding, with 77 if MODELS is absent.
"""
import json
import pathlib
import sys

TOLERANCE = 0.5e-6 + 1e-9


def main():
    models = pathlib.Path(sys.argv[1])
    if not models.exists():
        print(f"{models} is absent: nothing to compare with")
        sys.exit(77)

    import torch

    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "peers"))
    import torch_llama

    torch.set_grad_enabled(False)
    model = torch_llama.load(models / "tiny_llama_hf", torch.float64)
    compared, failed = 0, False
    for line in (models / "reference_logits.jsonl").read_text().splitlines():
        expected = json.loads(line)
        if expected["model"] != "tiny_llama_hf":
            continue
        ids = torch.tensor(expected["ids"])
        logits = model(ids[None])[0]
        nll = -logits[:-1].log_softmax(-1).gather(1, ids[1:, None])[:, 0]
        logit_difference = (logits[-1] - torch.tensor(expected["last_logits"], dtype=torch.float64)).abs().max().item()
        nll_difference = max((nll - torch.tensor(expected["nll_of_next"], dtype=torch.float64)).abs().tolist(), default=0.0)
        agrees = logits.argmax(-1).tolist() == expected["argmax"] and max(logit_difference, nll_difference) <= TOLERANCE
        print(f"{len(ids):4} tokens: logits {logit_difference:.1e}  nll {nll_difference:.1e}  {'' if agrees else 'DIFFERS'}")
        compared, failed = compared + 1, failed or not agrees
    sys.exit(failed or compared == 0)


if __name__ == "__main__":
    main()
