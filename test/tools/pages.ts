import { filesIn, textOf } from './source-files.ts';

/** A fenced block of a page. */
export interface Block {
  /** First word after the fence; may be empty. */
  readonly language: string;
  /** Rest of the line after the language: `keeps running`, or the name of the file that the block holds. */
  readonly role: string;
  readonly text: string;
  /** Line number of the fence, from 1. */
  readonly line: number;
}

/** Every page of the checkout: README.md and its neighbours, then docs. */
export const allPages: readonly string[] = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', ...filesIn(['docs'], ['.md'])];

/** Lists the blocks of a page in order, or those of one section, by its heading of the second level. */
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

/**
 * Compares a command's output with the text that a page shows, and returns the first line that is missing. Lines must come in the same order;
 * `…` stands for any text, and the amount of white space may differ.
 */
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

/** Lists the anchors that GitHub makes of the headings of a page. */
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

/** Lists the targets of links and pictures on a page, except URLs. */
export function linksOf(page: string): string[] {
  const text = withoutBlocks(textOf(page)).replace(/`[^`\n]*`/g, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link).filter((link) => !/^[a-z]+:/.test(link));
}

function withoutBlocks(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '');
}
