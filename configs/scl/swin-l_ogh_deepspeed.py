"""swin-l_ogh.py sharded over several GPUs by DeepSpeed, in bfloat16.

Command: bash tools/dist_train.sh configs/scl/swin-l_ogh_deepspeed.py 4
Test:    python tools/test.py configs/scl/swin-l_ogh_deepspeed.py CHECKPOINT --external
Question: how to train a network that does not fit one GPU (docs/scaling.md). Every GPU
has 48 images and each is contrasted with those of all GPUs (gather).
Not run by us on GPUs; what was run, and where, is in docs/scaling.md.
"""

_base_ = [
    "../_base_/ogh_224px.py",
    "../_base_/paper_schedule.py",
    "../_base_/runtime.py",
    "../_base_/deepspeed.py",
]

model = dict(
    type="SCLClassifier",
    backbone=dict(
        type="TimmEncoder",
        model_name="swin_large_patch4_window7_224",
        with_cp=True,  # activation checkpointing; DeepSpeed's own needs its own layers
    ),
    head=dict(
        type="SCLHead",
        loss=dict(type="SupConFocalLoss", gather=True),
        loss_cls=dict(type="SoftmaxFocalLoss"),
    ),
    predict_embedding=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)
optim_wrapper = dict(type="DeepSpeedOptimWrapper")
