"""The least a script needs to say sources with Hugging Face: a process of the benchmarks.

Reads JSON lists of token ids, a line each, and writes the answers likewise.
"""

from __future__ import annotations

import argparse
import json
import sys


def main() -> None:
    """Load, generate, print."""
    line = argparse.ArgumentParser()
    line.add_argument("--folder", help="a saved twin")
    line.add_argument("--shape", help="or a rival with random weights")
    line.add_argument("--batch", type=int, default=1)
    line.add_argument("--beams", type=int, default=1)
    line.add_argument("--new-tokens", type=int)
    line.add_argument("--threads", type=int, required=True)
    args = line.parse_args()
    from experiments.bench.hf_generate import quiet_torch, say_with_hf

    quiet_torch(args.threads)
    if args.shape:
        from experiments.bench.rivals import rival_model

        model = rival_model(args.shape)
    else:
        from transformers import PegasusForConditionalGeneration

        model = PegasusForConditionalGeneration.from_pretrained(args.folder).eval()
    sources = [json.loads(row) for row in sys.stdin]
    answers, _ = say_with_hf(
        model, sources, batch=args.batch, beams=args.beams, new_tokens=args.new_tokens
    )
    for answer in answers:
        print(json.dumps(answer))


if __name__ == "__main__":
    main()
