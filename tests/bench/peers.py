"""make bench-peers: the same work in numpy and in qscope, on the same array, in the same run.

Argument: the program bench_peers. Both sides must give the same numbers before anything is
compared; then a line for each piece of work and number of threads says how many times as long
numpy takes. (numpy computes all of this on one thread.) Without numpy: a note, and success."""

import json
import os
import subprocess
import sys
import tempfile
import time

try:
    import numpy as np
except ImportError:
    print("bench-peers: skipped: this Python has no numpy (make bench-peers PYTHON=...)")
    sys.exit(0)

SIDE = 4096
REPEATS = 3


def round_trip_mse(x, scale, lo, hi, zero=0):
    codes = np.clip(np.rint(x / scale) + np.float32(zero), lo, hi)
    y = (codes - np.float32(zero)) * scale
    e = x.astype(np.float64) - y
    return float(np.mean(e * e))


def per_tensor(x):
    return round_trip_mse(x, np.max(np.abs(x)) / np.float32(127), -128, 127)


def per_channel(x):
    return round_trip_mse(x, np.max(np.abs(x), axis=1, keepdims=True) / np.float32(127), -128, 127)


def groups(x):
    g = x.reshape(-1, 128)
    lo = np.minimum(g.min(axis=1, keepdims=True), 0)
    hi = np.maximum(g.max(axis=1, keepdims=True), 0)
    scale = (hi.astype(np.float64) - lo) / 15
    zero = np.clip(np.rint(-lo / scale), 0, 15).astype(np.float32)
    return round_trip_mse(g, scale.astype(np.float32), 0, 15, zero)


def histogram(x):
    counts, _ = np.histogram(x, bins=2048, range=(-4, 4))
    return float(np.dot(counts, np.arange(2048, dtype=np.float64)))


def percentile(x):
    return float(np.percentile(np.abs(x).astype(np.float64), 99.99))


def mse_search(x):
    absmax = float(np.max(np.abs(x)))
    best = float("inf")
    for k in range(1, 101):
        scale = np.float32(absmax * k / 100 / 127)
        e = x - np.clip(np.rint(x / scale), -128, 127) * scale
        best = min(best, float(np.mean(e * e)))
    return best


def minmax_report(x):
    for of in (np.min, np.max, np.mean, np.std):
        of(x)
    np.isnan(x).sum(), np.isinf(x).sum(), (x == 0).sum()
    d = x - np.mean(x, dtype=np.float64)
    np.mean(d ** 4)
    np.partition(np.abs(x).ravel(), int(0.99 * x.size))
    return per_tensor(x)


# What numpy does, how often, and how near the numbers have to be: float32 sums are the coarsest.
WORK = {
    "fake-quantize + mse, per tensor": (per_tensor, REPEATS, 1e-9),
    "fake-quantize + mse, per channel": (per_channel, REPEATS, 1e-9),
    "int4, asymmetric, groups of 128": (groups, REPEATS, 1e-6),
    "histogram, 2048 bins": (histogram, REPEATS, 0),
    "percentile 99.99 of |x|": (percentile, REPEATS, 1e-12),
    "mse search, 100 candidates": (mse_search, 1, 1e-5),
    "minmax report": (minmax_report, 1, 1e-9),
}


def timed(work, x, repeats):
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        value = work(x)
        best = min(best, time.perf_counter() - start)
    return value, best


def main():
    x = np.random.default_rng(1).standard_normal((SIDE, SIDE), dtype=np.float32)
    x = np.clip(x, -4, 4)
    with tempfile.TemporaryDirectory() as folder:
        name = os.path.join(folder, "x")
        x.tofile(name)
        lines = subprocess.run([sys.argv[1], name], check=True, capture_output=True, text=True)
    ours = [json.loads(line) for line in lines.stdout.splitlines()]
    theirs = {}
    for name, (work, repeats, near) in WORK.items():
        theirs[name] = timed(work, x, repeats)
        for row in ours:
            if row["row"] == name and abs(row["value"] - theirs[name][0]) > near * abs(row["value"]):
                sys.exit("bench-peers: %s: qscope %.17g, numpy %.17g" % (name, row["value"], theirs[name][0]))
    print("numpy %s, float32, %d x %d; both sides give the same numbers" % (np.__version__, SIDE, SIDE))
    print("%-36s %7s %12s %12s %8s" % ("", "threads", "qscope ms", "numpy ms", "ratio"))
    for row in ours:
        seconds = theirs[row["row"]][1]
        print("%-36s %7d %12.1f %12.1f %8.1f"
              % (row["row"], row["threads"], 1e3 * row["seconds"], 1e3 * seconds, seconds / row["seconds"]))


main()
