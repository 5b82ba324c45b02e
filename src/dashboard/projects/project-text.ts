/**
 * Below these keys every value stands: an empty value can have a meaning in the settings of a policy, and in what was imported. Elsewhere an empty
 * field means the same when it is left out.
 */
const verbatimKeys = new Set(['proxyRequest', 'targetRequest', 'targetResponse', 'proxyResponse', 'openapi']);

/** A project's content as the lines of a YAML file, with two spaces per level and without empty fields. */
export function writeProject(value: object): string[] {
  return writeFields(value, '', false);
}

/** The settings of a policy as lines of YAML, without leaving anything out. */
export function writeSettings(settings: unknown): string[] {
  return isFields(settings) ? writeFields(settings, '', true) : [JSON.stringify(settings)];
}

function writeFields(value: object, indent: string, verbatim: boolean): string[] {
  return Object.entries(value).flatMap(([key, field]) => {
    if (field === undefined || (!verbatim && key !== 'openapi' && empty(field))) return [];
    return writeField(`${indent}${quoted(key)}:`, field, indent, verbatim || verbatimKeys.has(key));
  });
}

function writeField(label: string, field: unknown, indent: string, verbatim: boolean): string[] {
  if (Array.isArray(field)) {
    if (field.every((item) => item === null || typeof item !== 'object')) return [`${label} [${field.map(writtenInList).join(', ')}]`];
    if (!field.every(isFields)) return [`${label} ${JSON.stringify(field)}`];
    return [label, ...field.flatMap((item) => writeItem(item, `${indent}  `, verbatim))];
  }
  if (isFields(field)) return [label, ...writeFields(field, `${indent}  `, verbatim)];
  return [`${label} ${written(field)}`];
}

function writeItem(item: object, indent: string, verbatim: boolean): string[] {
  const lines = writeFields(item, `${indent}  `, verbatim);
  return lines.map((line, index) => (index === 0 ? `${indent}- ${line.slice(indent.length + 2)}` : line));
}

/** True for an object with at least one field: YAML has no block form of others. */
function isFields(value: unknown): value is object {
  return value !== null && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length > 0;
}

function written(value: unknown): string {
  return typeof value === 'string' ? quoted(value) : JSON.stringify(value);
}

/** Braces end a text in a list that is written in brackets. */
function writtenInList(value: unknown): string {
  return typeof value === 'string' && /[{}]/.test(value) ? JSON.stringify(value) : written(value);
}

function quoted(text: string): string {
  return /^[A-Za-z/][\w/.\-{}$:]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off)$/i.test(text) && !text.endsWith(':')
    ? text
    : JSON.stringify(text);
}

/** True for a field that means the same when left out. */
function empty(field: unknown): boolean {
  if (field === undefined || field === '') return true;
  if (Array.isArray(field)) return field.length === 0;
  return field !== null && typeof field === 'object' && Object.values(field).every(empty);
}
