"""What runs a training: loops and hooks of mmengine's Runner, registered by name."""

from mmscl.engine.checkpoint_hook import SafeCheckpointHook
from mmscl.engine.deepspeed_strategy import SafeDeepSpeedStrategy
from mmscl.engine.fsdp_strategy import SafeFSDPStrategy
from mmscl.engine.loops import ResumableEpochTrainLoop, ResumableIterTrainLoop
from mmscl.engine.nan_guard import NaNGuardHook, NonFiniteLossError
from mmscl.engine.phases import PhaseHook
from mmscl.engine.progress import ProgressHook
from mmscl.engine.stopping import Stopped
from mmscl.engine.whole_karyotypes import WholeKaryotypesHook

__all__ = [
    "NaNGuardHook",
    "NonFiniteLossError",
    "PhaseHook",
    "ProgressHook",
    "ResumableEpochTrainLoop",
    "ResumableIterTrainLoop",
    "SafeCheckpointHook",
    "SafeDeepSpeedStrategy",
    "SafeFSDPStrategy",
    "Stopped",
    "WholeKaryotypesHook",
]
