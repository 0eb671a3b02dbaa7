#!/usr/bin/env python
"""Write the weights of a checkpoint as .safetensors, without anything else."""

from __future__ import annotations

import argparse

from mmscl.cli import report_errors
from mmscl.export import export_weights


def parse_args() -> argparse.Namespace:
    """Input and output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", help="checkpoint of a run")
    parser.add_argument("out", help="file to write, such as model.safetensors")
    parser.add_argument(
        "--half", action="store_true", help="half precision: half the size"
    )
    return parser.parse_args()


if __name__ == "__main__":
    args = parse_args()
    with report_errors():
        number = export_weights(args.checkpoint, args.out, args.half)
        print(f"wrote {number} tensors to {args.out}")
