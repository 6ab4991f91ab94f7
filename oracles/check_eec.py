#!/usr/bin/env python3
"""Five example tariffs, priced month by month by `busbar price` and by electric-emission-cost (Stanford, we3lab).

A second calculator beside check_price.py, of other people. It too prices each interval in the slab reached so far. It
knows no fixed charge, so that energy and demand are compared. An interval of it must not jump over a whole slab; these
do not. Environment: BUSBAR, the program. Exit code 0 only when all months agree to a hundredth of a rupee.
"""
import os
import sys
import tempfile
import warnings
from datetime import datetime

import numpy
import pandas
from check_price import EXAMPLES, SLOTS, busbar_bills, drawn_wh, write_load
from electric_emission_cost import costs

warnings.filterwarnings("ignore")
COLUMNS = ["utility", "type", "assessed", "period", "basic_charge_limit (imperial)", "basic_charge_limit (metric)",
           "month_start", "month_end", "hour_start", "hour_end", "weekday_start", "weekday_end", "charge (imperial)",
           "charge (metric)", "units", "name"]
ALWAYS = [(0, 24, 0, 6, "")]
# Hours, weekdays from Monday 0, band.
BANDS = [(0, 9, 0, 6, "normal"), (9, 17, 0, 6, "solar"), (17, 18, 0, 6, "normal"), (18, 22, 0, 4, "peak"),
         (18, 22, 5, 6, "normal"), (22, 24, 0, 6, "normal")]
CASES = {
    "flat": dict(bands=ALWAYS, slabs=[(0, {"": 6.50})]),
    "time-of-day": dict(bands=BANDS, slabs=[(0, {"normal": 6.00, "peak": 7.20, "solar": 4.80})]),
    "slab": dict(bands=ALWAYS, slabs=[(0, {"": 3.05}), (100, {"": 6.95}), (300, {"": 9.90}), (500, {"": 11.50})]),
    "slab-by-band-chronological": dict(bands=BANDS, slabs=[
        (0, {"normal": 3.00, "peak": 3.60, "solar": 2.40}), (100, {"normal": 7.00, "peak": 8.40, "solar": 5.60})]),
    "demand": dict(bands=ALWAYS, slabs=[(0, {"": 5.00})], demand=250),
}


def calculator_month(case, month, values):
    def row(kind, period, limit, hours, price, unit):
        return ["electric", kind, "", period, limit, limit, 1, 12, *hours, price, price, unit, ""]

    rows = [row("energy", f"slab {number}", limit, hours[:4], prices[hours[4]], "$/kWh")
            for number, (limit, prices) in enumerate(case["slabs"]) for hours in case["bands"]]
    if "demand" in case:
        rows.append(row("demand", "demand", 0, (0, 24, 0, 6), case["demand"], "$/kW"))
    last = datetime(2019, 1, 1) if month == 12 else datetime(2018, month + 1, 1)
    charges = costs.get_charge_dict(
        datetime(2018, month, 1), last, pandas.DataFrame(rows, columns=COLUMNS), resolution="15m")
    load = {"electric": numpy.array(values) / 250, "gas": numpy.zeros(len(values))}
    return float(costs.calculate_cost(charges, load, resolution="15m")[0])


def compare(name, case, bills, drawn):
    """The largest difference, and how many months differ by more than a hundredth and what rounding leaves."""
    largest, wrong = 0.0, 0
    for month, bill in enumerate(bills, 1):
        first = (datetime(2018, month, 1) - datetime(2018, 1, 1)).days * 96
        count = ((datetime(2019, 1, 1) if month == 12 else datetime(2018, month + 1, 1))
                 - datetime(2018, month, 1)).days * 96
        theirs = calculator_month(case, month, drawn[first:first + count])
        ours = sum(part["amountMinor"] for part in bill["components"] if part["kind"] != "fixed") / 100
        largest, wrong = max(largest, abs(ours - theirs)), wrong + (abs(ours - theirs) > 0.010001)
    print(f"{name}: {len(bills)} months, {wrong} of them differ")
    return largest, wrong


def main():
    drawn = [drawn_wh(slot) for slot in range(SLOTS)]
    largest = 0.0
    with tempfile.TemporaryDirectory(prefix="busbar-price-") as folder:
        load = write_load(os.path.join(folder, "load.csv"), drawn)
        for name, case in CASES.items():
            bills = busbar_bills(os.path.join(EXAMPLES, f"{name}.yaml"), "--load", load)
            if len(bills) != 12:
                sys.exit(f"{name}: {len(bills)} bills")
            most, wrong = compare(name, case, bills, drawn)
            largest = max(largest, most)
            if wrong:
                sys.exit(f"{name}: {wrong} months differ, by {most:.4f} at most")
        # A wrong price must be found out.
        bills = busbar_bills(os.path.join(EXAMPLES, "flat.yaml"), "--load", load)
        if compare("a price one paisa too high", dict(bands=ALWAYS, slabs=[(0, {"": 6.51})]), bills, drawn)[1] != 12:
            sys.exit("a price that is one paisa too high was not found out")
    print(f"{12 * len(CASES)} months of {len(CASES)} tariffs agree with electric-emission-cost within {largest:.4f}; "
          "a wrong price is seen")


if __name__ == "__main__":
    main()
