"""Shard gradients and optimizer by DeepSpeed's ZeRO, stage 2: add it to any _base_.

Only with several processes: tools/dist_train.sh CONFIG GPUS (docs/scaling.md). First
pip install -e ".[deepspeed]". mmengine lets no two bases set one key, so the config
itself says optim_wrapper = dict(type="DeepSpeedOptimWrapper")."""

runner_type = "FlexibleRunner"
strategy = dict(
    type="SafeDeepSpeedStrategy",
    zero_optimization=dict(stage=2),
    bf16=dict(enabled=True),
    inputs_to_half=["inputs"],
)
