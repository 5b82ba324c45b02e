import { textOf } from '../tools/source-files.ts';

/** A fenced block of a page. */
export interface Block {
  /** What stands behind the fence: `sh`, `sh keeps running`, `text`. */
  readonly info: string;
  readonly text: string;
}

/** The blocks between a heading of the second level and the next one, in order. */
export function blocksUnder(page: string, heading: string): Block[] {
  const section = textOf(page)
    .split(/^## /m)
    .find((part) => part.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`${page} has no section "${heading}"`);
  return [...section.matchAll(/^```(.+)\n([\s\S]*?)^```$/gm)].map(([, info = '', text = '']) => ({ info, text }));
}

/** Why `output` is not what a page shows: each of its lines must be there, in that order; `…` stands for anything, spaces may differ. */
export function missingFrom(output: string, shown: string): string | undefined {
  const lines = output.split('\n');
  for (const line of shown.split('\n').filter((one) => one.trim() !== '')) {
    const pattern = line
      .trim()
      .split(/\s+/)
      .map((word) => word.split('…').map(literally).join('\\S*'))
      .join('\\s+');
    const at = lines.findIndex((one) => new RegExp(`^\\s*${pattern}\\s*$`).test(one));
    if (at < 0) return line;
    lines.splice(0, at + 1);
  }
  return undefined;
}

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
