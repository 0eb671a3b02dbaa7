#!/usr/bin/env python
"""Turn weights of the authors' public network into a checkpoint of mmscl."""

from __future__ import annotations

import argparse

from mmscl.cli import report_errors
from mmscl.models.released_weights import ENCODERS, convert_released_weights


def parse_args() -> argparse.Namespace:
    """Input, encoder and output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", help="state dict of the authors (best_weights.pth)")
    parser.add_argument("encoder", choices=ENCODERS, help="the encoder it belongs to")
    parser.add_argument("out", help="checkpoint to write; its config is written beside")
    parser.add_argument("--overwrite", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    args = parse_args()
    with report_errors():
        convert_released_weights(args.weights, args.encoder, args.out, args.overwrite)
        print(f"wrote {args.out} and its config")
