"""levers/scl.py with 60 drawn cases beside the 208 of Pki-3.

Of site A alone: site B was drawn after DataNew (docs/data.md), which is external here.

Command: python tools/train.py configs/levers/drawn_cells.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: docs/results.md
"""

_base_ = "./scl.py"

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type="ConcatDataset",
        datasets=[
            {{_base_.train_dataloader.dataset}},
            dict(
                type="SyntheticKaryotypes",
                site="A",
                cases=60,
                cells_per_case=1,
                seed=0,
                cell_size=True,
                pipeline={{_base_.train_pipeline}},
            ),
        ],
    ),
)
