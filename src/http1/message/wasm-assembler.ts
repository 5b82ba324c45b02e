/**
 * The few instructions of WebAssembly that Sluice uses (WebAssembly Core Specification 2.0, section 5), as functions that return their encoding. An operand
 * is code that leaves its value on the stack.
 */
export type Code = readonly number[];

const page = { type: { i32: 0x7f, v128: 0x7b }, section: { types: 1, imports: 2, functions: 3, exports: 7, code: 10 } } as const;
const simd = 0xfd;
/** Types of blocks that take and leave nothing. */
const noValue = 0x40;

/** An unsigned number in LEB128. */
function unsigned(value: number): Code {
  const low = value & 0x7f;
  return value < 0x80 ? [low] : [low | 0x80, ...unsigned(value >>> 7)];
}

/** A signed number in LEB128. */
function signed(value: number): Code {
  const low = value & 0x7f;
  const rest = value >> 7;
  return (rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40) ? [low] : [low | 0x80, ...signed(rest)];
}

const instruction =
  (opcode: number) =>
  (...operands: readonly Code[]): Code => [...operands.flat(), opcode];
const vector =
  (opcode: number) =>
  (...operands: readonly Code[]): Code => [...operands.flat(), simd, ...unsigned(opcode)];
/** Instructions at `address` + `offset`. Alignment is only a hint, and 0 here. */
const access =
  (...opcode: readonly number[]) =>
  (address: Code, offset = 0): Code => [...address, ...opcode, 0, ...unsigned(offset)];

// Numbers of 32 bits

export const number = (value: number): Code => [0x41, ...signed(value)];
export const isZero = instruction(0x45);
export const equal = instruction(0x46);
export const notEqual = instruction(0x47);
export const greater = instruction(0x4b);
export const atLeast = instruction(0x4f);
export const trailingZeros = instruction(0x68);
export const add = instruction(0x6a);
export const subtract = instruction(0x6b);
export const multiply = instruction(0x6c);
export const and = instruction(0x71);
export const or = instruction(0x72);
export const xor = instruction(0x73);
export const shiftLeft = instruction(0x74);
export const shiftRight = instruction(0x76);
export const octetAt = access(0x2d);
export const signedOctetAt = access(0x2c);
export const pairAt = access(0x2f);
export const store = (address: Code, value: Code, offset = 0): Code => [...address, ...value, 0x36, 0, ...unsigned(offset)];

// Vectors of 16 octets

export const vectorAt = access(simd, 0);
export const sixteenOf = (octet: number): Code => vector(0x0f)(number(octet));
export const vectorEqual = vector(0x23);
export const vectorAtMost = vector(0x2a);
export const vectorAndNot = vector(0x4f);
export const vectorOr = vector(0x50);
export const vectorSubtract = vector(0x71);
/** The highest bit of each octet. */
export const bitsOf = vector(0x64);

// Control

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)];
export const block = (...body: readonly Code[]): Code => [0x02, noValue, ...body.flat(), 0x0b];
export const loop = (...body: readonly Code[]): Code => [0x03, noValue, ...body.flat(), 0x0b];
export const when = (condition: Code, ...body: readonly Code[]): Code => [...condition, 0x04, noValue, ...body.flat(), 0x0b];
/** Leaves the block, or repeats the loop, that is `depth` levels out. */
export const branch = (depth: number): Code => [0x0c, ...unsigned(depth)];
export const branchIf = (depth: number, condition: Code): Code => [...condition, 0x0d, ...unsigned(depth)];
export const returning = instruction(0x0f);

/** A function with parameters and a result of 32 bits. */
export interface WasmFunction {
  readonly parameters: number;
  /** Further locals of 32 bits, then those of 128 bits. */
  readonly numbers: number;
  readonly vectors: number;
  readonly body: Code;
}

/** A module with one function, exported as `f`, that uses the memory `m` of the import module `m`, which has `pages` pages. */
export function moduleOf({ parameters, numbers, vectors, body }: WasmFunction, pages: number): Uint8Array<ArrayBuffer> {
  const { type, section } = page;
  const name = (text: string): Code => [text.length, ...Buffer.from(text)];
  const sized = (content: Code): Code => [...unsigned(content.length), ...content];
  const part = (id: number, content: Code): Code => [id, ...sized([1, ...content])];
  const locals = [2, ...unsigned(numbers), type.i32, ...unsigned(vectors), type.v128];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...part(section.types, [0x60, parameters, ...new Array<number>(parameters).fill(type.i32), 1, type.i32]),
    ...part(section.imports, [...name('m'), ...name('m'), 2, 1, ...unsigned(pages), ...unsigned(pages)]),
    ...part(section.functions, [0]),
    ...part(section.exports, [...name('f'), 0, 0]),
    ...part(section.code, sized([...locals, ...body, 0x0b])),
  ]);
}
