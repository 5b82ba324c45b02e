import { isLarge, jsonText } from '../model/json-pieces.ts';
import { inTurns } from '../model/pieces.ts';

/** JSON of objects that many servers get: contents of revisions, and what an environment runs. Each text is kept as long as its object is. */
const texts = new WeakMap<object, Promise<string>>();

/** The JSON of an object, which is made once; of a large object in turns of the event loop. */
export function sharedText(shared: object): Promise<string> {
  const known = texts.get(shared);
  if (known !== undefined) return known;
  const text = isLarge(shared) ? inTurns(jsonText(shared)) : Promise.resolve(JSON.stringify(shared));
  texts.set(shared, text);
  return text;
}

/** Notes the JSON of an object that was made from it. */
export function noteText(shared: object, text: string): void {
  texts.set(shared, Promise.resolve(text));
}
