import * as z from 'zod';
import { httpToken } from '../model/http-names.ts';
import { utcTime } from '../model/utc-time.ts';
import { asciiJson } from './ascii-json.ts';
import type { Ending, PolicyContext, PolicyType } from './contract.ts';
import { factOf, factReferences, Template } from './template.ts';

/** Greatest number of characters of a field, and of octets of a line. */
const mostCharacters = 256;
const mostOctets = 4096;

/** Members of every line, which a field must not replace. */
const members = ['time', 'log', 'level', 'project', 'id', 'client', 'method', 'path', 'status', 'octets', 'durationMs', 'aborted'];
/** Fields that hold secrets. */
const secret = /^(authorization|proxy-authorization|cookie|set-cookie|x-api-key|client-cert(-chain)?)$/i;
const headerPrefix = 'request.header.';

const name = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/, 'must be a name: letters, digits, _ . and -')
  .refine((given) => !members.includes(given), `must not be one of ${members.join(', ')}, which every line has`);

const text = z
  .union([z.string().max(1024), z.number(), z.boolean()], 'must be text')
  .transform(String)
  .refine(
    (given) => !fieldsIn(given).some((field) => secret.test(field)),
    'refers to a field that holds secrets, which logs must not have',
  );

const settings = z.strictObject({
  fields: z
    .record(name, text)
    .refine((given) => Object.keys(given).length <= 32, 'has more than 32 fields')
    .default({})
    .meta({
      description:
        'name and text of members to add to the line, at most 32. A text may tell of the exchange: `${consumer}`, `${claims.NAME}`, `${client.address}`, `${request.id}`, `${request.header.NAME}`, `${clientCertificate.subject}`; one whose facts are not known is left out',
    }),
  level: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .meta({ description: 'member `level` of the line, for programs that collect logs' }),
});

/** Writes a line of JSON to standard output once the exchange has ended. The exchange never waits for it. */
export const log: PolicyType<typeof settings> = {
  settings,
  dry: true,
  points: ['proxyRequest'],
  references: {
    knows: (reference) => findFact(reference) !== undefined,
    shown: [...factReferences.shown, `${headerPrefix}NAME`],
  },
  *create({ fields, level }, { project, services: { lines, clock } }) {
    const members: (string | LineMember)[] = [];
    for (const [field, text] of Object.entries(fields)) {
      const template = Template.of(text, findFact);
      members.push(typeof template === 'string' ? memberOf(field, template) : { field, template });
      yield;
    }
    const time = utcTime(clock);
    const origin = `","log":"policy","level":"${level}","project":${asciiJson(project)},"id":`;
    const write = (context: PolicyContext, { status, octets, durationMs, aborted }: Ending) => {
      const { request, requestId, clientAddress } = context;
      const line = new JsonLine(
        `{"time":"${time()}${origin}${asciiJson(requestId)},"client":${asciiJson(clientAddress)},"method":${asciiJson(request.method)}`,
      );
      line.add(memberOf('path', request.path));
      line.add(`,"status":${status},"octets":${octets},"durationMs":${Math.round(durationMs * 1000) / 1000},"aborted":${aborted}`);
      for (const member of members) {
        if (typeof member === 'string') line.add(member);
        else {
          const value = member.template.fill(context);
          if (value !== undefined) line.add(memberOf(member.field, value));
        }
      }
      lines.write(line.end());
    };
    return {
      run(context) {
        context.onEnd((ending) => write(context, ending));
        return undefined;
      },
    };
  },
};

/** A member whose text tells of the exchange. */
interface LineMember {
  readonly field: string;
  readonly template: Template;
}

/** A line of JSON in ASCII. Members for which there is no room are left out, and counted in `omitted`. */
class JsonLine {
  #text: string;
  #omitted = 0;

  /** @param start without the closing brace */
  constructor(start: string) {
    this.#text = start;
  }

  /** @param member with a comma in front */
  add(member: string): void {
    if (this.#text.length + member.length > mostOctets - ',"omitted":99}\n'.length) this.#omitted++;
    else this.#text += member;
  }

  end(): string {
    return this.#omitted === 0 ? `${this.#text}}\n` : `${this.#text},"omitted":${this.#omitted}}\n`;
  }
}

/** @param name plain text */
function memberOf(name: string, value: string): string {
  return `,"${name}":${asciiJson(value.length > mostCharacters ? value.slice(0, mostCharacters) : value)}`;
}

function findFact(reference: string): ReturnType<typeof factOf> {
  const field = reference.startsWith(headerPrefix) ? reference.slice(headerPrefix.length) : '';
  if (field === '') return factOf(reference);
  return httpToken.test(field) ? ({ request }) => request.headers.get(field) : undefined;
}

/** Header fields of the request that a text refers to. */
function fieldsIn(given: string): string[] {
  return [...given.matchAll(/\$\{request\.header\.([^{}]*)\}/g)].map(([, field = '']) => field);
}
