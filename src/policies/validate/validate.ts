import * as z from 'zod';
import { type ImportedApi, jsonSchema, parameter } from '../../model/imported-api.ts';
import type { JsonSchema } from '../../model/json-schema.ts';
import type { Pieces } from '../../model/pieces.ts';
import type { Decision, PolicyContext, PolicyType } from '../contract.ts';
import { refuse } from '../refusal.ts';
import type { BodyResult } from './body-check.ts';
import { compileOperation, OperationChecks, type RequestCheck } from './operation-checks.ts';
import { RequestParameters } from './parameter-values.ts';
import { SchemaCompiler, type SchemaFault } from './schema-compiler.ts';
import { faultOfApi, faultOfSchema } from './schema-faults.ts';

const ownSchema = jsonSchema.superRefine((schema, context) => {
  const message = faultOfSchema(schema as JsonSchema);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

const settings = z
  .strictObject({
    body: ownSchema.optional().meta({
      description:
        'JSON Schema of the body, draft 2020-12, or draft-07 by `$schema`; it is read whole, and keys that stand in it twice are refused',
    }),
    bodyRequired: z.boolean().optional().meta({ description: 'false: a request may come without a body. Not given: true' }),
    contentTypes: z
      .array(z.string().regex(/^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/, 'must be a content type in lower case, such as application/json'))
      .min(1)
      .optional()
      .meta({
        description:
          'content types that a body may have; others get 415. The schema is checked for those of JSON and for application/x-www-form-urlencoded. Not given: application/json',
      }),
    maxBytes: z
      .int()
      .min(1)
      .default(1_048_576)
      .meta({ title: 'bytes', description: 'maximum bytes of a body that is checked; beyond: 413' }),
    parameters: z
      .array(parameter.extend({ schema: ownSchema.optional().meta(parameter.shape.schema.meta() ?? {}) }))
      .min(1)
      .optional()
      .meta({
        description: 'parameters in path, query, header and cookie, each with name, in, required, style, explode and schema, as in OpenAPI',
      }),
    openapi: z
      .literal(true)
      .optional()
      .meta({ description: 'true: requests are checked by the OpenAPI document that the project was imported from, its part `openapi`' }),
  })
  .refine(
    (given) => given.openapi !== undefined || given.body !== undefined || given.parameters !== undefined,
    'needs at least one of body, parameters, openapi',
  )
  .refine((given) => given.openapi === undefined || (given.body === undefined && given.parameters === undefined), {
    message: 'stands for body and parameters: give it in a policy of its own',
    path: ['openapi'],
  });

type Settings = z.output<typeof settings>;

/**
 * Lets a request pass only if its parameters and body fit JSON Schemas: 422 with one entry for each fault, 415 for a content type that was not given. The
 * body is read whole only where a schema says something about it.
 */
export const validate: PolicyType<typeof settings> = {
  settings,
  points: ['proxyRequest'],
  *faults({ openapi }, api) {
    if (openapi === undefined) return [];
    const fault = api === undefined ? missing : yield* faultOfApi(api);
    return fault === undefined ? [] : [{ path: ['openapi'], message: api === undefined ? fault : `cannot be used: ${fault}` }];
  },
  *create(given, { api, resources }) {
    const find = yield* checksOf(given, api, resources);
    return {
      run(context) {
        const check = find(context.resource, context.request.method);
        return check === undefined ? undefined : decide(check, context);
      },
    };
  },
};

const missing = 'has nothing to check by: the project has no part openapi. Import it with `sluice project import`';

function* checksOf(
  given: Settings,
  api: ImportedApi | undefined,
  resources: readonly string[],
): Pieces<(resource: string, method: string) => RequestCheck | undefined> {
  const { maxBytes } = given;
  if (given.openapi) {
    if (api === undefined) throw new Error(`validate.openapi ${missing}`);
    const checks = yield* OperationChecks.compile(api, resources, maxBytes);
    return (resource, method) => checks.find(resource, method);
  }
  const { body, bodyRequired = true, contentTypes = ['application/json'] } = given;
  const parameters = yield* ownParameters(given);
  const content = Object.fromEntries(contentTypes.map((type) => [type, { schema: body }]));
  const compiler = new SchemaCompiler({}, '', body);
  const operation = body === undefined ? {} : { body: { required: bodyRequired, content } };
  const check = { ...(yield* compileOperation(operation, compiler, maxBytes)), parameters };
  return () => check;
}

/** Each of them may be of another draft. */
function* ownParameters({ parameters = [], maxBytes }: Settings): Pieces<RequestCheck['parameters']> {
  const checks: RequestCheck['parameters'][number][] = [];
  for (const one of parameters) {
    const made = yield* compileOperation({ parameters: [one] }, new SchemaCompiler({}, '', one.schema), maxBytes);
    checks.push(...made.parameters);
  }
  return checks;
}

function decide({ parameters, body }: RequestCheck, context: PolicyContext): Decision | Promise<Decision> {
  const faults: SchemaFault[] = [];
  if (parameters.length > 0) {
    const texts = new RequestParameters(context);
    for (const one of parameters) faults.push(...one.faults(texts));
  }
  const result = body?.run(context) ?? [];
  if (result instanceof Promise) return result.then((late) => decisionOf(late, faults, context));
  return decisionOf(result, faults, context);
}

function decisionOf(result: BodyResult, faults: readonly SchemaFault[], context: PolicyContext): Decision {
  // The exchange has ended.
  if (result === undefined) return undefined;
  if ('status' in result) return result;
  const all = [...faults, ...result];
  if (all.length === 0) return undefined;
  const errors = all.slice(0, mostFaults).map(({ path, message }) => ({ path: path.join('.').slice(0, longestPath), message }));
  return refuse(context, {
    status: 422,
    code: 'request-invalid',
    title: `The request does not fit the description of the API: ${all.length === 1 ? '1 fault' : `${all.length} faults`}`,
    members: { errors },
  });
}

/** Faults that an answer tells. */
const mostFaults = 100;
/** Characters of a path that an answer tells; a client may have chosen them. */
const longestPath = 500;
