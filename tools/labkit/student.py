"""What a student calls beside `make grade`: format and warnings, and one case under gdb."""

import os
import shutil
import subprocess

from . import TOP, build as building, grade, guest, sandbox, submission


def check_files(base, lab_):
    """Format and warnings of the handed-in files. Returns: whether all is well."""
    well = True
    for path in lab_.files:
        full = os.path.join(TOP, path)
        if not path.endswith(".c"):
            continue
        if shutil.which("clang-format"):
            done = subprocess.run(["clang-format", "--dry-run", "-Werror", "--style=file", full],
                                  capture_output=True, text=True, check=False)
            if done.returncode:
                well = False
                print(done.stderr.strip())
        else:
            print("clang-format is missing; 'make deps' installs it")
    with_files = {}
    for path in lab_.files:
        with open(os.path.join(TOP, path), "rb") as file:
            with_files[path] = file.read()
    build = building.Build(base, lab_, with_files)
    try:
        build.compile()
        if build.warnings.strip():
            well = False
            print(build.warnings.strip())
    except building.Failed as failed:
        well = False
        print(failed)
    finally:
        build.remove()
    print("your files are well" if well else "your files want mending")
    return well


def again(base, lab_, source, name, seed):
    """One case under gdb: a host program, or the guest's kernel over QEMU's stub."""
    case = grade.choose(lab_, [name])[0]
    build = building.Build(base, lab_, submission.collect(source, lab_.files))
    try:
        build.compile()
        if case.run in lab_.programs:
            program = build.link_program(lab_.programs[case.run])
            sub = str(grade.case_seed(seed, case))
            # It is the caller's own code, on the caller's own machine.
            os.environ["VERDICT_FD"] = "1"
            os.environ["ASAN_OPTIONS"] = "detect_leaks=0:abort_on_error=1"
            subprocess.run(["gdb", "-q", "-ex", f"break case_{name.replace('-', '_')}", "--args",
                            program, name, sub], check=False)
        else:
            guest.under_gdb(build, lab_, case, grade.case_seed(seed, case))
    finally:
        sandbox.remove(build.where)
