import { openRegistry } from '../../src/registry/open-registry.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';

// A program that opens the embedded registry of a folder, says so, and holds it until its standard input ends.
const [, , folder = ''] = process.argv;
try {
  const registry = await openRegistry({ url: `embedded:${folder}`, logger });
  console.log(`opened by ${process.pid}`);
  process.stdin.resume().once('end', () => void registry.close());
} catch (error) {
  console.log(`refused: ${(error as Error).message}`);
}
