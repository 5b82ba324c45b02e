import * as z from 'zod';
import { readDocument } from '../config/document.ts';
import { environmentSpec } from '../model/environment.ts';
import { name } from '../model/name.ts';
import type { Project } from '../model/project.ts';
import { CheckedProject } from '../projects/checked-project.ts';
import { pushedProject } from '../projects/pushed-project.ts';

/** Schemas of the documents that operators send, which may be large. */
export const documents = {
  project: pushedProject.transform((project) => CheckedProject.of(project as Project)),
  /** An answer can be edited and sent back: `name` must then match the path, and `status` is ignored. */
  environment: environmentSpec.extend({ name: name.optional(), status: z.unknown().optional() }).meta({ id: 'EnvironmentBody' }),
} as const;

export type DocumentKind = keyof typeof documents;

/** A document that was read: as it was sent, and checked, with its defaults filled in. */
export interface ReadDocument {
  readonly given: unknown;
  readonly value: unknown;
}

/** Reads a document; rejects with a `SluiceError` that has every fault. */
export type DocumentReader = (octets: Uint8Array, kind: DocumentKind) => Promise<ReadDocument>;

/** Parses a text, YAML or JSON, and checks it. An empty one counts as an empty object. Throws a `SluiceError` with every fault. */
export function readChecked(octets: Uint8Array, schema: z.ZodType): ReadDocument {
  return readDocument(octets, schema, { empty: {} });
}
