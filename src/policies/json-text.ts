/** A value of a JSON text. Numbers, texts and literals stay as they are written, so that nothing of them is lost. */
export type JsonValue = JsonScalar | JsonArray | JsonObject;

export interface JsonScalar {
  readonly kind: 'scalar';
  /** Its spelling in the text. */
  readonly text: string;
}

export interface JsonArray {
  readonly kind: 'array';
  readonly items: JsonValue[];
}

export interface JsonObject {
  readonly kind: 'object';
  members: JsonMember[];
}

export interface JsonMember {
  readonly name: string;
  readonly value: JsonValue;
}

/** Levels of a JSON text that are read. */
const mostLevels = 1000;

/** Reads a JSON text (RFC 8259); undefined: it is none, or has too many levels. */
export function readJson(text: string): JsonValue | undefined {
  try {
    // Everything that follows may rely on the grammar.
    JSON.parse(text);
  } catch {
    return undefined;
  }
  return new JsonReader(text).read(0);
}

export function writeJson(value: JsonValue): string {
  if (value.kind === 'scalar') return value.text;
  if (value.kind === 'array') return `[${value.items.map(writeJson).join(',')}]`;
  return `{${value.members.map(({ name, value: inner }) => `${JSON.stringify(name)}:${writeJson(inner)}`).join(',')}}`;
}

/** Reads a text whose grammar was checked. */
class JsonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(level: number): JsonValue | undefined {
    if (level > mostLevels) return undefined;
    this.#skipSpace();
    const first = this.#text[this.#at];
    if (first === '{') return this.#object(level);
    if (first === '[') return this.#array(level);
    return { kind: 'scalar', text: this.#scalar() };
  }

  #object(level: number): JsonObject | undefined {
    const members: JsonMember[] = [];
    while (this.#goesOn('}')) {
      const name: string = JSON.parse(this.#scalar());
      this.#skipSpace();
      this.#at++;
      const value = this.read(level + 1);
      if (value === undefined) return undefined;
      members.push({ name, value });
    }
    return { kind: 'object', members };
  }

  #array(level: number): JsonArray | undefined {
    const items: JsonValue[] = [];
    while (this.#goesOn(']')) {
      const value = this.read(level + 1);
      if (value === undefined) return undefined;
      items.push(value);
    }
    return { kind: 'array', items };
  }

  /** Steps over the opening bracket or a comma; false, and over the closing one, at the end. */
  #goesOn(close: '}' | ']'): boolean {
    this.#skipSpace();
    const opened = this.#text[this.#at] !== close;
    this.#at++;
    if (!opened) return false;
    this.#skipSpace();
    if (this.#text[this.#at] !== close) return true;
    this.#at++;
    return false;
  }

  #scalar(): string {
    const start = this.#at;
    if (this.#text[start] === '"') {
      for (this.#at++; this.#text[this.#at] !== '"'; this.#at++) if (this.#text[this.#at] === '\\') this.#at++;
      this.#at++;
    } else while (this.#at < this.#text.length && !/[\s,\]}]/.test(this.#text[this.#at] as string)) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  #skipSpace(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }
}
