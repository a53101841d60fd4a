"""make bench-peers: the same work in numpy, in torch and in qscope, on the same array, in one run.

Arguments: the programs bench_peers and qscope. All sides must give the same numbers before anything
is compared; then a line for each piece of work and number of threads says how many times as long
the others take: processor time on one thread, as if the machine were idle, and wall time on all.
(numpy computes all of this on one thread.) Debian's packages python3-numpy and python3-torch will
do. Without numpy: a note, and success; without torch: a note, and numpy alone."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

try:
    import numpy as np
except ImportError:
    print("bench-peers: skipped: this Python has no numpy (package python3-numpy, or make bench-peers PYTHON=...)")
    sys.exit(0)
try:
    import torch
    from torch.ao.quantization import HistogramObserver
except ImportError:
    torch = None

SIDE = 4096
REPEATS = 3
BINS = 2048


# --- numpy ------------------------------------------------------------------------------------


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


def weigh(counts):
    """A number that a misplaced value changes."""
    return float(np.dot(np.asarray(counts, np.float64), np.arange(BINS)))


def histogram(x):
    return weigh(np.histogram(x, bins=BINS, range=(-4, 4))[0])


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


def divergence(counts, kept):
    """Of the first KEPT bins, the rest added to the last, from the same merged into 128 levels."""
    p = counts[:kept].copy()
    p[-1] += counts[kept:].sum()
    borders = np.linspace(0, kept, 129)
    level = np.digitize(np.arange(kept), borders) - 1
    filled = counts[:kept] > 0
    mass = np.bincount(level, counts[:kept], 128)
    shares = np.maximum(np.bincount(level, filled, 128), 1)
    q = np.where(filled, (mass / shares)[level], 0)
    if p[-1] > 0 and q[-1] == 0:
        return float("inf")
    p, q = p / p.sum(), q / q.sum()
    some = p > 0
    return float(np.sum(p[some] * np.log(p[some] / q[some])))


def entropy_scale(counts, edges):
    counts[0] = counts[1]
    costs = [divergence(counts, kept) for kept in range(128, BINS + 1)]
    best = len(costs) - 1 - int(np.argmin(costs[::-1]))
    return float(edges[best + 128]) / 127


def entropy(x):
    magnitudes = np.abs(x)
    counts, edges = np.histogram(magnitudes, bins=BINS, range=(0, magnitudes.max()))
    return entropy_scale(counts.astype(np.float64), edges)


def minmax_report(x):
    for of in (np.min, np.max, np.mean, np.std):
        of(x)
    np.isnan(x).sum(), np.isinf(x).sum(), (x == 0).sum()
    d = x - np.mean(x, dtype=np.float64)
    np.mean(d ** 4)
    np.partition(np.abs(x).ravel(), int(0.99 * x.size))
    return per_tensor(x)


def whole_file(path):
    return minmax_report(np.load(path))


# What numpy does, how often, and how near the numbers have to be: float32 sums are the coarsest.
NUMPY = {
    "fake-quantize + mse, per tensor": (per_tensor, REPEATS, 1e-9),
    "fake-quantize + mse, per channel": (per_channel, REPEATS, 1e-9),
    "int4, asymmetric, groups of 128": (groups, REPEATS, 1e-6),
    "histogram, 2048 bins": (histogram, REPEATS, 0),
    "percentile 99.99 of |x|": (percentile, REPEATS, 1e-12),
    "mse search, 100 candidates": (mse_search, 1, 1e-5),
    "entropy (NVIDIA), 2048 bins": (entropy, 1, 1e-6),
    "minmax report": (minmax_report, 1, 1e-9),
    "whole-file minmax report": (whole_file, 1, 1e-9),
}


# --- torch: what its users write, the fastest of several ways ------------------------------------


def torch_mse(x, y):
    e = x - y
    return float(torch.mean(e * e, dtype=torch.float64))


def torch_per_tensor(x):
    scale = float(x.abs().max()) / 127
    return torch_mse(x, torch.fake_quantize_per_tensor_affine(x, scale, 0, -128, 127))


def torch_per_channel(x):
    scale = x.abs().amax(dim=1) / 127
    zero = torch.zeros(len(scale), dtype=torch.int32)
    return torch_mse(x, torch.fake_quantize_per_channel_affine(x, scale, zero, 0, -128, 127))


def torch_groups(x):
    g = x.view(-1, 128)
    lo, hi = torch.aminmax(g, dim=1)
    lo, hi = lo.clamp(max=0), hi.clamp(min=0)
    scale = (hi - lo) / 15
    zero = torch.round(-lo / scale).clamp(0, 15).to(torch.int32)
    return torch_mse(g, torch.fake_quantize_per_channel_affine(g, scale, zero, 0, 0, 15))


def torch_histogram(x):
    return weigh(torch.histc(x, BINS, -4, 4).numpy())


def torch_percentile(x):
    """A fifth of the time of torch.quantile, which takes no more than 2^24 values, too."""
    place = (x.numel() - 1) * 0.9999
    below = int(place)
    values = torch.topk(x.abs().flatten(), x.numel() - below).values.double()
    return float(values[-1] + (values[-2] - values[-1]) * (place - below))


def torch_mse_search(x):
    absmax = float(x.abs().max())
    best = float("inf")
    for k in range(1, 101):
        y = torch.fake_quantize_per_tensor_affine(x, absmax * k / 100 / 127, 0, -128, 127)
        best = min(best, torch_mse(x, y))
    return best


def torch_entropy(x):
    magnitudes = x.abs()
    largest = float(magnitudes.max())
    counts = torch.histc(magnitudes, BINS, 0, largest).numpy().astype(np.float64)
    return entropy_scale(counts, np.linspace(0, largest, BINS + 1))


def torch_observer(x):
    observer = HistogramObserver()
    observer(x)
    return float(observer.calculate_qparams()[0])


def torch_minmax_report(x):
    torch.aminmax(x), torch.std_mean(x)
    x.isnan().sum(), x.isinf().sum(), (x == 0).sum()
    d = x - x.mean()
    torch.mean(d ** 4)
    torch.topk(x.abs().flatten(), x.numel() // 100)
    return torch_per_tensor(x)


def torch_whole_file(path):
    return torch_minmax_report(torch.from_numpy(np.load(path)))


TORCH = {
    "fake-quantize + mse, per tensor": (torch_per_tensor, REPEATS, 1e-6),
    "fake-quantize + mse, per channel": (torch_per_channel, REPEATS, 1e-6),
    "int4, asymmetric, groups of 128": (torch_groups, REPEATS, 1e-6),
    "histogram, 2048 bins": (torch_histogram, REPEATS, 1e-6),
    "percentile 99.99 of |x|": (torch_percentile, REPEATS, 1e-12),
    "mse search, 100 candidates": (torch_mse_search, 1, 1e-5),
    "entropy (NVIDIA), 2048 bins": (torch_entropy, 1, 1e-6),
    "HistogramObserver": (torch_observer, 1, 1e-6),
    "minmax report": (torch_minmax_report, 1, 1e-6),
    "whole-file minmax report": (torch_whole_file, 1, 1e-6),
}


# --- one run --------------------------------------------------------------------------------------


def processor_time():
    """Of this process and of the programs that it ran."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def timed(work, of, repeats):
    """The value, and the least of the seconds on the clock and on the processor."""
    wall = cpu = float("inf")
    for _ in range(repeats):
        start = time.perf_counter(), processor_time()
        value = work(of)
        wall = min(wall, time.perf_counter() - start[0])
        cpu = min(cpu, processor_time() - start[1])
    return value, wall, cpu


