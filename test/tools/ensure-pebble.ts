import { findProgram } from './debian-packages.ts';
import { pebbleProgram } from './pebble.ts';

// Run before the tests: several test files start at once, and each would fetch Pebble for itself.
try {
  console.log((await findProgram(pebbleProgram)).program);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
