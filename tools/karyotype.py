#!/usr/bin/env python
"""The command mmscl-karyotype from a clone: mmscl/karyotype_command.py."""

from __future__ import annotations

from mmscl.karyotype_command import main

if __name__ == "__main__":
    main()