def run_all(work, x, path):
    """{row: (value, seconds, seconds of the processor)}"""
    return {
        row: timed(do, path if row.startswith("whole-file") else x, repeats)
        for row, (do, repeats, _) in work.items()
    }


def check(name, work, found, ours):
    for row in ours:
        if row["row"] in found:
            value, near = found[row["row"]][0], work[row["row"]][2]
            if not abs(row["value"] - value) <= near * abs(row["value"]):
                sys.exit("bench-peers: %s: qscope %.17g, %s %.17g" % (row["row"], row["value"], name, value))


def our_file(path, threads):
    """The program itself, from its start to its exit."""
    command = [sys.argv[2], "report", path, "-q", "int8", "--json", "--threads=%d" % threads]

    def report(_):
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

    answer, wall, cpu = timed(report, path, REPEATS)
    answer = answer[0] if isinstance(answer, list) else answer
    return {"row": "whole-file minmax report", "threads": threads,
            "seconds": cpu if threads == 1 else wall, "value": answer["metrics"]["mse"]}


def cells(found, row):
    """Milliseconds and the ratio, as texts."""
    if row["row"] not in found:
        return "-", "-"
    seconds = found[row["row"]][2 if row["threads"] == 1 else 1]
    return "%.1f" % (1e3 * seconds), "%.1f" % (seconds / row["seconds"])


def main():
    x = np.random.default_rng(1).standard_normal((SIDE, SIDE), dtype=np.float32)
    x = np.clip(x, -4, 4)
    with tempfile.TemporaryDirectory() as folder:
        name, path = os.path.join(folder, "x"), os.path.join(folder, "x.npy")
        x.tofile(name)
        np.save(path, x)
        lines = subprocess.run([sys.argv[1], name], check=True, capture_output=True, text=True)
        ours = [json.loads(line) for line in lines.stdout.splitlines()]
        counts = sorted({row["threads"] for row in ours})
        ours += [our_file(path, threads) for threads in counts]
        numpy_found = run_all(NUMPY, x, path)
        check("numpy", NUMPY, numpy_found, ours)
        torch_found = {}
        for threads in counts if torch else []:
            torch.set_num_threads(threads)
            torch_found[threads] = run_all(TORCH, torch.from_numpy(x), path)
            check("torch", TORCH, torch_found[threads], ours)
    if torch:
        print("numpy %s, torch %s" % (np.__version__, torch.__version__), end="")
    else:
        print("numpy %s; this Python has no torch (package python3-torch)" % np.__version__, end="")
    print("; float32, %d x %d; all sides give the same numbers" % (SIDE, SIDE))
    print("one thread: processor time; more: wall time")
    print("%-33s %7s %10s %10s %7s %10s %7s"
          % ("", "threads", "qscope ms", "numpy ms", "ratio", "torch ms", "ratio"))
    for row in sorted(ours, key=lambda row: row["threads"]):
        print("%-33s %7d %10.1f %10s %7s %10s %7s"
              % (row["row"], row["threads"], 1e3 * row["seconds"],
                 *cells(numpy_found, row), *cells(torch_found.get(row["threads"], {}), row)))


main()
