"""G-Net without SCL at 96 x 48 px on Pki-3 split by case.

G-Net is the global network of Varifocal-Net (Qin et al., IEEE TMI 38(11), 2019), with a
tenth of its channels and without its localisation: any encoder takes SCL. The embedding
between its features and the types is not of the paper.

Command: python tools/train.py configs/baseline/gnet_pki3.py
Test:    python tools/test.py configs/baseline/gnet_pki3.py CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_96x48.py",
    "../_base_/short_schedule.py",
    "../_base_/runtime.py",
]

model = dict(
    type="SCLClassifier",
    backbone=dict(type="VarifocalFeatures", channels=(16, 32, 64)),
    neck=dict(type="GridMaxPool", grid=4),
    head=dict(
        type="SCLHead",
        loss=None,
        loss_cls=dict(type="CrossEntropyLoss"),
    ),
    predict_embedding=True,
    channels_last=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)
