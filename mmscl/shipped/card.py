"""A record -> its model card, its metafile, its row in a list: nothing by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from mmscl.shipped.results import INTERNAL
from mmscl.shipped.store import CONFIG, MODELS, PREFIX, WEIGHTS

Record = Mapping[str, Any]
#: Measure -> heading, of tables and of metafiles.
HEADINGS = dict(
    accuracy="Accuracy",
    recall="Macro Recall",
    auc="Macro AUC",
    f1="Macro F1",
    prototype_accuracy="Prototype Accuracy",
    knn_accuracy="kNN Accuracy",
    polarity_accuracy="Polarity Accuracy",
)
#: What the size of a cell is made of -> in words.
_CELL_MEASURES = dict(
    area="of the square roots of its chromosomes' areas",
    axis="length of its chromosomes along their medial axes",
)
#: Types that a card names as the weakest of a set.
_WEAKEST = 4


def write_card(record: Record) -> str:
    """The model card, Markdown."""
    sections = [
        f"# {record['name']}\n\n{_summary(record)}",
        f"## Use\n\n{_use(record)}",
        f"## Results\n\n{_results(record)}",
        f"## Recall by type\n\n{_types(record)}",
        f"## Worst confusions\n\n{_confusions(record)}",
        f"## Known failures and limits\n\n{_limits(record)}",
        f"## Training\n\n{_training(record)}",
        f"## Data\n\n{_data(record)}",
        f"## Files\n\n{_files(record)}",
    ]
    if record["notes"]:
        sections.insert(6, f"## Notes\n\n{record['notes'].strip()}")
    return "\n\n".join(sections) + "\n"


def write_metafile(record: Record) -> str:
    """The model in OpenMMLab's form (YAML), for mmpretrain's list of models."""
    results = [
        dict(
            Task="Image Classification",
            Dataset=set_title(record, name),
            Metrics={HEADINGS[key]: value for key, value in found["measures"].items()},
        )
        for name, found in record["results"].items()
    ]
    model = {
        "Name": record["name"],
        "Metadata": {
            "Training Data": ", ".join(record["data"]["sites"]),
            "Training Resources": record["training"]["machine"],
            "Parameters": record["parameters"],
        },
        "Results": results,
        "Weights": PREFIX + record["name"],
        "Config": f"{'/'.join(MODELS.parts[-3:])}/{record['name']}/{CONFIG}",
    }
    return yaml.safe_dump(dict(Models=[model]), sort_keys=False, allow_unicode=True)


def list_models(records: Iterable[Record], models: str) -> str:
    """A Markdown table of models, or the sentence that there are none.

    Args:
        records: Of all models.
        models: Their folder, as links of the page start.
    """
    rows = [
        [
            f"[`{record['name']}`]({models}/{record['name']}/README.md)",
            f"{record['parameters']:,}",
            f"{record['weights']['bytes'] / 1e6:.1f} MB",
            *("; ".join(column) for column in _columns_of_list(record)),
        ]
        for record in records
    ]
    if not rows:
        return "None yet."
    header = ["name", "parameters", "weights", "held-out cases", "other laboratories"]
    return _table(header, rows)


def set_title(record: Record, name: str) -> str:
    """Words for a test set: 'pki3, held-out cases' or its name."""
    if name != INTERNAL:
        return name
    return f"{', '.join(record['data']['sites'])}, held-out cases"


def _columns_of_list(record: Record) -> tuple[list[str], list[str]]:
    inside: list[str] = []
    outside: list[str] = []
    for name, found in record["results"].items():
        text = f"{set_title(record, name)}: {found['measures']['accuracy']:.2f} %"
        (inside if name == INTERNAL else outside).append(text)
    return inside, outside


def _summary(record: Record) -> str:
    written = record["written"]
    return (
        f"Tells the type (1 to 22, X, Y) of a chromosome crop. {record['network']}, "
        f"{record['parameters']:,} parameters, input {record['input']}. Written on "
        f"{written['date']} by mmscl {written['version']}; the figures of this page "
        "are those of [record.json](record.json)."
    )


def _use(record: Record) -> str:
    name, cell = record["name"], record["cell_size"]
    option, argument = (" --one-cell", ", one_cell=True") if cell else ("", "")
    whole = ""
    if record.get("karyotype"):
        whole = f"mmscl-karyotype CELLS --out DIR --model {name}\n"
    text = f"""```bash
{whole}python tools/predict.py CROPS{option} --model {name}
```

```python
from mmscl.inference import ChromosomeInferencer

infer = ChromosomeInferencer('{name}')
table = infer('CROPS'{argument}).predictions
```

The network alone: `mmpretrain.get_model('{name}', pretrained=True)` after
`import mmscl`. To train on from these weights: `load_from = '{PREFIX}{name}'`."""
    if cell:
        text += f"""

