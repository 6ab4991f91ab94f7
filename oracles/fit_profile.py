#!/usr/bin/env python3
"""Fits the weights of the estimation method `profile` (Sources/Core/VEE/ProfileWeights.swift) on half-hourly
households.

    python3 oracles/fit_profile.py ../shared/data/edrp-households-a/edrp_a_30min_kwh_wide.csv.gz > weights.swift

Needs numpy. It sees 1 March to 12 April 2009 only: gaps are cut into 8 March to 9 April, and nothing later is read, so
that 13 to 29 April can judge. The clues are those of Sources/Core/VEE/ProfileClues.swift, in the same order. Weights
are
quantile regressions by iteratively reweighted least squares; for gaps without a register the quantile is the one that
leaves the fitted days without bias, for gaps with a register the median.
"""
import gzip
import sys

import numpy as np

SLOTS = 48
DAYS = 43  # 1 March to 12 April
REACH = 14
HOLIDAYS = {40}  # Good Friday, 10 April
LENGTHS = {1: 120, 2: 30, 3: 25, 4: 30, 6: 14, 8: 10, 12: 7, 16: 5, 24: 7, 32: 3, 48: 4}
CELL = 12000  # rows fitted in a cell at most
EDGES = [2, 3, 5, 9, 17]
PAD = SLOTS * (REACH + 3)
NEAR = [k for k in range(-REACH, REACH + 1) if k]


def read(path):
    with gzip.open(path, "rt") as file:
        next(file)
        rows = [line.rstrip().split(",")[1:] for _, line in zip(range(DAYS * SLOTS - 2), file)]
    load = np.rint(np.array(rows, dtype=float) * 1000)
    # Clock of the household: at 2009-03-29T01:00Z it skipped an hour.
    change = 28 * SLOTS + 2
    return np.concatenate([load[:change], np.full((2, load.shape[1]), np.nan), load[change:]])


def kinds():
    weekday = [(day + 6) % 7 for day in range(DAYS)]
    return np.array([2 if w == 6 or d in HOLIDAYS else 1 if w == 5 else 0 for d, w in enumerate(weekday)])


def cut(dice, homes, count, length):
    low, high = 7 * SLOTS, 40 * SLOTS
    gaps = []
    for home in range(homes):
        taken = np.zeros(high - low + 1, bool)
        done = 0
        while done < count:
            at = dice.integers(0, high - low - length + 1)
            if taken[max(0, at - 1):at + length + 1].any():
                continue
            taken[at:at + length] = True
            gaps.append((home, low + at))
            done += 1
    return np.array(gaps)


def mean(values, weights, fallback=0.0):
    there = ~np.isnan(values)
    weights = weights * there
    total = weights.sum(-1)
    return np.where(total > 0, (np.where(there, values, 0) * weights).sum(-1) / np.maximum(total, 1e-9), fallback)


def order(values, part):
    """Order statistic: floor(part x count) from below."""
    count = (~np.isnan(values)).sum(-1)
    at = np.clip(np.floor(part * count).astype(int), 0, np.maximum(count - 1, 0))
    return np.take_along_axis(np.sort(values, -1), at[..., None], -1)[..., 0]


def kernel(distance, per_octave):
    """2 to the minus (distance above the nearest / mean distance x per_octave)."""
    level = np.maximum(np.nanmean(distance, 1, keepdims=True), 1e-9)
    weights = 2.0 ** (-(distance - np.nanmin(distance, 1, keepdims=True)) / level * per_octave)
    return np.where(np.isnan(weights), 0, weights)


