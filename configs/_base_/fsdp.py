"""Shard weights, gradients and optimizer over the GPUs (FSDP): add it to any _base_.

Only with several processes: tools/dist_train.sh CONFIG GPUS (docs/scaling.md)."""

runner_type = "FlexibleRunner"
strategy = dict(
    type="SafeFSDPStrategy",
    model_wrapper=dict(
        type="MMFullyShardedDataParallel",
        auto_wrap_policy="wrap_blocks",  # each residual block, of timm or mmpretrain
        mixed_precision=dict(param_dtype="bfloat16", reduce_dtype="float32"),
    ),
    # Keeps the input of each block and computes it again in the backward pass. Leave it
    # out (activation_checkpointing=None) where memory allows: a third less work.
    activation_checkpointing=dict(check_fn="is_block"),
)
