"""What the runner of mutants knows of an object file: where a byte of code stands in it, and from which lines
of the source its instructions come. Everything else it asks of binutils."""

import re
import struct
import subprocess
from pathlib import Path
from typing import NamedTuple


class Frame(NamedTuple):
    function: str
    file: str
    line: int


class Instruction(NamedTuple):
    symbol: str
    address: int
    code: bytes
    text: str


def file_places(path):
    """(address, bytes, place in the file) of each piece of an ELF file that is mapped."""
    content = Path(path).read_bytes()[:65536]
    if content[:6] != b"\x7fELF\x02\x01":
        raise SystemExit(f"{path} is no 64-bit little-endian ELF file")
    table, = struct.unpack_from("<Q", content, 0x20)
    entry_bytes, entries = struct.unpack_from("<HH", content, 0x36)
    places = []
    for entry in range(entries):
        kind, _, place, address, _, size = struct.unpack_from("<IIQQQQ", content, table + entry * entry_bytes)
        if kind == 1:
            places.append((address, size, place))
    return places


INSTRUCTION = re.compile(r"^\s+([0-9a-f]+):\t((?:[0-9a-f]{2} )+)\s*\t(.*)$")
SYMBOL = re.compile(r"^[0-9a-f]+ <(.+)>:$")


def disassemble(path):
    command = ["objdump", "--disassemble", "--wide", "--section=.text", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listing:
        symbol = ""
        for line in listing.stdout:
            if found := INSTRUCTION.match(line):
                yield Instruction(symbol, int(found[1], 16), bytes.fromhex(found[2]), found[3].strip())
            elif found := SYMBOL.match(line):
                symbol = found[1]


def frames_of(path, addresses):
    """For each address the lines it comes from, the innermost inlined one first."""
    asked = "\n".join(hex(address) for address in addresses)
    answer = subprocess.run(["addr2line", "-a", "-f", "-i", "-C", "-e", str(path)], input=asked, text=True,
                            stdout=subprocess.PIPE, check=True).stdout.splitlines()
    chains = []
    lines = iter(answer)
    for line in lines:
        if line.startswith("0x"):
            chains.append([])
            continue
        file, _, number = next(lines).partition(" (")[0].rpartition(":")
        chains[-1].append(Frame(line, file, int(number) if number.isdigit() else 0))
    return chains
