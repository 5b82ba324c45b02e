/** A project's content as the lines of a YAML file, with two spaces per level and without empty fields. */
export function writeProject(value: object): string[] {
  return writeFields(value, '');
}

function writeFields(value: object, indent: string): string[] {
  return Object.entries(value).flatMap(([key, field]) => (empty(field) ? [] : writeField(`${indent}${quoted(key)}:`, field, indent)));
}

function writeField(label: string, field: unknown, indent: string): string[] {
  if (Array.isArray(field)) {
    if (field.every((item) => item === null || typeof item !== 'object')) return [`${label} [${field.map(written).join(', ')}]`];
    return [label, ...field.flatMap((item) => writeItem(item, `${indent}  `))];
  }
  if (field !== null && typeof field === 'object') return [label, ...writeFields(field, `${indent}  `)];
  return [`${label} ${written(field)}`];
}

function writeItem(item: unknown, indent: string): string[] {
  if (item === null || typeof item !== 'object') return [`${indent}- ${written(item)}`];
  const lines = writeFields(item, `${indent}  `);
  return lines.map((line, index) => (index === 0 ? `${indent}- ${line.slice(indent.length + 2)}` : line));
}

function written(value: unknown): string {
  return typeof value === 'string' ? quoted(value) : JSON.stringify(value);
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
