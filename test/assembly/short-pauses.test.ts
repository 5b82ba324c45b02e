import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const module = fileURLToPath(new URL('../../src/assembly/short-pauses.ts', import.meta.url));

/** Octets of both halves of the room under load. */
const both = 8 * 1024 * 1024;

/** Runs a program that keeps many young objects; returns how many times larger the room for young objects is after that. */
function growth(first: string): number {
  const program = `
    import { getHeapSpaceStatistics } from 'node:v8';
    const room = () => getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size;
    ${first}
    const before = room();
    const kept = [];
    for (let index = 0; index < 1e6; index++) kept.push({ index });
    console.log(room() / before);`;
  const text = execFileSync(process.execPath, ['--import=tsx', '--input-type=module', '-e', program], { encoding: 'utf8' });
  return Number(text);
}

t.test('the room for young objects, whose copies are the pauses, stays as it is from the start', async (t) => {
  // Twice: the second half of the room may not have been used before.
  t.ok(growth(`await import(${JSON.stringify(module)});`) <= 2);
});

t.test('a process without traffic lets it grow', async (t) => {
  t.ok(growth(`const { allowLongPauses } = await import(${JSON.stringify(module)}); allowLongPauses();`) > 2);
});

t.test('the room grows once, while a process with many connections is busy', async (t) => {
  const program = `
    import { getHeapSpaceStatistics } from 'node:v8';
    const { makeRoomUnderLoad } = await import(${JSON.stringify(module)});
    const room = () => getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size;
    const kept = [];
    /** Works until the room has the size, or for so many turns of a few milliseconds each. */
    const work = async (turns, objects, size) => {
      for (let turn = 0; turn < turns && room() !== size; turn++) {
        for (let count = 0; count < objects; count++) kept.push({ count });
        const end = performance.now() + 5;
        while (performance.now() < end);
        await new Promise(setImmediate);
      }
      return room();
    };
    const connections = { open: 3 };
    makeRoomUnderLoad(connections, 20);
    const rooms = [await work(20, 3000)];
    connections.open = 200;
    rooms.push(await work(2000, 0, ${both}), await work(10, 30000));
    console.log(JSON.stringify(rooms));`;
  const text = execFileSync(process.execPath, ['--import=tsx', '--input-type=module', '-e', program], { encoding: 'utf8' });
  const [few = 0, many = 0, later = 0] = JSON.parse(text);
  t.ok(few < both, `with few connections: ${few}`);
  t.strictSame([many, later], [both, both], 'however much is alive');
});
