import type { FieldNames } from '../http1/message/field-name.ts';
import type { HeaderFields } from '../http1/message/message-view.ts';

/** Header fields as a list of lines, for a request that is on no wire. */
export class ListedFields implements HeaderFields {
  lines: [name: string, value: string][];

  constructor(lines: Iterable<readonly string[]>) {
    this.lines = [...lines].map(([name = '', value = '']) => [name, value]);
  }

  get(name: string): string | undefined {
    const all = this.all(name);
    return all.length === 0 ? undefined : all.join(', ');
  }

  all(name: string): string[] {
    return this.lines.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  }

  set(name: string, value: string): void {
    this.remove(name);
    this.add(name, value);
  }

  add(name: string, value: string): void {
    this.lines.push([name, value]);
  }

  remove(name: string): void {
    this.lines = this.lines.filter(([each]) => each.toLowerCase() !== name.toLowerCase());
  }

  removeAll({ names }: FieldNames): void {
    for (const { given } of names) this.remove(given);
  }

  entries(): [name: string, value: string][] {
    return this.lines.map(([name, value]) => [name, value]);
  }
}
