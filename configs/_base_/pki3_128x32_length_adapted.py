"""Pki-3 and the cells of one laboratory, straightened, of one length.

The images of pki3_128x32_length.py, and beside them all of a laboratory's own, whose
types mmscl-karyotype assigned (or a person corrected). Half of every batch is of
either: the two images of a type come from the two laboratories.
"""

_base_ = "./pki3_128x32_length.py"

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
                cell_size="axis",
                pipeline={{_base_.train_pipeline}},
            ),
        ],
    ),
)
