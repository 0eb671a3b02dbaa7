"""vit_small_patch8_224 with SCL on OGH-Fudan, the paper's Table 1.

Command: python tools/train.py configs/scl/vit-s_ogh.py
Test:    python tools/test.py configs/scl/vit-s_ogh.py CHECKPOINT --external
Paper:   accuracy / recall / AUC 96.17 / 95.54 / 99.88 % on OGH-Fudan,
         84.28 / 84.01 / 98.82 % on ChromosomeNet (external).
         Not measured by us: the data is private.
Without OGH-Fudan: replace ogh_224px by pki3_224px in _base_.
"""

_base_ = [
    "../_base_/ogh_224px.py",
    "../_base_/paper_schedule.py",
    "../_base_/runtime.py",
]

model = dict(
    type="SCLClassifier",
    backbone=dict(type="TimmEncoder", model_name="vit_small_patch8_224"),
    head=dict(
        type="SCLHead",
        loss=dict(type="SupConFocalLoss"),
        loss_cls=dict(type="SoftmaxFocalLoss"),
    ),
    predict_embedding=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)
