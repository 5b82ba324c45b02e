import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { eventually } from '../tools/eventually.ts';
import { adminToken, startBalancer } from '../tools/sluice-under-test.ts';

const skip = process.platform !== 'linux' && 'reads /proc';

/** Process ids of the children of process `id` that were started with `argument`. */
function childrenOf(id: number, argument: string): number[] {
  const children = readFileSync(`/proc/${id}/task/${id}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  return children.filter((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').split('\0').includes(argument));
}

/** Niceness of each thread of process `id`. */
function nicenessOf(id: number): number[] {
  const threads = readdirSync(`/proc/${id}/task`).map((thread) => readFileSync(`/proc/${id}/task/${thread}/stat`, 'utf8'));
  // The second field, the name in parentheses, may have spaces.
  return threads.map((stat) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]));
}

t.test('a large document is read by another process, with the same answer as a small one', { skip }, async (t) => {
  const balancer = await startBalancer(t);
  const { pid } = balancer.process;
  const push = async (text: string) => {
    const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/yaml' };
    const response = await fetch(`${balancer.control}/v1/projects`, { method: 'POST', headers, body: text });
    return { status: response.status, ...((await response.json()) as object) };
  };
  const readers = () => childrenOf(pid, 'document-reader');
  const project = (resources: number, methods = 'GET') =>
    [
      `name: p${resources}`,
      `basePath: /p${resources}`,
      'targets: { default: { url: "http://127.0.0.1:9" } }',
      'resources:',
      ...Array.from({ length: resources }, (_, index) => `  - { path: "/a${index}", methods: [${methods}] }`),
      '',
    ].join('\n');

  t.match(await push(project(2)), { status: 201, revision: 1 });
  t.strictSame(readers(), [], 'a small one needs no process');
  t.match(await push(project(2000)), { status: 201, name: 'p2000', revision: 1 });
  const [reader] = readers();
  t.type(reader, 'number');
  t.ok(
    nicenessOf(reader as number).every((one) => one === 10),
    'each thread of it gives way to traffic',
  );
  t.match(await push(project(2000)), { status: 200, revision: 1 }, 'the same content makes no new revision');

  const [small, large] = [await push(project(2, '"g e t"')), await push(project(2000, '"g e t"'))] as { faults?: unknown[] }[];
  t.match(small, { status: 422, code: 'invalid', errors: [{ line: 5 }, { line: 6 }] });
  t.match(large, { status: 422, code: 'invalid', errors: [{ line: 5 }, { line: 6 }] });
  t.match(await push(`${project(2000)}\n\t- tab`), { status: 400, code: 'malformed', errors: [{ line: 2006 }] });
  t.strictSame(readers(), [reader], 'one process reads them all');

  process.kill(reader as number, 'SIGKILL');
  await eventually(readers, (left) => left.length === 0, { what: 'the killed process to be gone' });
  t.match(await push(project(2001)), { status: 201 }, 'another one is started');
  const [next] = readers();
  balancer.process.signal('SIGTERM');
  await balancer.process.ended();
  await eventually(
    () => {
      try {
        return process.kill(next as number, 0);
      } catch {
        return false;
      }
    },
    (there) => !there,
    { what: 'the process to end with the balancer' },
  );
});
