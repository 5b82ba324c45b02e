import { nameInSlot, nameSlots } from './field-ids.ts';
import type { FieldLines } from './field-lines.ts';
import { COLON, HTAB, SP } from './octets.ts';
import {
  add,
  and,
  atLeast,
  bitsOf,
  block,
  branch,
  branchIf,
  equal,
  get,
  greater,
  isZero,
  loop,
  moduleOf,
  multiply,
  notEqual,
  number,
  octetAt,
  or,
  pairAt,
  returning,
  set,
  shiftLeft,
  shiftRight,
  signedOctetAt,
  sixteenOf,
  store,
  subtract,
  trailingZeros,
  vectorAndNot,
  vectorAt,
  vectorAtMost,
  vectorEqual,
  vectorOr,
  vectorSubtract,
  when,
  xor,
} from './wasm-assembler.ts';

/** Octets of {@link scannedOctets}. */
const room = 64 * 1024;
const octetsPerPage = 64 * 1024;
/** Pages for these octets and for what is found in them, and pages of {@link octetsToSend}. */
const pagesToScan = 2;
const pagesToSend = 2;
const pages = pagesToScan + pagesToSend;
/** Vectors that begin at an octet of the room may end this far behind it. */
const margin = 64;

/** Places in the memory: the number of lines that were found, the lines, and the names of `fieldIds`. */
const countAt = room + margin;
const linesAt = countAt + 4;
const namesAt = room + 16 * 1024;
const octetsPerLine = 20;
/** Most lines that there is room for. */
const mostLines = 512;
/** A name has up to 24 octets here, the last two octets of its place are its id and its length. */
const octetsPerName = 32;
const idOffset = 30;
const lengthOffset = 31;

/** `CR LF`, read as one number. */
const lineEnd = 0x0a0d;
/** Sets the bit that tells small letters from capitals, in digits and the hyphen too. */
const smallBit = 0x20;

// Parameters
const at = 0;
const stop = 1;
const base = 2;
const most = 3;
// Other locals
const line = 4;
const count = 5;
const start = 6;
const bits = 7;
const valueStart = 8;
const valueEnd = 9;
const name = 10;
const length = 11;
const hash = 12;
const octet = 13;
const id = 14;
const numbers = 11;
const octets = 15;
const vectors = 1;

const isLess = (one: ReturnType<typeof get>, other: ReturnType<typeof get>) => greater(other, one);
const increase = (local: number, by: number) => set(local, add(get(local), number(by)));
const isSpace = or(equal(get(octet), number(SP)), equal(get(octet), number(HTAB)));
const positionOf = (local: number) => subtract(get(local), get(base));
const folded = (address: ReturnType<typeof get>) => or(octetAt(address), number(smallBit));
const foldedVector = (offset: number) => vectorOr(vectorAt(get(start), offset), sixteenOf(smallBit));

/** Sixteen bits, set where an octet of `octets` is a letter, a digit or a hyphen. */
const nameBits = bitsOf(
  vectorOr(
    vectorOr(
      vectorAtMost(vectorSubtract(vectorOr(get(octets), sixteenOf(smallBit)), sixteenOf(0x61)), sixteenOf(25)),
      vectorAtMost(vectorSubtract(get(octets), sixteenOf(0x30)), sixteenOf(9)),
    ),
    vectorEqual(get(octets), sixteenOf(0x2d)),
  ),
);
/** Sixteen bits, set where an octet of `octets` may not be in a value. */
const controlBits = bitsOf(
  vectorOr(
    vectorAndNot(vectorAtMost(get(octets), sixteenOf(0x1f)), vectorEqual(get(octets), sixteenOf(HTAB))),
    vectorEqual(get(octets), sixteenOf(0x7f)),
  ),
);

/** Bits, set where the name at `start` is that of the place `name`, for its first 32 octets. */
const sameBits = or(
  bitsOf(vectorEqual(foldedVector(0), vectorAt(get(name)))),
  shiftLeft(bitsOf(vectorEqual(foldedVector(16), vectorAt(get(name), 16))), number(16)),
);

/** Looks up the id of the name from `start` to `at`, as `fieldIdOf` does. */
const lookUp = [
  set(length, subtract(get(at), get(start))),
  set(
    hash,
    add(
      add(multiply(folded(get(start)), number(37)), multiply(folded(shiftRight(add(get(start), get(at)), number(1))), number(11))),
      multiply(get(length), number(131)),
    ),
  ),
  set(id, number(0)),
  block(
    loop(
      set(name, add(number(namesAt), shiftLeft(and(get(hash), number(nameSlots - 1)), number(5)))),
      set(octet, octetAt(get(name), lengthOffset)),
      branchIf(1, isZero(get(octet))),
      when(
        equal(get(octet), get(length)),
        when(equal(or(sameBits, shiftLeft(number(-1), get(length))), number(-1)), set(id, signedOctetAt(get(name), idOffset)), branch(3)),
      ),
      increase(hash, 1),
      branch(0),
    ),
  ),
];

const readName = [
  loop(
    // Leaves the block around all.
    branchIf(2, atLeast(get(at), get(stop))),
    set(octets, vectorAt(get(at))),
    set(bits, xor(nameBits, number(0xffff))),
    when(isZero(get(bits)), increase(at, 16), branch(1)),
  ),
  set(at, add(get(at), trailingZeros(get(bits)))),
  branchIf(1, or(equal(get(at), get(start)), notEqual(octetAt(get(at)), number(COLON)))),
];

