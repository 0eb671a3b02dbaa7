"""davit_small with SCL on OGH-Fudan, the paper's Table 1.

Command: python tools/train.py configs/scl/davit-s_ogh.py
Test:    python tools/test.py configs/scl/davit-s_ogh.py CHECKPOINT --external
Paper:   accuracy / recall / AUC 94.13 / 93.53 / 99.77 % on OGH-Fudan,
         81.18 / 80.86 / 98.33 % on ChromosomeNet (external).
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
    backbone=dict(type="TimmEncoder", model_name="davit_small"),
    head=dict(
        type="SCLHead",
        loss=dict(type="SupConFocalLoss"),
        loss_cls=dict(type="SoftmaxFocalLoss"),
    ),
    predict_embedding=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)
