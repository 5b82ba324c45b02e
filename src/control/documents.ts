import * as z from 'zod';
import { readDocument } from '../config/document.ts';
import { environmentSpec } from '../model/environment.ts';
import { name } from '../model/name.ts';
import { type CheckedContent, pushedProject } from '../projects/pushed-project.ts';

/** Schemas of the documents that operators send, which may be large. */
export const documents = {
  project: pushedProject,
  /** An answer can be edited and sent back: `name` must then match the path, and `status` is ignored. */
  environment: environmentSpec.extend({ name: name.optional(), status: z.unknown().optional() }).meta({ id: 'EnvironmentBody' }),
} as const;

export type DocumentKind = keyof typeof documents;

/** A document that was read: as it was sent, and checked, with its defaults filled in. */
export interface ReadDocument {
  readonly given: unknown;
  readonly value: unknown;
  /** Content of a project that another process has checked. */
  readonly content?: CheckedContent;
}

/** Reads a document; rejects with a `SluiceError` that has every fault. */
export type DocumentReader = (octets: Uint8Array, kind: DocumentKind) => Promise<ReadDocument>;

/** Parses a text, YAML or JSON, and checks it. An empty one counts as an empty object. Throws a `SluiceError` with every fault. */
export function readChecked(octets: Uint8Array, schema: z.ZodType): ReadDocument {
  return readDocument(octets, schema, { empty: {} });
}
