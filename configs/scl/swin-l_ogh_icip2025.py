"""swin_large on OGH-Fudan as the authors' later code trains it (ICIP 2025).

Command: python tools/train.py configs/scl/swin-l_ogh_icip2025.py
Question: what the variant changes against swin-l_ogh.py (docs/method.md, side by side):
three pair terms in place of four, a learnable scale, loss times 10, a first epoch of
cross-entropy, a two-layer classifier, AdamW, squashed three-channel input.
Result: none published for OGH-Fudan with this code; not measured by us (private data).
"""

_base_ = ["../_base_/ogh_224px.py", "../_base_/runtime.py"]

pipeline_end = [
    dict(
        type="PackInputs",
        meta_keys=("sample_idx", "img_path", "case", "cell", "site", "ori_shape"),
    )
]
canvas_224 = dict(
    type="ChromosomeCanvas", size=224, fit="squash", background=255, channels=3
)
train_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="ChromosomeAugment", preset="authors", size=224, channels=3),
    *pipeline_end,
]
test_pipeline = [dict(type="LoadChromosome"), canvas_224, *pipeline_end]
train_dataloader = dict(
    sampler=dict(steps_per_epoch=3000), dataset=dict(pipeline=train_pipeline)
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

model = dict(
    type="SCLClassifier",
    backbone=dict(
        type="TimmEncoder",
        model_name="swin_large_patch4_window7_224",
        in_channels=3,
        num_classes=4096,
    ),
    head=dict(
        type="SCLHead",
        classifier="mlp",
        loss=dict(
            type="SupConFocalLoss",
            scale="learnable",
            scale_range=(0.0, 1e9),  # never clamped
            pairs="upper",
            loss_weight=5.0,  # 10 x focal; rows and columns averaged
        ),
        loss_cls=dict(type="SoftmaxFocalLoss", loss_weight=10.0),
        warmup_iters=3000,
        warmup_lambda1=0.1,
    ),
    predict_embedding=True,
    data_preprocessor=dict(mean=[0.0] * 3, std=[255.0] * 3),
)

optim_wrapper = dict(
    type="OptimWrapper", optimizer=dict(type="AdamW", lr=1e-5, weight_decay=0.01)
)
param_scheduler = [dict(type="ExponentialLR", gamma=0.95)]
train_cfg = dict(type="ResumableEpochTrainLoop", max_epochs=100, val_interval=1)
custom_hooks = [
    dict(type="NaNGuardHook"),
    dict(type="WholeKaryotypesHook"),
    dict(type="ProgressHook"),
    dict(type="EarlyStoppingHook", monitor="accuracy", patience=20),
]
auto_scale_lr = dict(base_batch_size=48)
