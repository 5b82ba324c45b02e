import * as z from 'zod';
import { project } from '../model/project.ts';
import { configSchema } from './config-schema.ts';

/**
 * JSON Schemas (draft 7, the version that editors support best) of configuration and project files, by file name in `config/`. They are
 * generated from the schemas that check the files. `npm run schema` writes them; a test fails if they are out of date.
 */
export function jsonSchemas(): Record<string, string> {
  return { 'sluice.schema.json': render(configSchema, 'A Sluice balancer'), 'project.schema.json': render(project, 'A Sluice project') };
}

function render(schema: z.ZodType, title: string): string {
  // The input side of each transform: that is what people write.
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' });
  return `${JSON.stringify({ $schema, title, ...rest }, undefined, 2)}\n`;
}
