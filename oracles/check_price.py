#!/usr/bin/env python3
"""Ten example tariffs, priced month by month by `busbar price` and by NREL's bill calculator (PySAM Utilityrate5).

The load is made here from integers, a year of quarters of an hour of 2018, as that calculator knows no other. Both are
told the tariff apart: Busbar by examples/tariffs, the calculator by the figures below. A tariff with a wrong price
must be found out too. Environment: BUSBAR, the program. Exit code 0 only when all months agree to a hundredth of a
rupee. The last line says what was compared.
"""
import json
import os
import subprocess
import sys
import tempfile
from datetime import date, datetime, timedelta

import PySAM.Utilityrate5 as Utilityrate5

HERE = os.path.dirname(os.path.abspath(__file__))
BUSBAR = os.path.abspath(os.environ.get("BUSBAR", os.path.join(HERE, "..", ".build", "debug", "busbar")))
EXAMPLES = os.path.join(HERE, "..", "examples", "tariffs")
SLOTS = 365 * 96
WITHOUT_END = 9.9e37
WORD = (1 << 64) - 1
# Mean watt-hours of a quarter of an hour, hour by hour.
HOURS = [48, 42, 40, 39, 43, 61, 92, 118, 101, 84, 70, 66, 71, 69, 64, 70, 88, 131, 196, 224, 205, 158, 104, 63]


def mixed(number):
    """The finalizer of splitmix64: a number that looks like chance and is the same everywhere."""
    number = (number + 0x9E3779B97F4A7C15) & WORD
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & WORD
    return number ^ (number >> 31)


