import fc from '../../tools/fast-check.ts';

/** Paths below the base paths of the projects in `world.ts`, some protected, some open, some that no project offers. */
const paths = [
  'admin',
  'admin/7',
  'admin/7/keys',
  'files/a',
  'files/a/b',
  'open',
  'open/x',
  'hidden',
  'hidden/x',
  'a@b',
  '',
  '.sluice/metrics',
];
const bases = ['/', '/p/', '/q/', '/r/', '/s/', '/p@t/'];

const encodings: readonly ((octet: number) => string)[] = [
  (octet) => `%${hex(octet)}`,
  (octet) => `%${hex(octet).toLowerCase()}`,
  (octet) => `%25${hex(octet)}`,
  (octet) => `%25${hex(octet).toLowerCase()}`,
  (octet) => `%2525${hex(octet)}`,
  (octet) => `%%3${hex(octet)[0]}${hex(octet)[1]}`,
  (octet) => `%${hex(0xc0 | (octet >> 6))}%${hex(0x80 | (octet & 0x3f))}`,
  (octet) => `%E0%${hex(0x80 | (octet >> 6))}%${hex(0x80 | (octet & 0x3f))}`,
  (octet) => `%F0%80%${hex(0x80 | (octet >> 6))}%${hex(0x80 | (octet & 0x3f))}`,
];

const separators = [
  '//',
  '/./',
  '/%2e/',
  '\\',
  '%5C',
  '%2F',
  '%2f',
  '%252F',
  '%255c',
  '/;a=b/',
  ';a/',
  ';/',
  '%3B/',
  '%2F/',
  '/%2F',
  '/x/../',
  '/x/%2e%2e/',
];
const separatorsOut = [
  '/..%2F',
  '%2F..%2F',
  '/..;/',
  '/..;a=b/',
  '/.;/',
  '/..%3B/',
  '/..%5C',
  '/%2e%2e%2f',
  '/%252e%252e/',
  '/..%252F',
  '/..%00/',
  '/..%20/',
  '/.%0A./',
];
const noise = [
  ';x%2Fy',
  '%ff',
  '%FF',
  '%00',
  '%20',
  '%09',
  '%0A',
  '%0d',
  '%3F',
  '%23',
  '%25',
  '%',
  ';',
  ';x=y',
  '%3B',
  '%3bz',
  '.',
  '..',
  '%2e',
  '%c3%a9',
  '%E9',
  '%253F',
  '~',
  '*',
  '@',
  '%40',
];
const endings = [
  '',
  '',
  '',
  '',
  ';x%2Fy',
  ';x/y',
  '/',
  '//',
  '?x',
  '?a=/../b',
  '%3Fx',
  '%23x',
  ';',
  ';x=1',
  '%3B',
  '%20',
  '%0A',
  '%00',
  '/.',
  '/..',
  '/%2e%2e',
  '%2F',
  '%5C',
  '\\',
  '/%ff/..',
];
const beginnings = ['', '', '', '', '/', '/%ff/..', '/x/..', '/%2F', '/;', '/.', '/a%2Fb/..', '/a/b%2F../..', '/x;/..'];

/** Targets that spell a path of one of the projects in an unusual way, as attackers do. */
export const spelledTargets: fc.Arbitrary<string> = fc
  .record({
    base: fc.constantFrom(...bases),
    path: fc.constantFrom(...paths),
    choices: fc.array(fc.nat(4095), { minLength: 1, maxLength: 12 }),
    density: fc.constantFrom(2, 4, 12, 40),
    beginning: fc.constantFrom(...beginnings),
    ending: fc.constantFrom(...endings),
  })
  .map(({ base, path, choices, density, beginning, ending }) => {
    let turn = 0;
    const next = (): number => {
      const choice = choices[turn % choices.length] as number;
      turn++;
      return (Math.imul(choice + turn * 7919, 0x9e3779b1) >>> 8) & 0xffff;
    };
    let text = '';
    for (const character of `${base}${path}`.slice(1)) text += next() % density === 0 ? unusual(character, next()) : character;
    return `${beginning}/${text}${ending}`;
  });

/** Targets of arbitrary pieces, for the spellings that no one thought of. */
export const arbitraryTargets: fc.Arbitrary<string> = fc
  .array(
    fc.constantFrom(
      'p',
      'q',
      'admin',
      'open',
      'files',
      '.sluice',
      'metrics',
      '/',
      '/',
      ...separators,
      ...separatorsOut,
      ...noise,
      ...endings,
    ),
    { maxLength: 14 },
  )
  .map((pieces) => `/${pieces.join('')}`);

function unusual(character: string, choice: number): string {
  const kind = choice & 7;
  const rest = choice >> 3;
  if (character === '/' && kind < 5) return pick(kind === 0 ? separatorsOut : separators, rest);
  if (kind < 2) return `${character}${pick(noise, rest)}`;
  return (encodings[rest % encodings.length] as (octet: number) => string)(character.charCodeAt(0));
}

function pick(from: readonly string[], choice: number): string {
  return from[choice % from.length] as string;
}

function hex(octet: number): string {
  return octet.toString(16).toUpperCase().padStart(2, '0');
}