const readValue = [
  loop(increase(at, 1), branchIf(2, atLeast(get(at), get(stop))), set(octet, octetAt(get(at))), branchIf(0, isSpace)),
  set(valueStart, get(at)),
  loop(
    branchIf(2, atLeast(get(at), get(stop))),
    set(octets, vectorAt(get(at))),
    set(bits, controlBits),
    when(isZero(get(bits)), increase(at, 16), branch(1)),
  ),
  set(at, add(get(at), trailingZeros(get(bits)))),
  branchIf(1, notEqual(pairAt(get(at)), number(lineEnd))),
  set(valueEnd, get(at)),
  increase(at, 2),
  branchIf(1, greater(get(at), get(stop))),
  block(
    loop(
      branchIf(1, equal(get(valueEnd), get(valueStart))),
      set(octet, octetAt(subtract(get(valueEnd), number(1)))),
      branchIf(1, isZero(isSpace)),
      increase(valueEnd, -1),
      branch(0),
    ),
  ),
];

/** Returns the position after the empty line, or 0 if the lines are not all complete and valid, with names of letters, digits and hyphens alone. */
const body = [
  set(line, number(linesAt)),
  block(
    loop(
      set(start, get(at)),
      store(get(line), positionOf(start)),
      when(
        equal(pairAt(get(at)), number(lineEnd)),
        increase(at, 2),
        branchIf(2, greater(get(at), get(stop))),
        store(number(countAt), get(count)),
        returning(get(at)),
      ),
      branchIf(1, isZero(isLess(get(count), get(most)))),
      ...readName,
      store(get(line), positionOf(at), 4),
      ...lookUp,
      ...readValue,
      store(get(line), positionOf(valueStart), 8),
      store(get(line), positionOf(valueEnd), 12),
      store(get(line), get(id), 16),
      increase(line, octetsPerLine),
      increase(count, 1),
      branch(0),
    ),
  ),
  number(0),
].flat();

type Scan = (at: number, stop: number, base: number, most: number) => number;

/** The parts of WebAssembly that are used: the types of Node.js have none. */
interface WasmTools {
  validate(code: Uint8Array): boolean;
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Readonly<Record<string, unknown>> };
}

interface Scanner {
  readonly scan: Scan;
  readonly memory: Buffer;
  /** The place that is scanned, at the beginning of the memory. */
  readonly octets: Buffer;
  readonly count: Int32Array;
  readonly lines: Int32Array;
}

/** Undefined: this machine has no vectors for WebAssembly. */
const scanner = makeScanner();

/** Octets that can be scanned: a place to read heads into. Undefined: this machine has no vectors for WebAssembly. */
export const scannedOctets: Buffer | undefined = scanner?.octets;

/** A place for octets to be sent, into which {@link copyScanned} copies. Undefined: there is none. */
export const octetsToSend: Buffer | undefined = scanner?.memory.subarray(pagesToScan * octetsPerPage);

/**
 * Copies octets [start, end) of {@link scannedOctets} to position `at` of {@link octetsToSend}. Both are in one memory: `Buffer.copy` would make a view
 * of the octets, which costs more than the copy.
 */
export function copyScanned(start: number, end: number, at: number): void {
  scanner?.memory.copyWithin(pagesToScan * octetsPerPage + at, start, end);
}

/**
 * Parses field lines as `parseFieldLines` does, sixteen octets at a time, if they are in {@link scannedOctets}, complete, valid, and have names of letters,
 * digits and hyphens alone. @returns the position after the empty line; 0: they are not
 */
export function scanFieldLines(fields: FieldLines, first: number, stop: number, maxFields: number): number {
  if (scanner === undefined || fields.bytes !== scanner.octets) return 0;
  const end = scanner.scan(first, stop, fields.base, Math.min(maxFields, mostLines));
  if (end > 0) fields.take(scanner.lines, scanner.count[0] as number);
  return end;
}

function makeScanner(): Scanner | undefined {
  const { WebAssembly: tools } = globalThis as { readonly WebAssembly?: WasmTools };
  const code = moduleOf({ parameters: 4, numbers, vectors, body }, pages);
  if (tools?.validate(code) !== true) return undefined;
  try {
    const memory = new tools.Memory({ initial: pages, maximum: pages });
    const { exports } = new tools.Instance(new tools.Module(code), { m: { m: memory } });
    const names = new Uint8Array(memory.buffer, namesAt, nameSlots * octetsPerName);
    for (let slot = 0; slot < nameSlots; slot++) {
      const { id, text } = nameInSlot(slot);
      names.set(text, slot * octetsPerName);
      names[slot * octetsPerName + idOffset] = id;
      names[slot * octetsPerName + lengthOffset] = text.length;
    }
    return {
      scan: exports['f'] as Scan,
      memory: Buffer.from(memory.buffer),
      octets: Buffer.from(memory.buffer, 0, room),
      count: new Int32Array(memory.buffer, countAt, 1),
      lines: new Int32Array(memory.buffer, linesAt, (mostLines + 1) * (octetsPerLine / 4)),
    };
  } catch {
    // The memory cannot be had.
    return undefined;
  }
}
