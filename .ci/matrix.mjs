// `npm run test:matrix [-- MAJOR…] [-- COMMAND…]`: runs a command, by default `npm test`, on each pinned Node.js in turn.
import { spawnSync } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pinnedMajors, pinnedNode } from './pinned-node.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const words = process.argv.slice(2);
const end = words.findIndex((word) => !/^\d+$/.test(word));
const majors = end === -1 ? words : words.slice(0, end);
const given = end === -1 ? [] : words.slice(words[end] === '--' ? end + 1 : end);
const [command, ...args] = given.length > 0 ? given : ['npm', 'test'];

let failed = 0;
for (const major of majors.length > 0 ? majors : pinnedMajors) {
  const status = runOn(major);
  console.error(`Node.js ${major}: ${status === 0 ? 'passed' : 'FAILED'}`);
  if (status !== 0) failed++;
}
process.exitCode = failed > 0 ? 1 : 0;

function runOn(major) {
  try {
    const { program, version } = pinnedNode(major);
    console.error(`Node.js ${version}: ${[command, ...args].join(' ')}`);
    // npm, and everything that it runs, finds this Node.js under the name "node".
    const env = { ...process.env, PATH: [dirname(program), process.env.PATH].join(delimiter) };
    const { status, error } = spawnSync(command, args, { stdio: 'inherit', env });
    if (error) throw error;
    return status;
  } catch (error) {
    console.error(error.message);
    return 1;
  }
}
