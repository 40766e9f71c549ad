"""The mutants of an object: each store and each branch that its machine code has from floors 1 to 4.

Invariants
  M1  A mutant is what one place of the source became: the same instruction in all copies that the compiler
      made of it, by inlining or as templates. Accessors and the standard library are no places: what was
      inlined from them counts where it was asked for.
  M2  What containers and strings do inside is the standard library's own, and no mutant. Nor is the making of
      an `expected` or `optional`: it is stored where the caller wants it, mostly on its stack, where what stood
      there before is apt to be the same.
  M3  A mutated instruction has the length of the one in whose place it stands.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field

from objects import disassemble, file_places, frames_of

FLOORS = re.compile(r"(?:^|/)src/((?:sync|txn|heap|radix)/[^/]+)$")
ACCESSOR_FILES = {"sync/words.h", "sync/seam.h"}
ACCESSORS = {"store32", "store64", "prepare", "load32", "load64"}
CONTAINERS = re.compile(r"/(basic_string|shared_ptr|stl_vector|vector\.tcc|stl_bvector|new_allocator|charconv|"
                        r"char_traits|atomicity|unique_ptr|stl_uninitialized|stl_construct|std_function|"
                        r"stl_tree|hashtable|string_view\.tcc|alloc_traits|allocat|fmt/)")
RESULTS = re.compile(r"/(expected|optional)$")

JUMP = re.compile(r"(?:bnd |notrack )?j(?!mp|rcxz|ecxz|cxz)[a-z]+ ")
CONDITION = re.compile(r"(set|cmov)[a-z]+ ")
# Stores whose target is the last operand; `lock` and `rep` may stand before them.
STORE = re.compile(r"(?:lock |rep )?(mov|add|sub|and|or|xor|inc|dec|neg|not|sh[lr]|sa[lr]|ro[lr]|adc|sbb|xchg|"
                   r"xadd|cmpxchg|bt[src]|stos|vmov)[a-z0-9]*\s+(.*)$")
MEMORY = re.compile(r"(?:^|,)(?:%[c-gs]s:)?(?:-?0x[0-9a-f]+)?\(([^)]*)\)$")
CALL = re.compile(r"(call|jmp)\s+[0-9a-f]+ <(.+?)(?:@plt)?>$")
STORING = re.compile(r"^(memcpy|memmove|memset)$|11Transaction(4plan|14plan_published|4fill)")

NOP = {1: "90", 2: "6690", 3: "0f1f00", 4: "0f1f4000", 5: "0f1f440000", 6: "660f1f440000", 7: "0f1f8000000000",
       8: "0f1f840000000000", 9: "660f1f840000000000"}


@dataclass
class Patch:
    symbol: str
    address: int
    before: bytes
    after: bytes
    text: str
    makes_result: bool


@dataclass
class Mutant:
    file: str
    line: int
    function: str
    kind: str
    number: int
    alternatives: int  # instructions of this kind that the line has in one symbol
    patches: list = field(default_factory=list)

    @property
    def name(self):
        return f"{self.file}:{self.line}:{self.function}:{self.kind}:{self.number + 1}of{self.alternatives}"

    @property
    def key(self):
        return (self.file, self.line, self.function, self.kind, self.number, self.alternatives)


def nops(count):
    code = b""
    while count:
        piece = min(count, 9)
        code += bytes.fromhex(NOP[piece])
        count -= piece
    return code


def negated(code):
    """A conditional instruction with the opposite condition: the lowest bit of its opcode turned over."""
    at = 0
    while code[at] in (0xF2, 0x3E, 0x66) or 0x40 <= code[at] < 0x50:
        at += 1
    at += code[at] == 0x0F
    return code[:at] + bytes([code[at] ^ 1]) + code[at + 1:]


def stores_to_memory(text):
    found = STORE.match(text)
    memory = found and MEMORY.search(found[2].split("#")[0].split(" <")[0].strip())
    if not memory:
        return False
    base = memory[1].split(",")[0]
    return base != "%rsp"


def mutation_of(instruction):
    """(kind, code in its place), or None."""
    text, code = instruction.text, instruction.code
    if JUMP.match(text):
        return "branch", negated(code)
    if CONDITION.match(text):
        return "condition", negated(code)
    if (call := CALL.match(text)) and STORING.search(call[2]):
        return "store", nops(len(code)) if call[1] == "call" else b"\xc3" + nops(len(code) - 1)
    if stores_to_memory(text):
        return "store", nops(len(code))
    return None


def plain(function):
    """The last part of a function's name."""
    function = re.sub(r"\[.*?\]| const$", "", function)
    while "<" in function and (shorter := re.sub(r"(?<!operator)<[^<>]*>", "", function)) != function:
        function = shorter
    function = re.sub(r"\{lambda\(.*?\)#\d+\}", "lambda", function)
    function = re.sub(r"\(anonymous namespace\)", "", function)
    return re.sub(r"\(.*", "", function.replace("operator()", "lambda")).split("::")[-1].split(" ")[-1]


def place_of(chain):
    """M1, M2: the frame of ours that an instruction belongs to, or None."""
    if not chain or CONTAINERS.search(chain[0].file):
        return None
    for frame in chain:
        found = FLOORS.search(frame.file)
        if found and found[1] not in ACCESSOR_FILES and plain(frame.function) not in ACCESSORS:
            return found[1], frame.line, plain(frame.function)
    return None


def mutants_of(path):
    """All mutants of an object, by the order of the source."""
    made = [(instruction, mutation) for instruction in disassemble(path)
            if (mutation := mutation_of(instruction))]
    in_symbol = defaultdict(lambda: defaultdict(list))
    for (instruction, (kind, after)), chain in zip(made, frames_of(path, [one.address for one, _ in made])):
        if place := place_of(chain):
            patch = Patch(instruction.symbol, instruction.address, instruction.code, after, instruction.text,
                          kind == "store" and bool(RESULTS.search(chain[0].file)))
            in_symbol[(*place, kind)][instruction.symbol].append(patch)
    mutants = {}
    for place, symbols in in_symbol.items():
        for patches in symbols.values():
            for number, patch in enumerate(patches):
                file, line, function, kind = place
                mutant = Mutant(file, line, function, kind, number, len(patches))
                mutants.setdefault(mutant.key, mutant).patches.append(patch)
    wanted = [mutant for mutant in mutants.values() if not all(patch.makes_result for patch in mutant.patches)]
    return sorted(wanted, key=lambda mutant: mutant.key)


def written_at(path, patches):
    """(place in the file, before, after) of each patch."""
    places = file_places(path)

    def place(address):
        return next(at + address - first for first, size, at in places if first <= address < first + size)
    return [(place(patch.address), patch.before, patch.after) for patch in patches]
