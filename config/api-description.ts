import { readFileSync } from 'node:fs';
import { apiDocument } from '../src/control/api-document.ts';

/**
 * Text of `openapi.json`: what a balancer serves as `/openapi.json`. The build embeds it, so that no start has to make it. `npm run schema` writes it; a
 * test fails if it is out of date.
 */
export async function apiDescription(): Promise<string> {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return `${JSON.stringify(JSON.parse(await apiDocument(version)), undefined, 1)}\n`;
}
