import { createHash, randomBytes } from 'node:crypto';
import * as z from 'zod';
import { consumerAnswer, keyMade } from '../../api/caller-answers.ts';
import { type Consumer, consumerTag, credentialId, mostKeys, mostPasswords, mostSubscriptions } from '../../model/consumer.ts';
import { expiry, lifetime } from '../../model/expiry.ts';
import { SluiceError } from '../../model/fault.ts';
import { name } from '../../model/name.ts';
import { passwordDigest } from '../../model/password-digest.ts';
import { mapInTurns } from '../../model/pieces.ts';
import type { ConsumerChange } from '../../registry/contract.ts';
import { bodyTypes, smallBody } from './bodies.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { conditional, creating, expectedTags } from './etag.ts';
import { refusals } from './openapi.ts';

const byName = z.strictObject({ name });
const byKey = z.strictObject({ name, id: credentialId });
/** Begins every key, so that programs that search for secrets in published code recognise it. */
const keyPrefix = 'sluice_';

const listed = z.strictObject({
  search: z
    .string()
    .max(63)
    .optional()
    .meta({ description: 'only consumers with this text in their names, in any case; the one with exactly this name first' }),
  product: name.optional().meta({ description: 'only subscribers of this product' }),
  limit: z.coerce.number().int().min(1).optional().meta({ description: 'maximum number of consumers; default: all' }),
});

const expires = expiry.exactOptional();
const digest = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, 'must be a SHA-256 digest: 64 hexadecimal digits, such as sha256sum prints them')
  .transform((text) => text.toLowerCase())
  .meta({ description: 'SHA-256 of the key in hexadecimal digits; may be left out if a key with this id exists' });
const key = z.strictObject({ id: credentialId, sha256: digest.exactOptional(), expires });
const password = z.strictObject({ id: credentialId, scrypt: passwordDigest.exactOptional(), expires });

/** An answer can be edited and sent back: `name` must then match the path, and `createdAt` is ignored. */
export const consumerBody = z
  .strictObject({
    name: name.optional(),
    createdAt: z.unknown().optional(),
    keys: z.array(key).max(mostKeys).optional().meta({ description: 'all of its keys; absent: they stay as they are' }),
    passwords: z.array(password).max(mostPasswords).optional().meta({ description: 'all of its passwords; absent: they stay as they are' }),
    products: z
      .array(name)
      .max(mostSubscriptions)
      .optional()
      .meta({ description: 'all of its subscriptions; absent: they stay as they are' }),
  })
  .meta({ id: 'ConsumerBody' });

const keyBody = z
  .strictObject({
    id: credentialId.optional().meta({ description: 'id of the key; default: a new one' }),
    expires: z.union([lifetime.transform((ms) => ({ inMs: ms })), expiry]).optional(),
  })
  .meta({ id: 'KeyBody' });

