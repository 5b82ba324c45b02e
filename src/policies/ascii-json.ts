/** Texts that stand in JSON as they are. */
const plain = /^[ !#-[\]-~]*$/;

/** A text as JSON in ASCII. */
export function asciiJson(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text).replace(/[^\0-\x7e]/g, escaped);
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
