"""resnet50 without SCL on OGH-Fudan, the paper's Table 1.

Command: python tools/train.py configs/baseline/resnet50_ogh.py
Test:    python tools/test.py configs/baseline/resnet50_ogh.py CHECKPOINT --external
Paper:   accuracy / recall / AUC 89.64 / 89.49 / 99.61 % on OGH-Fudan,
         76.58 / 76.95 / 98.13 % on ChromosomeNet (external).
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
    backbone=dict(type="TimmEncoder", model_name="resnet50"),
    head=dict(
        type="SCLHead",
        loss=None,
        loss_cls=dict(type="SoftmaxFocalLoss"),
    ),
    predict_embedding=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)
