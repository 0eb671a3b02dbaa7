"""Pki-3 and the cells of one laboratory, straightened, at 128 x 32 px.

The images of pki3_128x32.py, and beside them all of a laboratory's own, whose types
mmscl-karyotype assigned (or a person corrected). Half of every batch is of either:
the two images of a type come from the two laboratories.
"""

_base_ = "./pki3_128x32.py"

train_dataloader = dict(
    sampler=dict(pairing="cross_site"),
    dataset=dict(
        _delete_=True,
        type="ConcatDataset",
        datasets=[
            {{_base_.train_dataloader.dataset}},
            dict(
                type="ChromosomeDataset",
                data_root="data/laboratory",
                cache=True,
                once=[dict(type="Straighten")],
                cell_size=True,
                pipeline={{_base_.train_pipeline}},
            ),
        ],
    ),
)
