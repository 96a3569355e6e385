"""Follows HOW-TO-CHECK.md in a bundle, step by step, with the standard library, `sha256sum` and `openssl` alone.

    python3 check_bundle.py BUNDLE HOST_PUB

Exits 0 when every step holds; else says which does not.
"""

import csv
import hashlib
import os
import re
import struct
import subprocess
import sys
import tempfile
from collections import Counter


def fail(step, what):
    sys.exit(f"step {step}: {what}")


def run(step, *command):
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        fail(step, f"`{' '.join(command)}` said {done.returncode}: {done.stdout.decode()}{done.stderr.decode()}")
    return done.stdout


def text(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def varint(body, at):
    """LEB128: 7 bits a byte, the lowest first."""
    value = shift = 0
    while True:
        byte = body[at]
        value |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            return value, at


def documented_snippet():
    """The code of step 4 as the bundle itself prints it."""
    found = re.search(r"<<'END'\n(.*?)\n    END", text("HOW-TO-CHECK.md"), re.S)
    if not found:
        fail(4, "HOW-TO-CHECK.md has no code")
    return "\n".join(line[4:] for line in found.group(1).split("\n"))


def signed_fields(path):
    return dict(line.split(" ", 1) for line in text(path).splitlines() if " " in line)


def main(bundle, known_key):
    known_key = os.path.abspath(known_key)
    os.chdir(bundle)

    run(1, "sha256sum", "--check", "--quiet", "SHA256SUMS")
    listed = {line.split("  ", 1)[1] for line in text("SHA256SUMS").splitlines()}
    there = {os.path.relpath(os.path.join(folder, name)) for folder, _, names in os.walk(".") for name in names}
    if there - listed - {"SHA256SUMS"}:
        fail(1, f"files that are not listed: {sorted(there - listed)[:3]}")

    key = text("proof/key.hex").strip()
    step = 1
    while os.path.exists(f"proof/next-key-{step}.txt"):
        note = signed_fields(f"proof/next-key-{step}.txt")
        if note["previous"] != key:
            fail(2, f"next-key-{step}.txt does not follow")
        key, step = note["public"], step + 1
    if text(known_key).strip() not in (key, text("proof/key.hex").strip()):
        fail(2, "the bundle is signed by another key than the one you know")

    der = run(3, "openssl", "pkey", "-pubin", "-in", "proof/key.pem", "-outform", "DER")
    if der[-32:].hex() != text("proof/key.hex").strip():
        fail(3, "key.pem and key.hex differ")
    run(3, "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "proof/key.pem", "-rawin",
        "-in", "proof/signed.txt", "-sigfile", "proof/signed.sig")

    said = run(4, sys.executable, "-c", documented_snippet()).decode().splitlines()
    signed = text("proof/signed.txt").splitlines()
    for line in said:
        if line not in signed:
            fail(4, f"`{line}` is not what was signed")

    data = open("proof/records.bin", "rb").read()
    intents, staged, at = set(), {}, 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        body = data[at + 8 : at + 8 + length]
        if body[0] == 0x04:
            item, after = varint(body, 1)
            copy, after = varint(body, after)
            intents.add((item, copy, body[after : after + 32].hex()))
        elif body[0] == 0x02:
            item, after = varint(body, 1)
            staged[item], _ = varint(body, after)
        at += 8 + length

    rows = list(csv.DictReader(open("copies.csv", encoding="utf-8", newline="")))
    messages = set()
    for row in rows:
        if row["state"] not in ("imported", "partial", "skipped"):
            continue
        if (int(row["item"]), int(row["copy"]), row["sha256"]) not in intents:
            fail(5, f"no record of copy {row['copy']} of item {row['item']} with that SHA-256")
        if row["file"]:
            messages.add(row["file"])
            if hashlib.sha256(open(row["file"], "rb").read()).hexdigest() != row["sha256"]:
                fail(5, f"`{row['file']}` has another SHA-256")
    if {f"mail/{name}" for name in os.listdir("mail")} != messages:
        fail(5, "there are messages that no row names")

    windows = {int(number) for number in re.findall(r"^window (\d+):", text("summary.txt"), re.M)}
    items = list(csv.DictReader(open("items.csv", encoding="utf-8", newline="")))
    listed = {int(row["item"]): int(row["window"]) for row in items}
    recorded = {item: window for item, window in staged.items() if window in windows}
    if listed != recorded:
        fail(6, f"{len(listed)} items are listed, {len(recorded)} are recorded")
    for window in windows:
        path = f"proof/window-{window}.checkpoint"
        if not os.path.exists(path):
            continue
        note = text(path)
        lines, signature = note.rsplit("signature ", 1)
        with tempfile.TemporaryDirectory() as folder:
            said, signed_by = os.path.join(folder, "lines"), os.path.join(folder, "signature")
            with open(said, "w", encoding="utf-8", newline="") as file:
                file.write(lines)
            with open(signed_by, "wb") as file:
                file.write(bytes.fromhex(signature.strip()))
            run(6, "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "proof/key.pem", "-rawin",
                "-in", said, "-sigfile", signed_by)
        words = re.search(r"^items (.*)$", lines, re.M).group(1).split()
        counts = dict(zip(words[::2], map(int, words[1::2])))
        found = Counter(row["state"] for row in items if int(row["window"]) == window)
        for state in ("delivered", "parked", "duplicate", "excluded"):
            if counts[state] != found[state]:
                fail(6, f"window {window}: {found[state]} rows are {state}, {counts[state]} were signed")
        if counts["fetched"] != sum(found.values()):
            fail(6, f"window {window}: {sum(found.values())} rows, {counts['fetched']} were signed")
    print(f"ok: {len(items)} items, {len(rows)} copies, {len(messages)} messages, {len(intents)} records of copies")


main(*sys.argv[1:])
