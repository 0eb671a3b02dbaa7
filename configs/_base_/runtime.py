"""What every run shares: registry scope, hooks, environment, logging."""

default_scope = "mmpretrain"
custom_imports = dict(imports=["mmscl"], allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=50),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(
        type="SafeCheckpointHook",
        interval=1,
        max_keep_ckpts=2,
        save_best="accuracy",
        rule="greater",
    ),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    visualization=dict(type="VisualizationHook", enable=False),
)
custom_hooks = [
    dict(type="NaNGuardHook"),
    dict(type="WholeKaryotypesHook"),
    dict(type="ProgressHook"),
]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="nccl"),  # tools/train.py takes gloo where there is no GPU
)
visualizer = dict(
    type="UniversalVisualizer", vis_backends=[dict(type="LocalVisBackend")]
)
log_level = "INFO"
load_from = None
resume = False
randomness = dict(seed=0, deterministic=False)