def clues(load, gaps, length, kind):
    homes, at = gaps[:, 0], gaps[:, 1] + PAD
    count = len(gaps)
    masked = load.copy()
    for i in range(length):
        masked[gaps[:, 1] + i, homes] = np.nan
    padded = np.pad(masked, ((PAD, PAD), (0, 0)), constant_values=np.nan)
    wide = 8
    place = np.arange(-wide, length + wide)

    def grab(offset):
        return padded[at[:, None] + place + offset, homes[:, None]]

    now = grab(0)
    then = np.stack([grab(SLOTS * k) for k in NEAR], 2)
    inside = slice(wide, wide + length)
    steps = np.abs(np.array(NEAR))
    fading = 1.0 / (steps + 3)
    usual = mean(then, fading)
    day = (gaps[:, 1][:, None] + np.arange(length)) // SLOTS
    other = np.clip(day[:, :, None] + np.array(NEAR), 0, DAYS - 1)
    alike = kind[other] == kind[day][:, :, None]
    here = then[:, inside]
    f = {"alike": mean(here, fading * np.where(alike, 1, 0.1))}
    f["beside"] = (usual[:, wide - 1:wide + length - 1] + usual[:, wide + 1:wide + length + 1]) / 2
    for name, part in (("low", 0.25), ("middle", 0.5), ("high", 0.75)):
        f[name] = order(here, part)

    def edge(offset):
        return np.where(np.isnan(now[:, offset]), usual[:, offset], now[:, offset])

    before, after = edge(wide - 1)[:, None], edge(wide + length)[:, None]
    d1 = np.arange(1, length + 1)[None]
    d2 = length + 1 - d1
    f["line"] = (before * d2 + after * d1) / (length + 1)
    f["lower"], f["upper"] = np.minimum(before, after) + 0 * d1, np.maximum(before, after) + 0 * d1
    f["lowest"] = np.minimum(f["lower"], f["middle"])
    f["highest"] = np.maximum(f["upper"], f["middle"])
    around = np.r_[wide - 4:wide, wide + length:wide + length + 4]
    distance = np.nanmean(np.abs(now[:, around, None] - then[:, around]), 1)
    near = kernel(distance, 8)
    f["nearest"] = mean(here, near[:, None] + 1e-6)
    f["nearer"] = mean(here, (kernel(distance, 4) * (1 / (steps + 10)))[:, None] + 1e-9)
    ends = mean(then, near[:, None] + 1e-6)
    f["edge"] = (before + after - ends[:, wide - 1][:, None] - ends[:, wide + length][:, None]) / 2 + 0 * d1
    known = ~np.isnan(now)
    ratio = np.where(known, now, 0).sum(1) / np.maximum((known * usual).sum(1), 1)
    f["level"] = usual[:, inside] * np.clip(ratio, 0.25, 4)[:, None]
    return f, now, then, d1 + np.zeros((count, 1)), d2 + np.zeros((count, 1)), wide


def analogs(now, then, energy, length, wide):
    """Windows of other days, up to two hours earlier or later, weighed by how their ends and their sum are alike."""
    around = np.r_[wide - 2:wide, wide + length:wide + length + 2]
    windows, distances = [], []
    for shift in range(-4, 5):
        window = then[:, np.arange(wide, wide + length) + shift]
        apart = np.nan_to_num(np.abs(now[:, around, None] - then[:, around + shift])).sum(1)
        apart = apart * 2 + np.abs(window.sum(1) - energy[:, None]) * 3
        windows.append(window)
        distances.append(apart * (20 + abs(shift)) / 20)
    window, distance = np.concatenate(windows, 2), np.concatenate(distances, 1)
    distance = np.where(np.isnan(window).any(1), np.nan, distance)
    return [mean(window, kernel(distance, rate)[:, None] + 1e-9) for rate in (16, 8)]


FREE = ["alike", "beside", "low", "middle", "high", "nearest", "nearer", "edge", "line", "lower", "upper", "lowest",
        "highest", "level"]
SCALED = ["alike", "beside", "low", "middle", "high", "nearest", "nearer", "line", "lower", "upper"]
PLAIN = ["alike", "middle", "nearer", "line", "lower", "upper", "lowest", "highest"]


def register_clues(f, now, then, energy, length, wide):
    whole = energy[:, None]
    ones = np.ones((1, length))
    shapes = [f[name] for name in SCALED] + analogs(now, then, energy, length, wide)
    out = []
    for shape in shapes:
        shape = np.maximum(shape, 0) + 1
        out.append(shape * whole / shape.sum(1, keepdims=True))
    out.append(whole / length * ones)
    return out + [f[name] for name in PLAIN] + [shapes[-2], shapes[-1]]


def fit(clue, value, weight, part, rounds=12):
    root = np.sqrt(weight)[:, None]
    found = np.linalg.lstsq(clue * root, value * root[:, 0], rcond=None)[0]
    for _ in range(rounds):
        error = value - clue @ found
        pull = np.where(error >= 0, part, 1 - part) * weight / np.maximum(np.abs(error), 0.02)
        square = (clue * pull[:, None]).T @ clue
        square += 1e-3 * np.trace(square) / len(square) * np.eye(len(square))
        found = np.linalg.solve(square, (clue * pull[:, None]).T @ value)
    return found


