import { type JsonArray, type JsonMember, type JsonObject, type JsonValue, readJson } from './json-text.ts';

/** A JSON pointer (RFC 6901), as its decoded parts. */
export type JsonPointer = readonly string[];

/** Decodes a pointer that begins with `/`. */
export function pointerOf(text: string): JsonPointer {
  return text
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Changes of a JSON value: first what is removed, then what is renamed, then what is set. */
export interface JsonEdits {
  readonly remove: readonly JsonPointer[];
  readonly rename: readonly (readonly [from: JsonPointer, to: JsonPointer])[];
  readonly set: readonly (readonly [pointer: JsonPointer, text: string])[];
}

/** Makes the changes that apply to `root`; places that do not exist are left alone. Returns true if anything has changed. */
export function editJson(root: JsonValue, { remove, rename, set }: JsonEdits): boolean {
  let changed = false;
  for (const pointer of remove) changed = take(root, pointer) !== undefined || changed;
  for (const [from, to] of rename) {
    const value = take(root, from);
    if (value === undefined) continue;
    put(root, to, value);
    changed = true;
  }
  for (const [pointer, text] of set) changed = put(root, pointer, readJson(text) as JsonValue) || changed;
  return changed;
}

/** Removes the value at a place; undefined: there is none. Of several members with one name all are removed, whichever of them a reader would take. */
function take(root: JsonValue, pointer: JsonPointer): JsonValue | undefined {
  const last = pointer.at(-1) as string;
  let taken: JsonValue | undefined;
  for (const parent of parentsOf(root, pointer)) {
    if (parent.kind === 'array') {
      const index = indexIn(parent, last);
      if (index !== undefined) taken = parent.items.splice(index, 1)[0] ?? taken;
    } else {
      taken = parent.members.findLast(({ name }) => name === last)?.value ?? taken;
      parent.members = parent.members.filter(({ name }) => name !== last);
    }
  }
  return taken;
}

/** Puts a value at a place. Objects on the way that are missing are made; false: something else is in the way. */
function put(root: JsonValue, pointer: JsonPointer, value: JsonValue): boolean {
  const last = pointer.at(-1) as string;
  let parents = root.kind === 'scalar' ? [] : [root];
  for (const part of pointer.slice(0, -1)) parents = parents.flatMap((parent) => containersIn(parent, part, true));
  for (const parent of parents) {
    if (parent.kind === 'object') parent.members = replaced(parent.members, { name: last, value });
    else if (last === '-') parent.items.push(value);
    else {
      const index = indexIn(parent, last);
      if (index === undefined) continue;
      parent.items[index] = value;
    }
  }
  return parents.length > 0;
}

/** The members with one of them at the place of the first one of its name, or at the end. */
function replaced(members: readonly JsonMember[], member: JsonMember): JsonMember[] {
  const at = members.findIndex(({ name }) => name === member.name);
  if (at < 0) return [...members, member];
  return members.flatMap((one, index) => (index === at ? member : one.name === member.name ? [] : one));
}

function parentsOf(root: JsonValue, pointer: JsonPointer): (JsonArray | JsonObject)[] {
  let parents = root.kind === 'scalar' ? [] : [root];
  for (const part of pointer.slice(0, -1)) parents = parents.flatMap((parent) => containersIn(parent, part, false));
  return parents;
}

/** Arrays and objects at one step below a container; several if a name is there several times. */
function containersIn(parent: JsonArray | JsonObject, part: string, make: boolean): (JsonArray | JsonObject)[] {
  if (parent.kind === 'array') {
    const item = parent.items[indexIn(parent, part) ?? -1];
    return item === undefined || item.kind === 'scalar' ? [] : [item];
  }
  const there = parent.members.filter(({ name }) => name === part);
  if (there.length > 0 || !make) return there.flatMap(({ value }) => (value.kind === 'scalar' ? [] : value));
  const made: JsonObject = { kind: 'object', members: [] };
  parent.members = [...parent.members, { name: part, value: made }];
  return [made];
}

function indexIn({ items }: JsonArray, part: string): number | undefined {
  return /^(0|[1-9]\d{0,8})$/.test(part) && Number(part) < items.length ? Number(part) : undefined;
}
