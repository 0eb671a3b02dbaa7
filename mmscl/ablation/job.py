"""What is asked for, and one training of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmscl.files import replaced

SELECTIONS = ("last", "best")


@dataclass(frozen=True)
class Request:
    """What was asked for.

    Attributes:
        configs: Config files, of any arm's folder.
        arms: Folders beside those of the configs, the reference first; or NAME=FILE,
            one config that is trained beside each of `configs`.
        seeds: Of the runs; equal seeds give equal images in equal order.
        steps: Steps of every run; None takes the configs' own.
        select: 'last' or 'best' (on the validation cases): the checkpoint to test.
        external: Names of the configs' external sets, or [NAME=]FOLDER with a
            manifest; None takes all of the configs' sets.
        out: Folder of runs and results.
        options: Settings for all arms, as --cfg-options.
        configs_root: Folder that configs are looked for in, too.
    """

    configs: Sequence[str]
    arms: Sequence[str]
    seeds: Sequence[int]
    out: Path
    steps: int | None = None
    select: str = "last"
    external: Sequence[str] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    configs_root: Path = Path("configs")


@dataclass(frozen=True)
class Job:
    """One training and its tests.

    Attributes:
        config: Name of the row of the table that it belongs to.
        arm: Name of the arm.
        seed: Its seed.
        cfg: The complete config.
        steps: Steps of the training.
        select: 'last' or 'best'.
        folder: Of all that it writes.
        fingerprints: Test set -> code, stack, settings, train_data, test_data.
        settings: Test set -> name -> value: what `settings` is the hash of.
    """

    config: str
    arm: str
    seed: int
    cfg: Config
    steps: int
    select: str
    folder: Path
    fingerprints: dict[str, dict[str, str]]
    settings: dict[str, dict[str, str]]

    @property
    def name(self) -> str:
        """Such as 'resnet10t_pki3, scl, seed 0'."""
        return f"{self.config}, {self.arm}, seed {self.seed}"

    @property
    def sets(self) -> list[str]:
        """Test sets, 'internal' first."""
        return list(self.fingerprints)

    @property
    def config_file(self) -> Path:
        """The config, complete in one file."""
        return self.folder / "config.py"

    @property
    def work_dir(self) -> Path:
        """Of the training."""
        return self.folder / "work_dir"

    def read_state(self) -> dict[str, Any]:
        """What is known of earlier sessions; {} before the first."""
        file = self.folder / "job.json"
        return json.loads(file.read_text("utf-8")) if file.is_file() else {}

    def write_state(self, **changes: Any) -> None:
        """Note how far it is, beside what it is of."""
        state = {
            **self.read_state(),
            "fingerprints": self.fingerprints,
            "settings": self.settings,
            **changes,
        }
        with replaced(self.folder / "job.json") as part:
            part.write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
