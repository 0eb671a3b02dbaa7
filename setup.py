"""Installation of mmscl. See README.md for the lines to type."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


def read_version() -> str:
    scope: dict[str, str] = {}
    exec((ROOT / "mmscl" / "version.py").read_text("utf-8"), scope)
    return scope["__version__"]


class BuildWithConfigs(build_py):
    """Also puts configs and tools into mmscl/.mim, where OpenMMLab's mim looks."""

    def run(self) -> None:
        super().run()
        if getattr(self, "editable_mode", False):  # they are in the clone
            return
        mim = Path(self.build_lib, "mmscl", ".mim")
        shutil.rmtree(mim, ignore_errors=True)
        for name in ("configs", "tools"):
            unwanted = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, mim / name, ignore=unwanted)
        shutil.copy(ROOT / "model-index.yml", mim)


# What no other distribution gives under the same import name. OpenCV is not
# here: opencv-python and opencv-python-headless overwrite each other too.
REQUIRES = [
    "torch>=2.6",
    "torchvision",
    "timm>=1.0",
    "numpy>=1.26",
    "scipy",
    "scikit-learn>=1.4",
    "matplotlib",
    "rich",
    "bioframe>=0.6",
    "safetensors>=0.4",
    "scikit-image>=0.22",  # skeletons of chromosomes
    "filelock",  # one review of a folder at a time; torch has it too
    "pillow",
    "reportlab>=4",  # karyograms as PDF
    "jinja2>=3",  # report.html
]

# The maintained distributions. mmcv-lite is missing on purpose: it asks for
# upstream mmengine, which would overwrite onedl-mmengine, so it goes in with
# `pip install --no-deps` and what it needs is listed here. OpenCV is the
# headless one, which runs without libGL.
MMINSTALL = [
    "onedl-mmengine>=0.10.12",
    "onedl-mmpretrain>=1.3.6",
    "opencv-python-headless>=4.8",
    "addict",
    "packaging",
    "pillow",
    "pyyaml",
    "yapf",
]

# OpenMMLab's last releases, with the versions around them that they can bear.
UPSTREAM = [
    "mmengine==0.10.7",
    "mmpretrain==1.2.0",
    "mmcv-lite==2.2.0",
    "setuptools<82",  # mmengine imports pkg_resources
    "numpy<2.4",  # mmpretrain calls np.in1d
]

TESTS = ["pytest>=8", "pytest-xdist", "hypothesis>=6.100", "ruff==0.17.6", "mypy"]

# mmscl-karyotype review: the page (mmscl/review/server.py names the same).
REVIEW = ["starlette>=0.40", "uvicorn>=0.30"]
# Tests of the page in a browser; they are skipped where no chromium is installed.
BROWSER = ["playwright>=1.40"]

LOGGING = ["tensorboard"]

# mmengine imports what 0.19 removed; configs/_base_/deepspeed.py.
DEEPSPEED = ["deepspeed>=0.16,<0.19"]
# tools/plot.py: t-SNE and heat maps. Older grad-cam asks for opencv-python, which
# would overwrite the headless one.
FIGURES = ["openTSNE>=1.0", "grad-cam>=1.5.7"]

# configs/comparators: SupCon, triplets, ArcFace (MetricLearningLoss).
COMPARATORS = ["pytorch-metric-learning>=2.9,<3"]

# What benchmarks/ compares with, besides mmpretrain, timm and torchvision.
BENCH = COMPARATORS

setup(
    name="mmscl",
    version=read_version(),
    description="Supervised contrastive learning for chromosome classification",
    long_description=(ROOT / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    cmdclass=dict(build_py=BuildWithConfigs),
    packages=find_packages(include=["mmscl", "mmscl.*"]),
    include_package_data=True,
    # Models that come with their weights: config, weights, record, card, metafile.
    package_data={
        "mmscl.shipped": ["models/*/*", "committees/*/*"],
        "mmscl.results.report": ["templates/*"],
        "mmscl.review": ["page/*"],
    },
    entry_points={
        "console_scripts": ["mmscl-karyotype=mmscl.karyotype_command:main"],
    },
    python_requires=">=3.10,<3.13",
    install_requires=REQUIRES,
    extras_require={
        "mminstall": MMINSTALL,
        "upstream": UPSTREAM,
        "review": REVIEW,
        "tests": TESTS + REVIEW + BROWSER,
        "figures": FIGURES,
        "comparators": COMPARATORS,
        "bench": BENCH,
        "deepspeed": DEEPSPEED,
        "all": MMINSTALL + TESTS + FIGURES + LOGGING + COMPARATORS + REVIEW + BROWSER,
    },
    classifiers=[
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Bio-Informatics",
    ],
)
