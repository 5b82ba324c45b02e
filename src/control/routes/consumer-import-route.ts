import * as z from 'zod';
import { consumersImported, linesType, mostImported } from '../../api/caller-answers.ts';
import { check } from '../../config/check.ts';
import { refusal } from '../../config/refusal.ts';
import { type Fault, SluiceError } from '../../model/fault.ts';
import { name } from '../../model/name.ts';
import { eachInTurns } from '../../model/pieces.ts';
import { changeIn, consumerBody, rulesOf } from './consumer-routes.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { refusals } from './openapi.ts';

/** Octets of a body: consumers with few keys need a tenth of it. */
const mostOctets = 1 << 20;
const mostFaults = 50;

const importedConsumer = consumerBody.extend({ name }).meta({ id: 'ImportedConsumer' });
type ImportedConsumer = z.output<typeof importedConsumer>;

/** Creates and changes many consumers by one request: a line of JSON for each. */
export function consumerImportRoute(app: ControlApp, { registry }: ControlContext): void {
  // A scope of its own: other routes take no lines.
  app.register((scope: ControlApp, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(linesType, { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => readLines(body));
    scope.post(
      '/v1/consumers',
      {
        bodyLimit: mostOctets,
        validatorCompiler: () => (value: unknown) => ({ value }),
        schema: {
          summary: `Create or change up to ${mostImported} consumers by lines of JSON, each as for one consumer, with its name. Those that are refused are told, all others are made`,
          consumes: [linesType],
          body: z.array(importedConsumer),
          response: { 200: consumersImported, ...refusals },
        },
      },
      async (request) => {
        const given = (request.body as readonly ImportedConsumer[]).map((one) => ({ name: one.name, ...changeIn(one) }));
        const { created, changed, unchanged, refused } = await rulesOf(registry).putConsumers(given);
        return {
          created,
          changed,
          unchanged,
          refused: refused.map(({ name, error: { code, message } }) => ({ name, code, detail: message })),
        };
      },
    );
    done();
  });
}

/** Reads lines of JSON in turns of the event loop. Throws with the faults of all lines, up to 50. */
async function readLines(octets: Buffer): Promise<ImportedConsumer[]> {
  const lines = decoded(octets).split('\n');
  const read: ImportedConsumer[] = [];
  const faults: Fault[] = [];
  await eachInTurns(lines.entries(), ([index, text]) => {
    if (text.trim() === '' || faults.length >= mostFaults) return;
    const line = index + 1;
    try {
      const checked = check(JSON.parse(text), importedConsumer);
      if (checked.faults) faults.push(...checked.faults.map((fault) => ({ ...fault, line })));
      else read.push(checked.value);
    } catch {
      faults.push({ path: '', line, message: 'is not JSON: write each consumer on a line of its own' });
    }
  });
  if (faults.length > 0) throw refusal('invalid', faults);
  if (read.length > mostImported)
    throw new SluiceError('invalid', `the body has ${read.length} consumers: send at most ${mostImported} at a time`);
  return read;
}

function decoded(octets: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets);
  } catch {
    throw refusal('malformed', [{ path: '', message: 'is not UTF-8 text: save it as UTF-8' }]);
  }
}