Every cell is brought to one size (`cell_size={cell:g}`: pixels, the median
{_CELL_MEASURES[record["cell_measure"]]}), so the crops of a whole cell
must be given together, or a table with the columns path, case and cell."""
    return text


def _results(record: Record) -> str:
    keys = list(record["results"][INTERNAL]["measures"])
    header = ["set", "images", "cases", *map(HEADINGS.__getitem__, keys)]
    header += ["accuracy of a case (95 %)"]
    rows = []
    for name, found in record["results"].items():
        values = [found["measures"].get(key) for key in keys]
        rows.append(
            [
                set_title(record, name),
                f"{found['images']:,}",
                _count(found["cases"]),
                *("" if value is None else f"{value:.2f}" for value in values),
                _case_accuracy(found["case_accuracy"]),
            ]
        )
    half = record["half_precision"]
    return (
        f"In %, of single images. {_table(header, rows)}\n\n"
        "Prototype and kNN accuracy are those of the embeddings within the set. The "
        "last column is the mean of the cases' accuracies with Student's interval over "
        "cases.\n\n"
        "Measured with the weights in full precision. In half precision, as they are "
        f"stored here, the predicted type of {half['changed']} of {half['images']:,} "
        f"images (split {half['split']}) is another, and the accuracy there is "
        f"{half['accuracy_half']:.2f} % against {half['accuracy']:.2f} %; no score "
        f"changes by more than {half['largest']:.5f}."
    ).replace("images. |", "images.\n\n|")


def _types(record: Record) -> str:
    sets = record["results"]
    header = ["type"]
    for name in sets:
        header += [f"{set_title(record, name)}: images", "recall (95 %)"]
    rows = []
    for name in record["types"]:
        row = [name]
        for found in sets.values():
            one = found["types"].get(name)
            row += ["0", ""] if one is None else [f"{one['images']:,}", _share(one)]
        rows.append(row)
    return (
        "In %, with Wilson's interval, which takes images for independent.\n\n"
        + _table(header, rows)
    )


def _confusions(record: Record) -> str:
    lines = []
    for name, found in record["results"].items():
        pairs = ", ".join(
            f"{one['true']} called {one['called']} {one['images']} of {one['of']:,}"
            for one in found["confusions"]
        )
        lines.append(f"- {set_title(record, name)}: {pairs or 'none'}")
    return "\n".join(lines)


def _limits(record: Record) -> str:
    lines = []
    for name, found in record["results"].items():
        types = found["types"].items()
        weakest = sorted(types, key=lambda item: item[1]["recall"])[:_WEAKEST]
        named = ", ".join(f"{kind} {one['recall']:.1f} %" for kind, one in weakest)
        lines.append(f"- Weakest types, {set_title(record, name)}: {named}.")
    inside = record["results"][INTERNAL]["measures"]["accuracy"]
    for name, found in record["results"].items():
        if name != INTERNAL:
            change = found["measures"]["accuracy"] - inside
            lines.append(
                f"- In another laboratory ({set_title(record, name)}) the accuracy "
                f"differs by {change:+.2f} points. Measure it on your own chromosomes "
                "before you rely on it."
            )
    lines += [
        "- Each chromosome is predicted by itself: it is not used that a cell has two "
        "of each autosome.",
        "- Structural changes are not found: every crop gets one of the 24 types.",
        "- A research tool, not a medical device.",
    ]
    return "\n".join(lines)


def _training(record: Record) -> str:
    training = record["training"]
    commands = "\n".join(training["commands"])
    length = ", ".join(f"{key} {training[key]}" for key in ("epoch", "iter", "seed"))
    return f"""```bash
{commands}
```

Config: `{training["config"]}`; what it says without its bases is in
[{CONFIG}]({CONFIG}). Machine: {training["machine"]}. Checkpoint: {length}, SHA-256
`{training["sha256"]}`. Written with {record["written"]["stack"]}."""


def _data(record: Record) -> str:
    rows = [
        [name, f"{one['images']:,}", _count(one["cases"]), _count(one["cells"])]
        for name, one in record["data"]["splits"].items()
    ]
    terms = "\n".join(
        f"- {one['name']}: {one['terms']}."
        + (f" Source: {one['source']}." if one["source"] else "")
        for one in record["terms"]
    )
    return f"""Trained on the split `train` of {", ".join(record["data"]["sites"])}.
No image of another split than `{record["half_precision"]["split"]}` was tested on.

{_table(["split", "images", "cases", "cells"], rows)}

Terms of the data that were trained and tested on; they bind the use of the weights too:

{terms}"""


def _files(record: Record) -> str:
    weights = record["weights"]
    return (
        f"`{WEIGHTS}`: {weights['bytes']:,} bytes, {weights['tensors']} tensors "
        "(kernels and matrices in half precision), SHA-256 "
        f"`{weights['sha256']}`, checked whenever it is loaded.\n"
        f"`{CONFIG}`: SHA-256 `{record['config']['sha256']}`.{_companions(record)}"
    )


def _companions(record: Record) -> str:
    """What reads whole cells with the model; '' if nothing does."""
    found, text = record.get("karyotype"), ""
    if found:
        sizes = "with" if found["sizes"] else "without"
        text += (
            f"\n`{found['file']}`: reads whole cells, {sizes} the sizes of their "
            f"chromosomes; temperature {found['temperature']}, review below a "
            f"confidence of {found['review_below']}. SHA-256 `{found['sha256']}`."
        )
    found = record.get("prototypes")
    if found:
        text += (
            f"\n`{found['file']}`: mean embedding of each type over "
            f"{found['images']:,} training crops. SHA-256 `{found['sha256']}`."
        )
    return text


def _share(one: Mapping[str, Any]) -> str:
    return f"{one['recall']:.1f} ({one['low']:.1f} to {one['high']:.1f})"


def _case_accuracy(one: Mapping[str, float] | None) -> str:
    if one is None:
        return ""
    return f"{one['mean']:.2f} ({one['low']:.2f} to {one['high']:.2f})"


def _count(number: int) -> str:
    return f"{number:,}" if number else "not known"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)
