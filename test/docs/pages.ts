import { filesIn, textOf } from '../tools/source-files.ts';

/** A fenced block of a page. */
export interface Block {
  /** The first word behind the fence; empty if there is none. */
  readonly language: string;
  /** The rest behind the fence: `keeps running`, or the name of the file that the block is. */
  readonly role: string;
  readonly text: string;
  /** Of the fence, from 1. */
  readonly line: number;
}

/** Everything that users read, from the checkout. */
export const allPages: readonly string[] = ['README.md', ...filesIn(['docs'], ['.md'])];

/** The blocks of a page, in order; of one section of the second level, if it is named. */
export function blocksOf(page: string, heading?: string): Block[] {
  const text = textOf(page);
  const start = heading === undefined ? 0 : sectionStart(text, page, heading);
  const end = heading === undefined ? -1 : text.indexOf('\n## ', start);
  return [...text.matchAll(/^```(\S*)[ \t]*(.*)\n([\s\S]*?)^```$/gm)]
    .filter(({ index }) => index >= start && (end < 0 || index < end))
    .map(({ index, 1: language = '', 2: role = '', 3: inner = '' }) => ({
      language,
      role: role.trim(),
      text: inner,
      line: text.slice(0, index).split('\n').length,
    }));
}

function sectionStart(text: string, page: string, heading: string): number {
  const at = `\n${text}`.indexOf(`\n## ${heading}\n`);
  if (at < 0) throw new Error(`${page} has no section "${heading}"`);
  return at;
}

/** Why `output` is not what a page shows: each of its lines must be there, in that order; `…` stands for anything, spaces may differ. */
export function missingFrom(output: string, shown: string): string | undefined {
  const lines = output.split('\n');
  for (const line of shown.split('\n').filter((one) => one.trim() !== '')) {
    const pattern = line
      .trim()
      .split(/\s+/)
      .map((word) => word.split('…').map(literally).join('.*'))
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

/** The anchors of a page, as GitHub makes them of its headings. */
export function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, title = ''] of withoutBlocks(textOf(page)).matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const plain = title
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    let anchor = plain;
    for (let again = 1; anchors.has(anchor); again++) anchor = `${plain}-${again}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Where the links and pictures of a page lead that are not the web's. */
export function linksOf(page: string): string[] {
  const text = withoutBlocks(textOf(page)).replace(/`[^`\n]*`/g, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link).filter((link) => !/^[a-z]+:/.test(link));
}

function withoutBlocks(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '');
}
