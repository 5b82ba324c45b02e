import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** The checkout. */
export const root = new URL('../../', import.meta.url);

/** Paths, from the checkout, of all files under those of `folders` that exist, ending in one of `endings`. */
export function filesIn(folders: readonly string[], endings: readonly string[]): string[] {
  const present = folders.filter((folder) => existsSync(new URL(folder, root)));
  return present.flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: 'utf8' })
      .filter((file) => endings.some((ending) => file.endsWith(ending)))
      .map((file) => `${folder}/${file}`),
  );
}

export function textOf(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}

/**
 * What a TypeScript module names in its imports and re-exports, those of types included (a compiler's import graph leaves them
 * out, yet they are dependencies of the reader). Relies on the formatter's layout: statements begin their line.
 */
export function importsOf(text: string): string[] {
  const statements = /^(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*['"]([^'"]+)['"]/gm;
  const calls = /\bimport\(\s*['"]([^'"]+)['"]/g;
  return [...text.matchAll(statements), ...text.matchAll(calls)].map((match) => match[1] ?? '');
}
