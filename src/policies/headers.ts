import * as z from 'zod';
import type { HeaderFields } from '../http1/message/message-view.ts';
import type { PolicyContext, PolicyType } from './contract.ts';
import { factReferences, Template } from './template.ts';
import { byFieldName, changeableField, fieldValue, valueOfField } from './written-fields.ts';

const settings = z
  .strictObject({
    remove: z.array(changeableField).default([]).meta({ description: 'names of fields to remove' }),
    set: byFieldName(valueOfField).meta({
      description:
        'name and value; replaces every line of this name. A value may tell of the exchange, for example `${consumer}`; if that is not known, the lines are removed',
    }),
    add: byFieldName(
      z
        .union([valueOfField, z.array(valueOfField)], 'must be one line of Latin-1 text, or a list of such lines')
        .transform((given) => (Array.isArray(given) ? given : [given])),
    ).meta({
      description:
        'name and value, or a list of values; appends a line for each value. A value may tell of the exchange; if that is not known, its line is left out',
    }),
  })
  .refine(
    (given) => given.remove.length + Object.keys(given.set).length + Object.keys(given.add).length > 0,
    'needs at least one of set, add, remove',
  );

/**
 * Changes header fields: of the request at `proxyRequest` and `targetRequest`, of the response at `targetResponse`
 * and `proxyResponse`. First `remove` (names), then `set` (replaces every line of the name), then `add` (appends a
 * line, or one for each value of a list). A value that tells of the exchange is never what the client itself has sent in the field.
 */
export const headers: PolicyType<typeof settings> = {
  settings,
  dry: true,
  points: ['proxyRequest', 'targetRequest', 'targetResponse', 'proxyResponse'],
  references: factReferences,
  *create({ remove, set, add }) {
    const replaced: [field: string, text: string | Template][] = [];
    for (const [field, text] of Object.entries(set)) {
      replaced.push([field, Template.of(text)]);
      yield;
    }
    const added: typeof replaced = [];
    for (const [field, values] of Object.entries(add)) {
      for (const text of values) added.push([field, Template.of(text)]);
      yield;
    }
    const edit = (fields: HeaderFields, context: PolicyContext): void => {
      for (const field of remove) fields.remove(field);
      for (const [field, text] of replaced) {
        const filled = typeof text === 'string' ? text : fieldText(text, context);
        if (filled === undefined) fields.remove(field);
        else fields.set(field, filled);
      }
      for (const [field, text] of added) {
        const filled = typeof text === 'string' ? text : fieldText(text, context);
        if (filled !== undefined) fields.add(field, filled);
      }
    };
    return {
      run(context) {
        edit((context.response ?? context.request).headers, context);
        return undefined;
      },
    };
  },
};

/** The text for one exchange, as octets of UTF-8; undefined: a fact is not known, or not a text on one line. */
function fieldText(template: Template, context: PolicyContext): string | undefined {
  const text = template.fill(context);
  const octets = text && Buffer.from(text, 'utf8').toString('latin1').trim();
  return octets !== undefined && fieldValue.test(octets) ? octets : undefined;
}
