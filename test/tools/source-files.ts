import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** URL of the checkout. */
export const root = new URL('../../', import.meta.url);

/** Lists the files below `folders`, relative to the checkout, whose names end in one of `endings`. A folder that is missing has none. */
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
 * Extracts the specifiers of a module's imports and re-exports, type imports included: a compiler drops these, yet a reader depends on them.
 * Relies on the formatter, which begins each statement on a line.
 */
export function importsOf(text: string): string[] {
  const statements = /^(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*['"]([^'"]+)['"]/gm;
  const calls = /\bimport\(\s*['"]([^'"]+)['"]/g;
  return [...text.matchAll(statements), ...text.matchAll(calls)].map((match) => match[1] ?? '');
}
