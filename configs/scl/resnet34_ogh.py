"""resnet34 with SCL on OGH-Fudan, the paper's Table 1.

Command: python tools/train.py configs/scl/resnet34_ogh.py
Test:    python tools/test.py configs/scl/resnet34_ogh.py CHECKPOINT --external
Paper:   accuracy / recall / AUC 95.22 / 94.94 / 99.86 % on OGH-Fudan,
         86.38 / 86.41 / 99.14 % on ChromosomeNet (external).
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
    backbone=dict(type="TimmEncoder", model_name="resnet34"),
    head=dict(
        type="SCLHead",
        loss=dict(type="SupConFocalLoss"),
        loss_cls=dict(type="SoftmaxFocalLoss"),
    ),
    predict_embedding=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)
