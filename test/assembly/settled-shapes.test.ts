import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const module = fileURLToPath(new URL('../../src/assembly/settled-shapes.ts', import.meta.url));

/** Collects garbage after a few objects of each class; returns, by class, whether later objects have their fields in place. */
function inPlace(settles: boolean): Readonly<Record<string, boolean>> {
  const program = `
    const { settleShapes, shaped } = await import(${JSON.stringify(module)});
    const isFast = new Function('of', 'return %HasFastProperties(of)');
    // Only a constructor that needs nothing gives its object.
    const make = (type) => {
      try {
        return new type();
      } catch {}
    };
    ${settles ? 'settleShapes();' : ''}
    for (const type of shaped) for (let count = 0; count < 3; count++) make(type);
    for (let round = 0; round < 4; round++) {
      gc();
      await new Promise(setImmediate);
    }
    for (const type of shaped) for (let count = 0; count < 3; count++) make(type);
    for (let round = 0; round < 4; round++) {
      gc();
      await new Promise(setImmediate);
    }
    for (const type of shaped) for (let count = 0; count < 8; count++) make(type);
    console.log(JSON.stringify(Object.fromEntries(shaped.filter(make).map((type) => [type.name, isFast(make(type))]))));
    process.exit(0);`;
  const flags = ['--allow-natives-syntax', '--expose-gc', '--import=tsx', '--input-type=module'];
  return JSON.parse(execFileSync(process.execPath, [...flags, '-e', program], { encoding: 'utf8', timeout: 60_000 })) as Record<
    string,
    boolean
  >;
}

t.test('objects of requests keep their fields in place, however few requests come before garbage is collected', async (t) => {
  const settled = inPlace(true);
  t.comment({ unsettled: inPlace(false) });
  t.ok(Object.keys(settled).length >= 6);
  for (const [name, isInPlace] of Object.entries(settled)) t.ok(isInPlace, name);
});
