"""Is a lab well? Its specification, its holes, its stubs; and the export that comes of it."""

import os
import re
import shutil

from . import TOP, Trouble, build as building, export, guest, holes, spec, wrong
from .verdict import UNGRADED

HANDOUT = 2000  # characters, at least


def lab(base, name):
    """Raises: Trouble with the first fault."""
    found = spec.read_lab(os.path.join(TOP, "labs", name), name)
    files(found)
    wrong.catalogue(found)
    check_tree(base, found)
    check_build(base, found)


def files(lab_):
    known = set()
    if os.path.exists(export.stubs(lab_)):
        known = set(holes.functions(export.stubs(lab_)))
    named = {name for names in lab_.holes.values() for name in names}
    for path, names in lab_.holes.items():
        for name in names:
            holes.span(os.path.join(TOP, path), name)  # says which is gone
    for name in sorted(known - named):
        raise Trouble(f"{lab_.name}: stubs.c has {name}, which is no hole")
    for program in lab_.programs.values():
        for source in program.sources:
            if not os.path.exists(source):
                raise Trouble(f"{lab_.name}: {source} does not exist")
    handout = lab_.path("handout.md")
    if not os.path.exists(handout) or os.path.getsize(handout) < HANDOUT:
        raise Trouble(f"{lab_.name}: handout.md has less than {HANDOUT} characters")


def check_tree(_, lab_):
    out = os.path.join(TOP, "build/labs/check", lab_.name)
    shutil.rmtree(out, ignore_errors=True)
    try:
        export.export(lab_, out)
    finally:
        shutil.rmtree(out, ignore_errors=True)


def check_build(base, lab_):
    """The untouched export builds without a warning, and boots as far as the lab says."""
    build = building.Build(base, lab_, export.stubbed(lab_))
    try:
        for program in lab_.programs.values():
            building.own_objects(base, lab_, program)
        build.compile()
        if build.warnings.strip():
            raise Trouble(f"{lab_.name}: the untouched export warns: {build.warnings[:600]}")
        check_boot(build, lab_)
    except building.Failed as failed:
        raise Trouble(f"{lab_.name}: the untouched export does not build: {failed}") from None
    finally:
        build.remove()


def check_boot(build, lab_):
    case = spec.Case("boot", "", 1, "", "", False, 20)
    tester = guest.Tester(build, build.link_kernel(), case, 1)
    try:
        tester.boot("true", append="panic=exit")
    except guest.Ended as ended:
        if ended.kind == UNGRADED:
            raise Trouble(f"{lab_.name}: {ended}") from None
    if not re.search(lab_.boots, tester.console):
        raise Trouble(f"{lab_.name}: the untouched export does not say '{lab_.boots}' as it boots: "
                      + tester.console[-600:])
