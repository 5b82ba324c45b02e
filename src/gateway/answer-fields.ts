import type { Exchange, OwnFields } from '../proxy/contract.ts';

type HeaderFields = Exchange['response']['headers'];

interface AnswerField {
  /** In lower case. */
  readonly name: string;
  value: string;
  /** The value is added to what the target has sent in the field, rather than put in its place. */
  added: boolean;
  /** The value is known to be valid. */
  checked: boolean;
  next: AnswerField | undefined;
}

/** Fields that policies have set for whatever answer the client gets: the target's response, or one that is made here. */
export class AnswerFields implements OwnFields {
  // A chain: an array for a few fields would take several times the memory.
  #first: AnswerField | undefined;
  #last: AnswerField | undefined;

  /** Replaces a field. @param name in lower case */
  set(name: string, value: string): void {
    const before = this.#find(name);
    if (before === undefined) this.#append({ name, value, added: false, checked: false, next: undefined });
    else {
      before.value = value;
      before.added = false;
      before.checked = false;
    }
  }

  /** Adds a member to a list field. @param name in lower case @param checked the value is known to be valid */
  add(name: string, value: string, checked: boolean): void {
    const before = this.#find(name);
    if (before === undefined) this.#append({ name, value, added: true, checked, next: undefined });
    else {
      before.value = `${before.value}, ${value}`;
      before.checked &&= checked;
    }
  }

  /** Writes the fields into the head of the target's response. */
  writeTo(headers: HeaderFields): void {
    for (let field = this.#first; field !== undefined; field = field.next) {
      const { name, value, added, checked } = field;
      const before = added ? headers.get(name) : undefined;
      if (before === undefined) headers.set(name, value, checked);
      else addMembers(headers, name, before, value);
    }
  }

  /** Puts the fields together for a response that is made here. */
  toRecord(): Readonly<Record<string, string>> {
    const record: Record<string, string> = {};
    for (let field = this.#first; field !== undefined; field = field.next) record[field.name] = field.value;
    return record;
  }

  #find(name: string): AnswerField | undefined {
    let field = this.#first;
    while (field !== undefined && field.name !== name) field = field.next;
    return field;
  }

  #append(field: AnswerField): void {
    if (this.#last === undefined) this.#first = field;
    else this.#last.next = field;
    this.#last = field;
  }
}

/** Adds members to a list field, those that it does not have yet. */
function addMembers(headers: HeaderFields, name: string, before: string, members: string): void {
  const known = new Set(membersOf(before).map((member) => member.toLowerCase()));
  const missing = membersOf(members).filter((member) => !known.has('*') && !known.has(member.toLowerCase()));
  if (missing.length > 0) headers.set(name, [...membersOf(before), ...missing].join(', '));
}

function membersOf(list: string): string[] {
  return list.split(',').flatMap((member) => member.trim() || []);
}
