"""The documentation names only what exists: links, files, options, names, settings."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import torch
from mmengine.config import Config, DictAction
from mmengine.registry import VISBACKENDS, Registry
from mmpretrain import registry as registries

from mmscl.config import check_options

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "configs" / "README.md"]
)
EXAMPLE_NAMES = ("configs/scl/our_lab.py",)  # files that the reader is to write
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FILE = re.compile(r"(?<![\w/.-])(?:configs|tools|tests|docs|mmscl)/[\w/.-]+\.\w+")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOOL = re.compile(r"(?:python|bash) (tools/\S+)")
INSTALLED = re.compile(r"^mmscl-karyotype ", re.MULTILINE)
NESTED = {
    "dist_train.sh": ("train.py",),
    "slurm_train.sh": ("train.py",),
    "karyotype.py": ("../mmscl/karyotype_command.py", "../mmscl/review/command.py"),
}

pages = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


def blocks(page: Path, *languages: str) -> list[str]:
    found = FENCE.findall(page.read_text("utf-8"))
    return [text for language, text in found if language in languages]


def anchor(heading: str) -> str:
    """GitHub's anchor of a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return kept.strip().replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text("utf-8"))
    return {anchor(h) for h in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def commands(page: Path) -> list[list[str]]:
    """Words of every command of ours, in code blocks and in inline code."""
    text = page.read_text("utf-8")
    inline = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    lines = "\n".join([*blocks(page, "bash", ""), *inline]).replace("\\\n", " ")
    lines = INSTALLED.sub("python tools/karyotype.py ", lines)
    return [
        shlex.split(line[TOOL.search(line).start() :], comments=True)[1:]
        for line in lines.splitlines()
        if TOOL.search(line)
    ]


def options_of(tool: Path) -> set[str]:
    """The option names that a command declares."""
    files = [tool.parent / name for name in NESTED.get(tool.name, (tool.name,))]
    strings = {
        node.value
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in strings if re.fullmatch(r"--[\w-]+", text)}


@pages
def test_relative_links_resolve(page):
    broken = []
    for target in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        if "://" in target:
            continue
        path, _, fragment = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (fragment and fragment not in anchors(file)):
            broken.append(target)
    assert not broken


@pages
def test_files_that_are_named_exist(page):
    named = set(FILE.findall(page.read_text("utf-8"))) - set(EXAMPLE_NAMES)
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pages
def test_python_blocks_compile(page):
    for text in blocks(page, "python"):
        compile(text, str(page), "exec")


@pages
def test_registered_names_in_python_blocks_exist(page):
    text = "\n".join(blocks(page, "python"))
    known = [VISBACKENDS, *vars(registries).values()]
    known = [registry for registry in known if isinstance(registry, Registry)]
    missing = [
        name
        for name in set(re.findall(r"type='([\w.]+)'", text))
        if not hasattr(torch.optim, name)
        and not any(registry.get(name) for registry in known)
    ]
    assert missing == []


@pages
def test_configs_in_python_blocks_are_read(page, tmp_path):
    for number, text in enumerate(blocks(page, "python")):
        if "_base_ =" in text:
            text = text.replace("'./", f"'{ROOT}/configs/scl/")
            file = tmp_path / f"block{number}.py"
            file.write_text(text)
            assert Config.fromfile(file).train_dataloader.batch_size == 48


@pages
def test_dotted_names_of_the_package_exist(page):
    names = set(re.findall(r"`(mmscl(?:\.\w+)+)`", page.read_text("utf-8")))
    names |= {
        f"{module}.{name.strip()}"
        for text in blocks(page, "python")
        for module, found in re.findall(r"^from (mmscl[\w.]*) import (.+)$", text, re.M)
        for name in found.split(",")
    }
    for name in names:
        owner, _, attribute = name.rpartition(".")
        there = hasattr(importlib.import_module(owner), attribute)
        assert there or importlib.util.find_spec(name), name  # not imported


@pages
def test_commands_have_the_options_that_are_shown(page):
    for tool, *words in commands(page):
        assert (ROOT / tool).is_file(), tool
        known = options_of(ROOT / tool)
        shown = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert shown <= known, (tool, shown - known)


@pages
def test_options_named_in_the_text_exist(page):
    text = FENCE.sub("", page.read_text("utf-8"))
    known = set().union(*map(options_of, (ROOT / "tools").glob("*.py")))
    known |= {"--no-deps"}  # pip's
    shown = {option for option in re.findall(r"`(--[\w-]+)[^`]*`", text)}
    assert shown <= known, shown - known


@pages
def test_settings_on_the_command_line_exist_in_the_config(page):
    for words in commands(page):
        if "--cfg-options" not in words or not words[1].startswith("configs/"):
            continue
        start = words.index("--cfg-options") + 1
        settings = [word for word in words[start:] if "=" in word]
        options = {
            key: DictAction._parse_iterable(value)
            for key, _, value in (word.partition("=") for word in settings)
        }
        config = Config.fromfile(ROOT / words[1])
        check_options(config, options, words[1])
        config.merge_from_dict(options)


@pages
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    text = page.read_text("utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
    assert named <= targets, named - targets


def test_every_config_is_in_the_table():
    table = (ROOT / "configs" / "README.md").read_text("utf-8")
    folders = ("scl", "baseline", "comparators", "levers")
    configs = [c for f in folders for c in ROOT.glob(f"configs/{f}/*.py")]
    absent = [f"{c.parent.name}/{c.name}" for c in configs]
    assert [name for name in absent if f"({name})" not in table] == []
