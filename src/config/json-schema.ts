import * as z from 'zod';
import { project } from '../model/project.ts';
import { configSchema } from './config-schema.ts';

/**
 * The JSON Schemas (draft 7, which editors know best) of the files that people write, by file name in `config/`: made from the schemas
 * that check them, so they cannot disagree. `npm run schema` writes them; a test fails when they are behind.
 */
export function jsonSchemas(): Record<string, string> {
  return { 'sluice.schema.json': render(configSchema, 'A Sluice balancer'), 'project.schema.json': render(project, 'A Sluice project') };
}

function render(schema: z.ZodType, title: string): string {
  // What a transform makes is nobody's business here: people write its input.
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' });
  return `${JSON.stringify({ $schema, title, ...rest }, undefined, 2)}\n`;
}
