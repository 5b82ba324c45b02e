import { posix } from 'node:path';
import { test } from 'tap';
import { filesIn, importsOf, textOf } from './tools/source-files.ts';

const model = ['model'];
const basis = [...model, 'config'];
const wire = [...basis, 'http1', 'balance', 'health'];
const traffic = [...wire, 'registry', 'proxy', 'policies', 'metrics'];
const roles = ['balancer', 'gateway', 'control'];

/** Which folders of src a folder may import from, beside itself: DESIGN's arrows. Whoever is not here may not exist. */
const below: Record<string, readonly string[]> = {
  model: [],
  config: model,
  metrics: model,
  tracing: [...model, 'proxy'],
  http1: basis,
  balance: basis,
  health: basis,
  registry: wire,
  proxy: [...wire, 'registry'],
  policies: [...wire, 'registry'],
  // A program of its own, in the browser: the admin API's client.
  dashboard: [...basis, 'control'],
  balancer: traffic,
  gateway: traffic,
  control: traffic,
  cli: [...traffic, ...roles],
  assembly: [...traffic, ...roles, 'tracing'],
  'main.ts': [...traffic, ...roles, 'assembly', 'cli'],
};

const sources = filesIn(['src'], ['.ts', '.tsx']);
const tests = filesIn(['test'], ['.ts', '.mjs']);

function folderOf(path: string): string {
  return path.split('/')[1] ?? '';
}

/** Types are gone when the program runs: circles of them harm nobody. */
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

test('imports point one way, and roles do not know each other', async (t) => {
  t.ok(sources.length > 20, 'there is something to look at');
  const wrong: string[] = [];
  for (const file of sources) {
    const from = folderOf(file);
    if (below[from] === undefined) wrong.push(`${file}: src/${from} is not in DESIGN`);
    for (const specifier of importsOf(textOf(file)).filter((name) => name.startsWith('.'))) {
      const target = posix.join(posix.dirname(file), specifier);
      const to = folderOf(target);
      if (target === 'package.json') continue;
      if (!target.startsWith('src/')) wrong.push(`${file} imports ${specifier}, which is outside src`);
      else if (to !== from && !below[from]?.includes(to)) wrong.push(`${file} imports ${specifier}`);
    }
  }
  t.strictSame(wrong, []);
});

test('no module imports itself in a circle', async (t) => {
  const graph = new Map(
    sources.map((file) => {
      const relative = importsOf(withoutTypes(textOf(file))).filter((name) => name.startsWith('.'));
      return [file, relative.map((name) => posix.join(posix.dirname(file), name))] as const;
    }),
  );
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
    if (done.has(file) || path.includes(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of sources) visit(file, []);
  t.strictSame(circles, []);
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
    [...sources, ...tests].filter((file) => lengthOf(file) > 400).map((file) => `${file}: ${lengthOf(file)}`),
    [],
  );
  const lengths = sources.map(lengthOf).sort((one, other) => one - other);
  const median = lengths[lengths.length >> 1] ?? 0;
  t.ok(median <= 150, `the median of src is ${median} lines`);
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
  t.notOk(sleepy('new Promise((resolve, reject) => { setTimeout(() => reject(late), 5); })'), 'a time limit is none');
  t.strictSame(
    tests.filter((file) => file !== 'test/structure.test.ts' && sleepy(textOf(file))),
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
