import { compile } from 'json-schema-to-typescript';
import { configSchema } from '../src/config/config-schema.ts';
import { project } from '../src/model/project.ts';
import { jsonSchemaOf } from './json-schemas.ts';

type Node = { [key: string]: unknown } | Node[] | unknown;

/**
 * `src/settings.ts`: TypeScript types of the files that people write, for programs that use the package. They come from the JSON Schemas, so that
 * users need no schema library to read them.
 */
export async function settingsTypes(): Promise<string> {
  const options = {
    bannerComment: '',
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    style: { singleQuote: true, printWidth: 140 },
  };
  const types = [
    await compile(untitled(jsonSchemaOf(configSchema)) as object, 'BalancerSettings', options),
    await compile(untitled(jsonSchemaOf(project)) as object, 'ProjectFile', options),
  ];
  return ['// Written by `npm run schema` from the schemas in src/config and src/model; do not edit.', ...types].join('\n');
}

/** Drops titles: the compiler would make a named type of each. A property that is called `title` is kept. */
function untitled(node: Node): Node {
  if (Array.isArray(node)) return node.map(untitled);
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(([key, value]) => key !== 'title' || typeof value !== 'string')
      .map(([key, value]) => [key, untitled(value)]),
  );
}
