#!/usr/bin/env bash
# Run the core tests against OpenMMLab's last own releases (mmengine 0.10.7,
# mmpretrain 1.2.0) on current torch, in an environment of their own.
#   bash tools/test_upstream.sh [pytest arguments]
#   PYTHON=python3.11 VENV=.venv-upstream bash tools/test_upstream.sh -x
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-$(command -v python3.11 || command -v python3)}
venv=${VENV:-.venv-upstream}
stamp=$venv/.installed

if [[ ! -e $stamp || setup.py -nt $stamp ]]; then
  echo "Installing into $venv: about 5.5 GB and some minutes the first time."
  "$python" -m venv --clear "$venv"
  pip() { "$venv/bin/python" -m pip "$@" --disable-pip-version-check -q; }
  pip install --progress-bar off -e ".[upstream,tests,figures]"
  # Upstream asks for opencv-python, which needs libGL; the headless one, which grad-cam
  # asks for, does not. Both are `import cv2`: take out both, put in one.
  pip uninstall -y opencv-python opencv-python-headless
  pip install --no-deps --progress-bar off "opencv-python-headless>=4.8"
  touch "$stamp"
fi

export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
exec "$venv/bin/python" -m pytest -n "${JOBS:-2}" -m "not slow" "$@"
