#!/usr/bin/env python3
"""Checks the counts of two runs of the demo.

usage: demo_counts.py FIRST.json SECOND.json MAILS

FIRST and SECOND are what `chancery demo --json` printed on the same folder, MAILS is how many files lie in its mailboxes.
"""
import collections
import json
import sys

ITEMS_MIN = 2_000


def problems_of(run, name):
    found = []
    for connector in run["connectors"]:
        if "error" in connector:
            found.append(f"{name}: `{connector['name']}` stopped: {connector['error']}")
        for window in connector["windows"]:
            items, copies, where = window["items"], window["copies"], f"{name}, window {window['start']} .. {window['end']}"
            if items["fetched"] != sum(items[key] for key in ("delivered", "parked", "duplicate", "excluded")):
                found.append(f"{where}: items do not balance: {items}")
            if copies["available"] != sum(copies[key] for key in ("imported", "partial", "skipped", "failed", "pending")):
                found.append(f"{where}: copies do not balance: {copies}")
            if copies["pending"]:
                found.append(f"{where}: {copies['pending']} copies are pending")
    return found


def total(run, group):
    sums = collections.Counter()
    for connector in run["connectors"]:
        for window in connector["windows"]:
            sums.update(window[group])
    return sums


def main(first_path, second_path, mails):
    with open(first_path, encoding="utf-8") as first, open(second_path, encoding="utf-8") as second:
        first, second = json.load(first), json.load(second)
    found = problems_of(first, "first run") + problems_of(second, "second run")
    items, copies, again = total(first, "items"), total(first, "copies"), total(second, "copies")
    if items["fetched"] < ITEMS_MIN:
        found.append(f"first run: {items['fetched']} items, at least {ITEMS_MIN} were due")
    if copies["imported"] + copies["partial"] != mails:
        found.append(f"first run: {copies['imported']} + {copies['partial']} copies were delivered, {mails} mails lie there")
    if again["imported"] or again["partial"]:
        found.append(f"second run: {again['imported']} + {again['partial']} copies were delivered again")
    print(f"items {dict(items)}\ncopies {dict(copies)}\nagain {dict(again)}\n{first['mailboxes']} mailboxes, {first['seconds']:.1f} s")
    for problem in found:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
