"""The machine that the numbers depend on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch


def describe() -> dict[str, str]:
    """Name -> value, for the report."""
    return {
        "cores": str(os.cpu_count()),
        "CPU": _cpu_info("model name") or platform.processor() or "unknown",
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "bfloat16 in hardware": "yes" if has_bfloat16() else "no",
        "threads of torch": str(torch.get_num_threads()),
        "torch": torch.__version__,
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 by itself."""
    known = (_cpu_info("flags") or _cpu_info("Features")).split()
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(known))


def _cpu_info(name: str) -> str:
    """The first entry of that name; '' where the system has no such list."""
    path = Path("/proc/cpuinfo")
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return ""