def group(cell):
    """Cells near both ends, near one, and far from one: the quantile without bias hardly differs within."""
    far = max(cell // 6, cell % 6)
    return 0 if far == 0 else 1 if far <= 2 else 2


def unbiased(clue, value, weight, cells, dice):
    """Of the quantiles the one whose fit has no bias in its group; between two fits the bias is linear in the
    weights."""
    found, miss = [None] * 36, np.zeros((3, 2))
    whole = np.zeros(3)
    for cell in range(36):
        mine = np.flatnonzero(cells == cell)
        some = dice.permutation(mine)[:CELL]
        scale = weight[some]
        pair = [fit(clue[some] / scale[:, None], value[some] / scale, scale, part) for part in (0.6, 0.72)]
        found[cell] = pair
        whole[group(cell)] += value[mine].sum()
        for side in (0, 1):
            miss[group(cell), side] += (np.maximum(clue[mine] @ pair[side], 0) - value[mine]).sum()
    bias = miss / whole[:, None]
    share = (BIAS - bias[:, 0]) / (bias[:, 1] - bias[:, 0])
    print("quantiles", 0.6 + 0.12 * share, file=sys.stderr)
    return [low + share[group(cell)] * (high - low) for cell, (low, high) in enumerate(found)]


BIAS = -0.01  # half of what is allowed: low guesses lie nearer to most values


def bucket(distance):
    return np.digitize(distance, EDGES)


def main():
    load, kind, dice = read(sys.argv[1]), kinds(), np.random.default_rng(2009)
    free, known, values, weights, buckets, singles = [], [], [], [], [], []
    for length, count in LENGTHS.items():
        gaps = cut(dice, load.shape[1], count, length)
        f, now, then, d1, d2, wide = clues(load, gaps, length, kind)
        value = np.stack([load[gaps[:, 1] + i, gaps[:, 0]] for i in range(length)], 1)
        usable = ~np.isnan(value).any(1)
        scale = np.maximum(np.nanmean(then, (1, 2)), 5)[:, None] + 0 * value
        free.append(np.stack([f[name] for name in FREE], 2)[usable].reshape(-1, len(FREE)))
        energy = np.nan_to_num(value).sum(1)
        reg = np.stack(register_clues(f, now, then, energy, length, wide), 2)
        known.append(reg[usable].reshape(-1, reg.shape[2]))
        for store, item in ((values, value), (weights, scale), (buckets, bucket(d1) * 6 + bucket(d2))):
            store.append(item[usable].ravel())
    free, known = np.concatenate(free), np.concatenate(known)
    values, weights, buckets = np.concatenate(values), np.concatenate(weights), np.concatenate(buckets)
    np.nan_to_num(free, copy=False)
    np.nan_to_num(known, copy=False)
    print("// Weights of `profile`, made by oracles/fit_profile.py from 1 March to 12 April 2009; do not edit. 1/4096.")
    print("// A row for each distance to the ends: 6 x 6 classes up to 1, 2, 4, 8, 16 and more half hours.\n")
    print("enum ProfileWeights {")
    for name, clue in (("free", free), ("register", known)):
        weighed = unbiased(clue, values, weights, buckets, dice) if name == "free" else None
        rows, errors = [], []
        for cell in range(36):
            mine = dice.permutation(np.flatnonzero(buckets == cell))[:CELL]
            scale = weights[mine]
            found = (
                weighed[cell] if weighed
                else fit(clue[mine] / scale[:, None], values[mine] / scale, scale, 0.5))
            rounded = np.rint(found * 4096).astype(int)
            guess = np.maximum(clue[mine] @ rounded / 4096, 0)
            spread = np.maximum(free[mine][:, 4] - free[mine][:, 2], 0) + guess / 4
            errors.append(int(np.rint(np.abs(guess - values[mine]).sum() / spread.sum() * 1000)))
            rows.append(rounded)
        print(f"    static let {name}: [[Int32]] = [")
        for row in rows:
            print(f"        [{', '.join(map(str, row))}],")
        print("    ]")
        print("    /// Mean absolute error, per mille of the spread of the days plus a quarter of the guess.")
        lines = [", ".join(map(str, errors[i:i + 12])) for i in range(0, 36, 12)]
        print(f"    static let {name}Error: [Int64] = [\n        " + ",\n        ".join(lines) + ",\n    ]")
    print("}")


if __name__ == "__main__":
    main()
