import * as z from 'zod';

/** A document of the registry that this version of Sluice cannot read, or not entirely. */
export const unreadDocument = z.object({
  kind: z.string().meta({ description: 'environment, project, revision, server, assignment …' }),
  name: z.string(),
  reason: z.string().meta({ description: 'why it cannot be read, and what to do' }),
});

export type UnreadDocument = Readonly<z.output<typeof unreadDocument>>;
