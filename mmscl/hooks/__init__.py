"""Hooks of mmengine's Runner, registered by name."""

from mmscl.hooks.nan_guard import NaNGuardHook, NonFiniteLossError, check_finite
from mmscl.hooks.progress import ProgressHook
from mmscl.hooks.whole_karyotypes import WholeKaryotypesHook

__all__ = [
    "NaNGuardHook",
    "NonFiniteLossError",
    "ProgressHook",
    "WholeKaryotypesHook",
    "check_finite",
]