/** Reads, creates, changes and deletes consumers and their keys. */
export function consumerRoutes(app: ControlApp, { registry, clock }: ControlContext): void {
  app.get(
    '/v1/consumers',
    {
      schema: {
        summary: 'All consumers, sorted by name, or the first of those that match',
        querystring: listed,
        response: { 200: z.array(consumerAnswer), ...refusals },
      },
    },
    async (request) => {
      return mapInTurns(await rulesOf(registry).consumers(request.query), describe);
    },
  );

  app.get(
    '/v1/consumers/:name',
    { schema: { summary: 'One consumer', params: byName, response: { 200: consumerAnswer, ...refusals } } },
    async (request, reply) => {
      const { name } = request.params;
      const found = await rulesOf(registry).consumer(name);
      if (!found) throw new SluiceError('not-found', `there is no consumer "${name}": see sluice consumer list`);
      return reply.header('etag', `"${consumerTag(found)}"`).send(describe(found));
    },
  );

  app.put(
    '/v1/consumers/:name',
    {
      bodyLimit: smallBody,
      schema: {
        summary: 'Create a consumer (201), or change the lists that the body has (200); keys can be imported as digests',
        consumes: bodyTypes,
        headers: creating,
        params: byName,
        body: consumerBody,
        response: { 200: consumerAnswer, 201: consumerAnswer, ...refusals },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      mustBeNamed('consumer', request.body.name ?? name, name);
      const expect = expectedTags(request.headers['if-match']);
      const change = changeIn(request.body);
      const create = request.headers['if-none-match'] === '*';
      const { consumer, created } = await rulesOf(registry).putConsumer(name, change, { create, ...(expect && { expect }) });
      return reply
        .code(created ? 201 : 200)
        .header('etag', `"${consumerTag(consumer)}"`)
        .send(describe(consumer));
    },
  );

  app.delete(
    '/v1/consumers/:name',
    {
      schema: {
        summary: 'Delete a consumer with its keys and subscriptions',
        headers: conditional,
        params: byName,
        response: { 204: z.undefined(), ...refusals },
      },
    },
    async (request, reply) => {
      const expect = expectedTags(request.headers['if-match']);
      await rulesOf(registry).deleteConsumer(request.params.name, expect && { expect });
      return reply.code(204).send();
    },
  );

  app.post(
    '/v1/consumers/:name/keys',
    {
      bodyLimit: smallBody,
      schema: {
        summary: 'Make a key: the answer shows it, once; only its digest is kept. The keys made before stay valid',
        consumes: bodyTypes,
        params: byName,
        body: keyBody,
        response: { 201: keyMade, ...refusals },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const { id = randomBytes(5).toString('hex'), expires: given = null } = request.body;
      const expires = given !== null && typeof given === 'object' ? clock.date() + given.inMs : given;
      if (expires !== null && expires <= clock.date())
        throw new SluiceError('invalid', `expires is in the past (${isoOf(expires)}): give a later instant, or a time such as 90d`);
      const key = keyPrefix + randomBytes(32).toString('base64url');
      const digest = createHash('sha256').update(key).digest('hex');
      await rulesOf(registry).addKey(name, { id, sha256: digest, ...(expires !== null && { expires }) });
      request.log.info({ consumer: name, key: id, address: request.ip }, 'a key of a consumer was made');
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ id, expires: expires === null ? null : isoOf(expires), key });
    },
  );

  app.delete(
    '/v1/consumers/:name/keys/:id',
    {
      schema: {
        summary: 'Revoke a key: gateway servers refuse it within two seconds',
        params: byKey,
        response: { 204: z.undefined(), ...refusals },
      },
    },
    async (request, reply) => {
      const { name, id } = request.params;
      await rulesOf(registry).removeKey(name, id);
      request.log.info({ consumer: name, key: id, address: request.ip }, 'a key of a consumer was revoked');
      return reply.code(204).send();
    },
  );
}

/** The rules for consumers and products. Throws `unavailable` for a balancer whose registry has none. */
export function rulesOf({ consumers }: Pick<ControlContext['registry'], 'consumers'>): NonNullable<typeof consumers> {
  if (consumers !== undefined) return consumers;
  throw new SluiceError('unavailable', 'this balancer reaches its registry through another balancer: send the request to that one');
}

/** Throws `invalid` if a body names another object than the path. */
export function mustBeNamed(what: string, body: string, path: string): void {
  if (body === path) return;
  throw new SluiceError('invalid', `the body names ${what} "${body}" but the path "${path}": make them agree, or leave the name out`);
}

/** The lists that a body has. */
export function changeIn({ keys, passwords, products }: z.output<typeof consumerBody>): ConsumerChange {
  return {
    ...(keys && { keys: keys.map(withoutNull) }),
    ...(passwords && { passwords: passwords.map(withoutNull) }),
    ...(products && { products }),
  };
}

function describe({ name, createdAt, keys, passwords, products }: Consumer) {
  return { name, createdAt, keys: keys.map(shown), passwords: passwords.map(shown), products: [...products] };
}

function shown({ id, expires }: { readonly id: string; readonly expires?: number }) {
  return { id, expires: expires === undefined ? null : isoOf(expires) };
}

function isoOf(instant: number): string {
  return new Date(instant).toISOString();
}

/** Without `expires` where it is null: the credential does not expire. */
function withoutNull<Credential extends { readonly expires?: number | null }>({ expires, ...rest }: Credential) {
  return { ...rest, ...(typeof expires === 'number' && { expires }) } as Omit<Credential, 'expires'> & { expires?: number };
}
