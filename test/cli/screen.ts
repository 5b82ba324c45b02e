import stringWidth from 'string-width';

/** The visible content of a terminal. Understands the VT100 sequences that Sluice's commands and shells send; throws on others. */
export class Screen {
  columns: number;
  rows: number;
  /** True while the alternate screen is shown. */
  alternate = false;
  cursorShown = true;
  /** True while line wrapping is on. */
  wraps = true;
  /** Number of characters written beyond the last column. */
  overflows = 0;
  #lines: string[][] = [[]];
  #saved: string[][] = [[]];
  #row = 0;
  #column = 0;
  #rest = '';

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  get text(): string {
    return this.lines.join('\n');
  }

  get lines(): string[] {
    return this.#lines.map((line) =>
      line
        .map((cell) => cell ?? ' ')
        .join('')
        .trimEnd(),
    );
  }

  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): void {
    let left = this.#rest + text;
    this.#rest = '';
    while (left !== '') {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the expression is about control characters
      const sequence = /^\u001b\[([?\d;]*)([A-Za-z])|^\u001b[=>]|^\u001b\][^\u0007]*\u0007/.exec(left);
      if (sequence) {
        if (sequence[2] !== undefined) this.#obey(sequence[1] ?? '', sequence[2]);
        left = left.slice(sequence[0].length);
      } else if (left.startsWith('\u001b')) {
        // An incomplete sequence: its rest comes with the next write.
        this.#rest = left;
        return;
      } else {
        const [character = ''] = left;
        this.#put(character);
        left = left.slice(character.length);
      }
    }
  }

  #put(character: string): void {
    if (character === '\r') this.#column = 0;
    else if (character === '\n') this.#row++;
    else if (character === '\b') this.#column = Math.max(0, this.#column - 1);
    else if (character >= ' ') {
      const width = stringWidth(character);
      const line = this.#line();
      if (this.#column + width > this.columns) this.overflows++;
      line[this.#column] = character;
      if (width === 2) line[this.#column + 1] = '';
      this.#column += width;
    }
    this.#line();
  }

  #line(): string[] {
    while (this.#lines.length <= this.#row) this.#lines.push([]);
    const line = this.#lines[this.#row] as string[];
    while (line.length < this.#column) line.push(' ');
    return line;
  }

  #obey(parameters: string, letter: string): void {
    const count = Number(parameters || 1);
    switch (letter) {
      case 'm':
        return;
      case 'A':
        this.#row = Math.max(0, this.#row - count);
        return;
      case 'C':
        this.#column += count;
        return;
      case 'D':
        this.#column = Math.max(0, this.#column - count);
        return;
      case 'H':
        this.#row = 0;
        this.#column = 0;
        return;
      case 'K':
        this.#line().length = this.#column;
        return;
      case 'J':
        this.#line().length = this.#column;
        this.#lines.length = this.#row + 1;
        return;
      case 'P':
        this.#line().splice(this.#column, count);
        return;
      case '@':
        this.#line().splice(this.#column, 0, ...new Array<string>(count).fill(' '));
        return;
      case 'h':
      case 'l':
        this.#switch(parameters, letter === 'h');
        return;
      default:
        throw new Error(`unknown to this terminal: ESC [ ${parameters} ${letter}`);
    }
  }

  #switch(mode: string, on: boolean): void {
    if (mode === '?25') this.cursorShown = on;
    else if (mode === '?7') this.wraps = on;
    else if (mode === '?1049' && on !== this.alternate) {
      this.alternate = on;
      if (on) this.#saved = this.#lines;
      this.#lines = on ? [[]] : this.#saved;
      this.#row = on ? 0 : this.#lines.length - 1;
      this.#column = on ? 0 : (this.#lines[this.#row]?.length ?? 0);
    }
  }
}
