import fc from '../tools/fast-check.ts';

/** Pieces that are special in YAML, JSON or to Sluice. */
const pieces = fc.oneof(
  fc.constantFrom(
    '"',
    "'",
    ':',
    ': ',
    '- ',
    '\n',
    '\n  ',
    '\t',
    '{',
    '}',
    '[',
    ']',
    ',',
    '#',
    '&a ',
    '*a',
    '!!binary ',
    '|',
    '>',
    '%',
    '---\n',
    '...\n',
  ),
  fc.constantFrom(
    'null',
    'true',
    '~',
    '0',
    '-1',
    '1e999',
    '0x7f',
    '9007199254740993',
    '.inf',
    '""',
    '[]',
    '{}',
    '1s',
    '0s',
    '%2F',
    '..',
    '/',
  ),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    '<<: *a',
    '${variables.x}',
    '${',
    '{id}',
    '\u0000',
    '\u2028',
    '\ud800',
    '\ufeff',
    'é',
    '😀',
  ),
  fc.string({ maxLength: 12, unit: 'binary' }),
);

interface Edit {
  readonly at: number;
  readonly removed: number;
  readonly inserted: string;
  readonly copied: boolean;
}

export const edits: fc.Arbitrary<Edit[]> = fc.array(
  fc.record({
    at: fc.nat(9999),
    removed: fc.constantFrom(0, 0, 1, 3, 20),
    inserted: fc.oneof(pieces, fc.constant('')),
    copied: fc.boolean(),
  }),
  { minLength: 1, maxLength: 4 },
);

/** Damages a text: pieces of it are removed or repeated elsewhere, others are put in. */
export function damaged(text: string, changes: readonly Edit[]): string {
  let result = text;
  for (const { at, removed, inserted, copied } of changes) {
    const place = Math.floor((at / 10_000) * result.length);
    const line = copied ? result.slice(result.lastIndexOf('\n', place) + 1, place) : '';
    result = result.slice(0, place) + inserted + line + result.slice(place + removed);
  }
  return result;
}

/** Values of JSON in which keys and texts are often those that a reader knows. */
export function values(known: readonly string[]): fc.Arbitrary<unknown> {
  const text = fc.oneof(fc.constantFrom(...known), pieces);
  return fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'value' },
      text,
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      tie('list'),
      tie('map'),
    ),
    list: fc.array(tie('value'), { maxLength: 4, depthIdentifier: 'value' }),
    map: fc.dictionary(text, tie('value'), { maxKeys: 5, depthIdentifier: 'value' }),
  }))['value'] as fc.Arbitrary<unknown>;
}
