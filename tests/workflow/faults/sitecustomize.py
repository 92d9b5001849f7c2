"""Kills a process in the middle of writing a file: imported by every Python that has this folder on its PYTHONPATH.

MANYSEEDS_FAULT holds a regular expression for the path of the file, MANYSEEDS_FAULT_FLAG the path of a file that says
that it has happened: it happens once.
"""

import os
import re
import signal

fault, flag = os.environ.get("MANYSEEDS_FAULT"), os.environ.get("MANYSEEDS_FAULT_FLAG")
replace = os.replace


def replace_or_die(source, destination, **options):
    """Rename a file, unless it is the one: cut that in half, and die by SIGKILL before it gets its name."""
    if re.search(fault, str(destination)) and not os.path.exists(flag):
        with open(flag, "w"):
            pass
        with open(source, "rb") as whole:
            half = whole.read(os.path.getsize(source) // 2)
        os.unlink(source)  # not cut in place: it may be a hard link
        with open(source, "wb") as cut:
            cut.write(half)
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, destination, **options)


if fault and flag:
    os.replace = replace_or_die
