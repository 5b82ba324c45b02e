import { posix } from 'node:path';
import { test } from 'tap';
import { blocksOf } from './tools/pages.ts';
import { filesIn, importsOf, textOf } from './tools/source-files.ts';

const sources = filesIn(['src'], ['.ts', '.tsx']);
const tests = filesIn(['test'], ['.ts', '.mjs']);

/** The arrows that docs/architecture.md draws, top down: each room with the rooms that it imports. */
const arrows: ReadonlyMap<string, readonly string[]> = new Map(
  (blocksOf('docs/architecture.md').find(({ role }) => role === 'arrows')?.text ?? '')
    .trim()
    .split('\n')
    .map((line) => line.split('→').map((part) => part.trim()))
    .map(([room = '', below = '']) => [room, below === 'nothing' ? [] : below.split(', ')]),
);
const rooms = [...arrows.keys()];
/** Written by `npm run schema`. */
const generated = 'src/settings.ts';

/** The room of a source file: of those that docs/architecture.md lists, the innermost. */
function roomOf(file: string): string | undefined {
  const inSource = file.slice('src/'.length);
  return rooms.filter((room) => inSource === room || inSource.startsWith(`${room}/`)).sort((one, other) => other.length - one.length)[0];
}

/** The files that a file imports by a relative path, those of type imports included. */
function relativeImports(file: string): string[] {
  const relative = importsOf(textOf(file)).filter((name) => name.startsWith('.'));
  return relative.map((name) => posix.join(posix.dirname(file), name));
}

/** Type imports do not exist when the program runs. */
function withoutTypes(text: string): string {
  return text.replace(/^(?:import|export) type\b[^;]*;/gm, '');
}

test('imports are found in every form they are written in', async (t) => {
  const text = `import a from 'one';
import { b,
  type c } from "two";
import type { D } from './three.ts';
import './four.ts';
export { e } from './five.ts';
export * from './six.ts';
const f = await import('./seven.ts');
const text = "it came from 'nowhere'";
export const g = 'nothing';
// import h from 'comment';
`;
  t.strictSame(importsOf(text), ['one', 'two', './three.ts', './four.ts', './five.ts', './six.ts', './seven.ts']);
});

test('every import follows an arrow of docs/architecture.md, and every arrow is used', async (t) => {
  t.ok(sources.length > 300 && rooms.length > 15, 'there is something to look at');
  const used = new Set<string>();
  const faults: string[] = [];
  for (const file of sources) {
    const room = roomOf(file);
    if (room === undefined) faults.push(`${file} is in no room`);
    for (const target of relativeImports(file).filter((path) => path !== 'package.json')) {
      const other = target.startsWith('src/') ? roomOf(target) : undefined;
      if (other === room) continue;
      used.add(`${room} → ${other}`);
      if (!arrows.get(room ?? '')?.includes(other ?? '')) faults.push(`${file} imports ${target}: there is no arrow ${room} → ${other}`);
    }
  }
  const drawn = [...arrows].flatMap(([room, below]) => below.map((other) => `${room} → ${other}`));
  t.strictSame([...faults, ...drawn.filter((arrow) => !used.has(arrow)).map((arrow) => `nothing imports along ${arrow}`)], []);
});

test('every arrow points down', async (t) => {
  const upwards = [...arrows].flatMap(([room, below]) =>
    below.filter((other) => rooms.indexOf(other) <= rooms.indexOf(room)).map((other) => `${room} → ${other}`),
  );
  t.strictSame(upwards, []);
});

test('no module imports itself in a circle, type imports included', async (t) => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
    if (done.has(file) || path.includes(file)) return;
    for (const next of sources.includes(file) ? relativeImports(file) : []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of sources) visit(file, []);
  t.strictSame(circles, []);
});

test('properties get their inputs from one place, which gives the same ones on every run', async (t) => {
  t.strictSame(
    tests.filter((file) => importsOf(textOf(file)).includes('fast-check')),
    ['test/tools/fast-check.ts'],
  );
});

test('the libraries that Sluice could be rid of one day stay in few files', async (t) => {
  // ws is four things: the registration endpoint, the live feed, and the client of each.
  for (const [library, most] of Object.entries({ ioredis: 2, 'http-proxy': 2, ws: 4 })) {
    const users = sources.filter((file) => importsOf(withoutTypes(textOf(file))).includes(library));
    t.ok(users.length >= 1 && users.length <= most, `${library}: ${users.join(', ')}`);
  }
});

test('files are small', async (t) => {
  const lengthOf = (file: string) => textOf(file).split('\n').length - 1;
  t.strictSame(
    [...sources, ...tests].filter((file) => lengthOf(file) > 400 && file !== generated).map((file) => `${file}: ${lengthOf(file)}`),
    [],
  );
  const lengths = sources.map(lengthOf).sort((one, other) => one - other);
  const median = lengths[lengths.length >> 1] ?? 0;
  t.ok(median <= 150, `the median of src is ${median} lines`);
});

test('comments open with their subject', async (t) => {
  // The pattern that CONTRIBUTING.md gives to `git grep`.
  const riddle = /^\s*(?:\/\*\*|\*|\/\/) (?:What|How|Whether|Who|Whoever|Whose|Those|It|As) /;
  t.match(['/** Who', ' is told. */'].join(''), riddle, 'a riddle is recognised');
  const riddles = sources.flatMap((file) =>
    textOf(file)
      .split('\n')
      .flatMap((line, index) => (riddle.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
  );
  t.strictSame(riddles, []);
});

test('no test waits for time to pass', async (t) => {
  const sleeps = [
    /new Promise(?:<[^>]*>)?\(\(?(\w+)\)?\s*=>\s*\{?\s*(?:void )?setTimeout\(\s*\1\b/,
    /from ['"](?:node:)?timers\/promises['"]/,
  ];
  // Asking again and again until something has happened is no sleep: how long it takes changes nothing.
  const polling = /^\s*while \(.*\) await new Promise.*$/gm;
  const sleepy = (text: string) => sleeps.some((pattern) => pattern.test(text.replace(polling, '')));
  t.ok(sleepy(['await new Promise((resolve) =>', 'setTimeout(resolve, 5));'].join(' ')), 'a sleep is recognised');
  t.notOk(sleepy('new Promise((resolve, reject) => { setTimeout(() => reject(late), 5); })'), 'a time limit is no sleep');
  t.strictSame(
    tests.filter((file) => file !== 'test/structure.test.ts' && sleepy(textOf(file))),
    [],
  );
});

test('folders of tests are removed after what writes into them', async (t) => {
  // tap removes such a folder before the teardown of what was started in it.
  const early = /\bt\.testdir\b/;
  t.match(['t', 'testdir()'].join('.'), early, 'such a folder is recognised');
  t.strictSame(
    tests.filter((file) => file !== 'test/tools/own-folder.ts' && early.test(textOf(file))),
    [],
  );
});

test('nothing points into the machine it was written on', async (t) => {
  const files = [
    ...sources,
    ...tests,
    ...filesIn(['config', 'docs', 'bench', '.ci'], ['']).filter((file) => /\.|run$/.test(file)),
    'package.json',
  ];
  const here = /\/(?:work\/(?:main|shared)|root\/|Users\/\w|home\/\w+\/)/;
  t.match(['', 'root', 'x'].join('/'), here, 'such a path is recognised');
  t.strictSame(
    files.filter((file) => here.test(textOf(file))),
    [],
  );
});
