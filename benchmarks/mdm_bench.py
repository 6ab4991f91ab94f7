"""What the mdm benchmarks share: the bench program, scratch folders, JSON answers."""
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.environ["BUSBAR_BENCH"]
ROUNDS = int(os.environ.get("ROUNDS", "3"))


def bench(*words):
    """The answer of `busbar-bench mdm …`, or of a bench program that knows these words alone."""
    command = [BENCH, *([] if os.environ.get("BUSBAR_BENCH_MDM") else ["mdm"]), *map(str, words)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def duckdb(*words):
    command = [sys.executable, os.path.join(HERE, "mdm_duckdb.py"), *map(str, words)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


@contextlib.contextmanager
def scratch():
    folder = tempfile.mkdtemp(prefix="busbar-bench-", dir=os.environ.get("FOLDER"))
    os.chmod(folder, 0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def fresh(folder):
    place = tempfile.mkdtemp(dir=folder)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def median(answers, key):
    return statistics.median(answer[key] if isinstance(key, str) else key(answer) for answer in answers)


def result(name, value, unit, peer, peer_value, ratio, **more):
    print(json.dumps({"name": name, "value": value, "unit": unit, "peer": peer, "peer_value": peer_value,
                      "ratio": round(ratio, 3), **more}), flush=True)
