"""A class at a time: jobs, the table of scores, and one page about all of them."""

import concurrent.futures
import csv
import html
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile

from . import TOP, Trouble, export, holes, submission

ALIKE = 60  # percent from which a pair is shown


class Class:
    def __init__(self, lab, folder, out, seed):
        self.lab, self.folder, self.out = lab, folder, out
        os.makedirs(out, exist_ok=True)
        self.names = sorted(n for n in os.listdir(folder) if not n.startswith("."))
        if not self.names:
            raise Trouble(f"{folder} holds no submission")
        self.seed = self.keep_seed(seed)

    def keep_seed(self, seed):
        """The seed of an interrupted run stays, so that all are graded alike."""
        path = os.path.join(self.out, "seed")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                kept = int(file.read())
            if seed not in (None, kept):
                raise Trouble(f"{self.out} was begun with seed {kept}; take another --out for {seed}")
            return kept
        seed = secrets.randbelow(1 << 31) if seed is None else seed
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"{seed}\n")
        return seed

    def result_path(self, name):
        return os.path.join(self.out, name + ".json")

    def result(self, name):
        """What is known of a submission: its result, if it is newer than what was handed in."""
        try:
            with open(self.result_path(name), encoding="utf-8") as file:
                known = json.load(file)
        except (OSError, json.JSONDecodeError):
            return None
        return known if known.get("lab") == self.lab.name else None

    def forget(self):
        for name in self.names:
            if os.path.exists(self.result_path(name)):
                os.unlink(self.result_path(name))

    def waiting(self):
        return [n for n in self.names if not self.result(n)]

    def command(self, name):
        """The plain job: any machine with this tree may run it."""
        return [os.path.join(TOP, "tools/grade"), os.path.join(self.folder, name), "--lab",
                self.lab.name, "--seed", str(self.seed), "--jobs", "1", "--quiet", "--json",
                self.result_path(name)]

    def grade(self, jobs):
        """Grade what waits. Returns: {name: why} of the ungraded."""
        waiting, ungraded = self.waiting(), {}
        if len(waiting) < len(self.names):
            print(f"{len(self.names) - len(waiting)} of {len(self.names)} are graded already")

        def one(name):
            return subprocess.run(self.command(name), stdin=subprocess.DEVNULL, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            running = {pool.submit(one, name): name for name in waiting}
            try:
                for done in progress(concurrent.futures.as_completed(running), len(waiting)):
                    job = done.result()
                    if job.returncode:
                        ungraded[running[done]] = job.stdout.strip()[-300:] or "ungraded"
            except KeyboardInterrupt:
                pool.shutdown(cancel_futures=True)
                raise
        return ungraded

    def collect(self, ungraded):
        results = {name: self.result(name) for name in self.names}
        alike = similar(self.lab, self.folder, self.names)
        write_csv(os.path.join(self.out, "results.csv"), self.lab, results)
        with open(os.path.join(self.out, "report.html"), "w", encoding="utf-8") as file:
            file.write(page(self.lab, self.seed, results, alike, ungraded))
        graded = [r for r in results.values() if r]
        print(f"{len(graded)} of {len(results)} graded; {self.out}/results.csv, "
              f"{self.out}/report.html")
        for name, why in sorted(ungraded.items()):
            print(f"UNGRADED {name}: {why}")


def progress(items, total):
    try:
        from rich.progress import track
    except ImportError:
        return items
    return track(items, "grading", total=total, disable=not sys.stderr.isatty())


def write_csv(path, lab, results):
    with open(path + ".new", "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["submission", "score", "points", *(c.name for c in lab.cases)])
        for name, result in results.items():
            if not result:
                out.writerow([name, "", lab.points])
                continue
            score = {c["name"]: c["score"] for c in result["cases"]}
            out.writerow([name, result["score"], result["points"],
                          *(score.get(c.name, "") for c in lab.cases)])
    os.replace(path + ".new", path)


# --- which are alike -------------------------------------------------------------------------------

def own_work(lab, source):
    """The functions of a submission that differ from the exported tree's, as one text."""
    try:
        files = submission.collect(source, lab.files)
    except (submission.Bad, OSError):
        return ""
    template = {path: text.decode(errors="replace") for path, text in export.stubbed(lab).items()}
    text = ""
    with tempfile.TemporaryDirectory() as tmp:
        for path, data in files.items():
            if not path.endswith(".c"):
                continue
            copy = os.path.join(tmp, os.path.basename(path))
            with open(copy, "w", encoding="utf-8") as file:
                file.write(data.decode(errors="replace"))
            for name in holes.functions(copy):
                body = holes.text(copy, name)
                if body.strip() not in template[path]:
                    text += body + "\n"
    return text


def similar(lab, folder, names):
    """[(percent, one, other)] of pairs that are alike, by similarity-tester."""
    if not shutil.which("sim_c"):
        print("similarity-tester is missing: 'make deps CLASS=1' installs it; "
              "no pair is compared")
        return []
    with tempfile.TemporaryDirectory() as tmp:
        files = []
        for number, name in enumerate(names):
            text = own_work(lab, os.path.join(folder, name))
            if text.strip():
                path = os.path.join(tmp, f"{number}.c")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                files.append(path)
        if len(files) < 2:
            return []
        done = subprocess.run(["sim_c", "-p", "-e", "-s", "-r", "20", "-t", str(ALIKE), *files],
                              capture_output=True, text=True, errors="replace", check=False)
    pairs = {}
    for one, percent, other in re.findall(
            r"(\d+)\.c consists for (\d+) % of \S*?(\d+)\.c material", done.stdout):
        key = tuple(sorted((int(one), int(other))))
        pairs[key] = max(pairs.get(key, 0), int(percent))
    return sorted(((p, names[a], names[b]) for (a, b), p in pairs.items()), reverse=True)


# --- the page ---------------------------------------------------------------------------------------

STYLE = """body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:left;border-bottom:1px solid #ddd}
td.n{text-align:right}svg text{font:12px sans-serif}rect{fill:#4878a8}.bad{color:#a00}
@media (prefers-color-scheme:dark){body{background:#181818;color:#ddd}td,th{border-color:#444}
svg text{fill:#ddd}.bad{color:#f77}}"""


def distribution(scores, most):
    """Scores as a bar chart of ten columns (SVG)."""
    counts = [0] * 10
    for score in scores:
        counts[min(int(10 * score / most), 9)] += 1
    top = max(counts + [1])
    parts = ['<svg width="520" height="190" role="img" aria-label="distribution of scores">']
    for column, count in enumerate(counts):
        height = 140 * count / top
        parts.append(f'<rect x="{column * 50 + 10}" y="{160 - height:.0f}" width="40" '
                     f'height="{height:.0f}"/><text x="{column * 50 + 25}" '
                     f'y="{155 - height:.0f}">{count or ""}</text>'
                     f'<text x="{column * 50 + 10}" y="178">{column * 10}-{column * 10 + 10} %</text>')
    return "".join(parts) + "</svg>"


def table(head, rows):
    cells = "".join(f"<th>{html.escape(h)}</th>" for h in head)
    body = "".join("<tr>" + "".join(
        f'<td class="n">{c}</td>' if isinstance(c, (int, float)) else f"<td>{html.escape(str(c))}</td>"
        for c in row) + "</tr>\n" for row in rows)
    return f"<table><tr>{cells}</tr>\n{body}</table>"


def page(lab, seed, results, alike, ungraded):
    graded = {n: r for n, r in results.items() if r}
    scores = [r["score"] for r in graded.values()]
    failed = {case.name: 0 for case in lab.cases}
    for result in graded.values():
        for case in result["cases"]:
            failed[case["name"]] = failed.get(case["name"], 0) + (case["verdict"] != "pass")
    hint = {case.name: case.hint for case in lab.cases}
    parts = [f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(lab.title)}"
             f"</title><style>{STYLE}</style><h1>{html.escape(lab.title)}</h1>",
             f"<p>{len(graded)} of {len(results)} submissions graded, {lab.points} points, seed {seed}."]
    if scores:
        middle = sorted(scores)[len(scores) // 2]
        parts += [f" Mean {sum(scores) / len(scores):.1f}, median {middle}.</p>",
                  "<h2>Scores</h2>", distribution(scores, lab.points)]
    missing = sorted(set(results) - set(graded))
    if missing:
        parts += ["<h2 class=bad>Ungraded</h2><p>These have no score, and it is not their fault.</p>",
                  table(["submission", "why"], [(n, ungraded.get(n, "not graded yet"))
                                                for n in missing])]
    parts += ["<h2>Which test failed how often</h2>",
              table(["test", "failed", "likely cause"],
                    [(n, c, hint.get(n, "")) for n, c in sorted(failed.items(), key=lambda i: -i[1])
                     if c]),
              "<h2>Which are alike</h2>"]
    if alike:
        parts += ["<p>Of what differs from the exported tree. A high number is a reason to look, "
                  "and no proof.</p>", table(["percent", "one", "other"], alike)]
    else:
        parts.append(f"<p>No pair shares {ALIKE} % or more.</p>")
    parts += ["<h2>All submissions</h2>",
              table(["submission", "score", "failed tests"],
                    [(n, r["score"], ", ".join(c["name"] for c in r["cases"]
                                               if c["verdict"] != "pass"))
                     for n, r in sorted(graded.items())]), "</html>\n"]
    return "\n".join(parts)
