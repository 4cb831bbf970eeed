"""The student's archive: the whitelisted files, and nothing else."""

import io
import os
import tarfile

from . import TOP, Trouble

MESSAGE = """What you hand in is {out}:
{list}
Other files of your tree are not in it: the grader has its own. A score that was computed in your
own tree is advisory; the real one is computed from this archive.
"""


def write(lab):
    out = os.path.join(TOP, f"handin-{lab.name}.tar.gz")
    lines = []
    with tarfile.open(out, "w:gz") as archive:
        for path in lab.files:
            try:
                with open(os.path.join(TOP, path), "rb") as file:
                    data = file.read()
            except OSError as error:
                raise Trouble(f"{path}: {error.strerror}") from None
            info = tarfile.TarInfo(path)
            info.size = len(data)
            info.mtime = int(os.path.getmtime(os.path.join(TOP, path)))
            archive.addfile(info, io.BytesIO(data))
            lines.append(f"  {path:<40}{len(data.splitlines())} lines")
    print(MESSAGE.format(out=os.path.basename(out), list="\n".join(lines)), end="")