def drawn_wh(slot):
    day, quarter = divmod(slot, 96)
    warm = 150 if 100 <= day < 280 else 100
    free = 115 if day % 7 > 4 else 100
    return HOURS[quarter // 4] * warm * free * (60 + mixed(slot * 7 + 3) % 81) // 1_000_000


def made_wh(slot, peak_w):
    """A roof: up from 06:00 to noon, down to 18:00, with clouds."""
    quarter = slot % 96
    if not 24 <= quarter < 72:
        return 0
    height = min(quarter - 23, 72 - quarter)
    return peak_w * height * (55 + mixed(slot * 11 + 5) % 46) // (24 * 4 * 100)


def band(hour, weekend):
    """1 normal, 2 peak, 3 solar."""
    if 9 <= hour < 17:
        return 3
    return 2 if 18 <= hour < 22 and not weekend else 1


def always(_hour, _weekend):
    return 1


# Of each: bands, energy rows by band as (upper kWh, price), and what else there is.
SLAB_BY_BAND = {1: [(100, 3.00), (None, 7.00)], 2: [(100, 3.60), (None, 8.40)], 3: [(100, 2.40), (None, 5.60)]}
CASES = {
    "flat": dict(energy={1: [(None, 6.50)]}),
    "time-of-day": dict(bands=band, energy={1: [(None, 6.00)], 2: [(None, 7.20)], 3: [(None, 4.80)]}),
    "slab": dict(energy={1: [(100, 3.05), (300, 6.95), (500, 9.90), (None, 11.50)]}, fixed=110),
    "slab-per-day": dict(energy={1: [(3, 3.05), (10, 6.95), (None, 9.90)]}, unit=2),
    "slab-by-band-proportional": dict(bands=band, energy=SLAB_BY_BAND, fixed=110),
    # This way of metering prices each interval in the slab reached so far; the other one spreads slabs over bands.
    "slab-by-band-chronological": dict(bands=band, energy=SLAB_BY_BAND, fixed=110, metering=2),
    "demand": dict(energy={1: [(None, 5.00)]}, demand=250),
    "demand-by-band": dict(bands=band, energy={1: [(None, 5.00)], 2: [(None, 5.00)], 3: [(None, 5.00)]},
                           band_demand={1: 100, 2: 300, 3: 0}),
    "net-billing": dict(energy={1: [(None, 6.50)]}, fixed=50, sell=2.25, peak_w=2000, metering=2),
    "net-metering": dict(energy={1: [(None, 6.50)]}, fixed=50, peak_w=2200),
}


def calculator_months(case, drawn, made):
    bands = case.get("bands", always)
    weekday, weekend = ([[bands(hour, end) for hour in range(24)] for _ in range(12)] for end in (False, True))
    model = Utilityrate5.new()
    model.ElectricityRates.assign({
        "en_electricity_rates": 1, "ur_metering_option": case.get("metering", 0),
        "ur_ec_sched_weekday": weekday, "ur_ec_sched_weekend": weekend,
        "ur_ec_tou_mat": [
            [number, step, WITHOUT_END if upper is None else upper, case.get("unit", 0), price, case.get("sell", 0)]
            for number, rows in case["energy"].items() for step, (upper, price) in enumerate(rows, 1)],
        "ur_monthly_fixed_charge": case.get("fixed", 0), "ur_monthly_min_charge": 0, "ur_annual_min_charge": 0,
        "ur_nm_yearend_sell_rate": 0, "ur_nm_credit_month": 11, "ur_nm_credit_rollover": 0,
        "ur_nb_apply_credit_current_month": 1, "ur_nb_credit_expire": 0, "ur_sell_eq_buy": 0,
        "ur_en_ts_buy_rate": 0, "ur_en_ts_sell_rate": 0, "ur_ts_buy_rate": [0], "ur_ts_sell_rate": [0],
        "rate_escalation": [0], "ur_dc_enable": int("demand" in case or "band_demand" in case),
        "TOU_demand_single_peak": 0, "ur_enable_billing_demand": 0,
        "ur_dc_sched_weekday": weekday, "ur_dc_sched_weekend": weekend,
        "ur_dc_flat_mat": [[month, 1, WITHOUT_END, case.get("demand", 0)] for month in range(12)],
        "ur_dc_tou_mat": [[number, 1, WITHOUT_END, case.get("band_demand", {}).get(number, 0)]
                          for number in case["energy"]],
    })
    model.Lifetime.assign({"analysis_period": 1, "inflation_rate": 0, "system_use_lifetime_output": 0})
    model.SystemOutput.assign({"degradation": [0], "gen": [wh / 250 for wh in made]})
    model.Load.assign({"load": [wh / 250 for wh in drawn], "load_escalation": [0]})
    model.execute(0)
    outputs = model.Outputs
    return list(outputs.year1_monthly_utility_bill_w_sys if any(made) else outputs.year1_monthly_utility_bill_wo_sys)


def write_load(path, values):
    start = datetime(2018, 1, 1)
    with open(path, "w", encoding="utf-8") as file:
        file.write("time,meter 1\n")
        for slot, wh in enumerate(values):
            file.write(f"{start + timedelta(minutes=15 * slot):%Y-%m-%d %H:%M},{wh / 1000:.3f}\n")
    return path


def busbar_bills(tariff, *words):
    done = subprocess.run([BUSBAR, "price", "--tariff", tariff, *words, "--json"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"busbar price {os.path.basename(tariff)} ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)["bills"]


def check_sums(name, bills):
    """The lines of a component, the components and the days of a bill each sum to it."""
    for bill in bills:
        if bill["totalMinor"] != sum(day["totalMinor"] for day in bill["days"]) or bill["totalMinor"] != sum(
                component["amountMinor"] for component in bill["components"]):
            sys.exit(f"{name}: the bill from {bill['from']} is not the sum of its parts")
        for component in bill["components"]:
            if component["amountMinor"] != sum(line["amountMinor"] for line in component["lines"]):
                sys.exit(f"{name}: {component['id']} from {bill['from']} is not the sum of its lines")


def check_refusals(folder, load):
    """What cannot be priced is refused with its place; nothing is priced as if it were zero."""
    with open(load, encoding="utf-8") as file:
        lines = file.read().splitlines(keepends=True)
    gap, typo = os.path.join(folder, "gap.csv"), os.path.join(folder, "typo.yaml")
    with open(gap, "w", encoding="utf-8") as file:
        file.writelines(lines[:1000] + lines[1004:])
    with open(os.path.join(EXAMPLES, "slab.yaml"), encoding="utf-8") as file:
        text = file.read()
    with open(typo, "w", encoding="utf-8") as file:
        file.write(text.replace("perMonth", "perMoth"))
    slab = os.path.join(EXAMPLES, "slab.yaml")
    line = text[:text.index("id: fixed")].count("\n") + 1
    for words, code, said in (
            (["--tariff", slab, "--load", gap], 1, "no value on 2018-01-11 at 09:45, 4 intervals are missing"),
            (["--tariff", slab, "--load", gap, "--from", "2018-01-12", "--to", "2018-02-03"], 0, "2018-02-01"),
            (["--tariff", slab, "--load", load, "--from", "2017-12-31"], 2, "It has 2018-01-01 to 2018-12-31"),
            (["--tariff", os.path.join(EXAMPLES, "net-billing.yaml"), "--load", load], 2, "--export"),
            (["--tariff", os.path.join(EXAMPLES, "high-tension.yaml"), "--load", load], 1, "no tariff holds"),
            (["--tariff", typo, "--sheet"], 1, f"typo.yaml:{line}"),
            (["--tariff", slab], 2, "--load"),
            (["--tariff", slab, "--sheet"], 0, "100–300 kWh")):
        done = subprocess.run([BUSBAR, "price", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != code or said not in done.stdout + done.stderr:
            sys.exit(f"busbar price {' '.join(words)} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr}")


def main():
    drawn = [drawn_wh(slot) for slot in range(SLOTS)]
    months, largest = 0, 0.0
    with tempfile.TemporaryDirectory(prefix="busbar-price-") as folder:
        load = write_load(os.path.join(folder, "load.csv"), drawn)
        for name, case in CASES.items():
            tariff = os.path.join(EXAMPLES, f"{name}.yaml")
            made, words = [0] * SLOTS, ["--load", load]
            if "peak_w" in case:
                made = [made_wh(slot, case["peak_w"]) for slot in range(SLOTS)]
                net = [take - give for take, give in zip(drawn, made)]
                words = ["--load", write_load(os.path.join(folder, "in.csv"), [max(wh, 0) for wh in net]),
                         "--export", write_load(os.path.join(folder, "out.csv"), [max(-wh, 0) for wh in net])]
            theirs = calculator_months(case, drawn, made)
            bills = busbar_bills(tariff, *words)
            check_sums(name, bills)
            ours = [bill["totalMinor"] / 100 for bill in bills]
            if len(ours) != 12 or bills[-1]["to"] != str(date(2018, 12, 31)):
                sys.exit(f"{name}: {len(ours)} bills")
            for month, (own, other) in enumerate(zip(ours, theirs), 1):
                months, largest = months + 1, max(largest, abs(own - other))
                if abs(own - other) > 0.010001:
                    sys.exit(f"{name}, month {month}: Busbar {own:.2f}, the calculator {other:.4f}")
            print(f"{name}: {sum(ours):.2f}, as the calculator")
        check_refusals(folder, load)
        wrong = os.path.join(folder, "wrong.yaml")
        with open(os.path.join(EXAMPLES, "flat.yaml"), encoding="utf-8") as file:
            text = file.read().replace("6.50", "6.51")
        with open(wrong, "w", encoding="utf-8") as file:
            file.write(text)
        theirs = calculator_months(CASES["flat"], drawn, [0] * SLOTS)
        ours = [bill["totalMinor"] / 100 for bill in busbar_bills(wrong, "--load", load)]
        if any(abs(own - other) <= 0.010001 for own, other in zip(ours, theirs)):
            sys.exit("a price that is one paisa too high was not found out")
    print(f"{months} months of {len(CASES)} tariffs agree with PySAM within {largest:.4f}; a wrong price is seen")


if __name__ == "__main__":
    main()
