"""Cards, metafiles and lists say what the record says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from tiny_shipment import NAME

from mmscl.shipped import model_list
from mmscl.shipped.card import HEADINGS, list_models, write_card, write_metafile
from mmscl.testing import MEASURES


@pytest.fixture
def record(shipped) -> dict:
    return json.loads((shipped / "record.json").read_text())


def section(card: str, heading: str) -> str:
    return re.search(rf"^## {heading}\n\n(.*?)(?=^## |\Z)", card, re.M | re.S).group(1)


def test_the_card_holds_the_measured_figures(record):
    card = write_card(record)
    found = record["results"]["internal"]
    row = next(line for line in card.splitlines() if line.startswith("| inside, held"))
    for value in found["measures"].values():
        assert f" {value:.2f} |" in row
    assert f"| {found['images']} | 2 |" in row
    types = section(card, "Recall by type")
    for kind, one in found["types"].items():
        text = f"| {kind} | {one['images']} | {one['recall']:.1f} ({one['low']:.1f} to "
        assert text in types
    assert "| Y | 0 |  | 0 |  |" in types
    worst = found["confusions"][0]
    text = (
        f"{worst['true']} called {worst['called']} {worst['images']} of {worst['of']}"
    )
    assert text in section(card, "Worst confusions")
    assert "drawn too." in section(card, "Data")
    assert "python tools/train.py tiny.py" in section(card, "Training")
    assert record["weights"]["sha256"] in section(card, "Files")


def test_the_gap_to_the_other_laboratory_is_said(record):
    record["results"]["internal"]["measures"]["accuracy"] = 98.25
    record["results"]["outside"]["measures"]["accuracy"] = 91.0
    limits = section(write_card(record), "Known failures and limits")
    assert "(outside) the accuracy differs by -7.25 points" in limits


def test_the_weakest_types_come_first(record):
    types = record["results"]["internal"]["types"]
    for number, one in enumerate(types.values()):
        one["recall"] = 100.0 - number
    limits = section(write_card(record), "Known failures and limits")
    names = list(types)[::-1][:4]
    recalls = [f"{name} {types[name]['recall']:.1f} %" for name in names]
    assert f"held-out cases: {', '.join(recalls)}." in limits


def test_whole_cells_are_asked_for_where_they_are_measured(record):
    assert "--one-cell" not in write_card(record)
    record["cell_size"] = 31
    use = section(write_card(record), "Use")
    assert "CROPS --one-cell --model" in use and "cell_size=31" in use
    assert "square roots of its chromosomes' areas" in use
    record["cell_measure"] = "axis"
    assert "length of its chromosomes" in section(write_card(record), "Use")


def test_notes_are_in_the_card(record):
    assert "## Notes" not in write_card(record)
    record["notes"] = "Overlaps were not seen.\n"
    assert section(write_card(record), "Notes") == "Overlaps were not seen.\n\n"


def test_the_metafile_is_openmmlabs(record):
    (model,) = yaml.safe_load(write_metafile(record))["Models"]
    assert model["Name"] == NAME and model["Weights"] == f"mmscl://{NAME}"
    assert model["Config"] == f"mmscl/shipped/models/{NAME}/config.py"
    assert model["Metadata"]["Parameters"] == record["parameters"]
    assert [one["Dataset"] for one in model["Results"]] == [
        "inside, held-out cases",
        "outside",
    ]
    for one, found in zip(model["Results"], record["results"].values(), strict=True):
        assert one["Task"] == "Image Classification"
        assert one["Metrics"]["Accuracy"] == found["measures"]["accuracy"]


def test_the_list_is_empty_or_a_table(record):
    assert list_models([], "models") == "None yet."
    header, _, row = list_models([record], "../models").splitlines()
    assert header.count("|") == row.count("|") == 6
    assert f"[`{NAME}`](../models/{NAME}/README.md)" in row
    assert "| inside, held-out cases: 2.17 % | outside: 6.52 % |" in row


def test_a_page_gets_the_list_between_its_comments(models, tmp_path):
    page = tmp_path / "models.md"
    page.write_text(f"# A\n\n{model_list._BEGIN}\nNone yet.\n<!-- end -->\n\nMore.\n")
    assert model_list.read_list(page) == "None yet."
    model_list.update_list(page)
    assert model_list.read_list(page) == model_list.current_list() != "None yet."
    text = page.read_text()
    assert text.startswith("# A\n\n") and text.endswith("\n<!-- end -->\n\nMore.\n")
    Path(page).write_text("# A\n")
    with pytest.raises(ValueError, match="no list between"):
        model_list.update_list(page)


def test_a_card_knows_every_measure_of_a_test():
    assert set(MEASURES) == set(HEADINGS)
