"""resnet10t with the SupCon loss at 96 x 48 px on Pki-3 split by case.

Khosla et al., "Supervised Contrastive Learning" (NeurIPS 2020), at its temperature
0.1, beside cross-entropy on the same embedding (theirs trains in two stages).
The network, data and schedule of scl/resnet10t_pki3.py and another loss. Needs
pytorch-metric-learning: pip install -e '.[comparators]'

Command: python tools/train.py configs/comparators/supcon_pki3.py
Test:    python tools/test.py configs/comparators/supcon_pki3.py CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_96x48.py",
    "../_base_/short_schedule.py",
    "../_base_/runtime.py",
]

model = dict(
    type="SCLClassifier",
    backbone=dict(type="TimmEncoder", model_name="resnet10t"),
    head=dict(
        type="SCLHead",
        loss=dict(
            type="MetricLearningLoss",
            loss=dict(type="SupConLoss", temperature=0.1),
        ),
        lambda1=1.0,
        loss_cls=dict(type="CrossEntropyLoss"),
    ),
    predict_embedding=True,
    channels_last=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)
