import type { Command } from 'commander';
import { type ConsumersImported, linesType, mostImported } from '../../api/caller-answers.ts';
import type { Problem } from '../../api/problem.ts';
import { bucketOf } from '../../model/caller-tree.ts';
import { type ControlClient, Refused } from '../client/control-client.ts';
import { CommandFailure } from '../command-failure.ts';
import { readLargeSource } from '../import/large-source.ts';
import { checkFile, readInput } from '../input-file.ts';
import { type OperatorOptions, operatorCommand, operatorOf } from '../operator.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Line, printable } from '../terminal/text.ts';

/** Most octets of a file: a million consumers with a key each. */
const mostOctets = 256 * 1024 * 1024;
/** Requests under way: the balancer reads the next one while it stores the last. */
const atOnce = 2;
/** Milliseconds between two lines about the progress. */
const progressMs = 1000;
const mostTold = 20;

/** A consumer of the file: its JSON, and where it stands. */
interface Given {
  readonly name: string;
  readonly bucket: string;
  readonly json: string;
  readonly place: string;
}

/** `sluice consumer import` */
export function consumerImportCommand(consumer: Command, terminal: Terminal): void {
  operatorCommand(
    consumer
      .command('import')
      .description('create or change many consumers: a file with a line of JSON for each, or with a list of them')
      .argument('<file>', 'file with consumers, - for standard input'),
  )
    .addHelpText(
      'after',
      '\nA line: {"name":"anna","keys":[{"id":"old","sha256":"…"}],"products":["gold"]}\nA list that a line leaves out stays as it is; the digest of a key that exists may be left out.',
    )
    .action(async (file: string, options: OperatorOptions) => {
      const { client, show, progress, note } = await operatorOf(options, terminal);
      const given = consumersIn(file, await readInput(file, mostOctets));
      const sum = { created: 0, changed: 0, unchanged: 0, refused: [] as ConsumersImported['refused'][number][] };
      let done = 0;
      let toldAt = 0;
      const tell = () => {
        const text = `${done} of ${given.length} consumers`;
        const line: Line = done === given.length ? { text, tone: 'good' } : text;
        progress.show([{ name: 'import', line }]);
        toldAt = performance.now();
      };
      const batches = batchesOf(given);
      const send = async () => {
        for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
          const answer = await sendBatch(client, batch);
          for (const count of ['created', 'changed', 'unchanged'] as const) sum[count] += answer[count];
          sum.refused.push(...answer.refused);
          done += batch.length;
          if (done === given.length || performance.now() - toldAt > progressMs) tell();
        }
      };
      tell();
      await Promise.all(Array.from({ length: atOnce }, send));
      for (const { name, detail } of sum.refused.slice(0, mostTold)) note({ text: printable(`${name}: ${detail}`), tone: 'bad' });
      show(sum, [`${sum.created} created, ${sum.changed} changed, ${sum.unchanged} unchanged, ${sum.refused.length} refused`]);
      if (sum.refused.length > 0)
        throw new CommandFailure(`${sum.refused.length} of ${given.length} consumers were refused; all others are in the registry`);
    });
}

/** Consumers sorted by their buckets, so that each bucket is written once. */
function batchesOf(given: readonly Given[]): Given[][] {
  const sorted = [...given].sort((one, other) => (one.bucket < other.bucket ? 1 : -1));
  const batches: Given[][] = [];
  for (let start = 0; start < sorted.length; start += mostImported) batches.push(sorted.slice(start, start + mostImported));
  return batches;
}

async function sendBatch(client: ControlClient, batch: readonly Given[]): Promise<ConsumersImported> {
  try {
    return await client.send<ConsumersImported>('POST', '/v1/consumers', {
      type: linesType,
      content: batch.map(({ json }) => json).join('\n'),
    });
  } catch (error) {
    if (error instanceof Refused && error.problem.errors) throw faultsIn(batch, error.problem.errors);
    throw error;
  }
}

function faultsIn(batch: readonly Given[], errors: NonNullable<Problem['errors']>): CommandFailure {
  const lines = errors.map(({ path, line = 1, message }) => printable([batch[line - 1]?.place, path, message].filter(Boolean).join(': ')));
  return new CommandFailure('the import stopped at consumers with faults; those before them are in the registry', lines);
}

/** The consumers of a file, lines of JSON or one list in YAML or JSON. Throws if one has no name, or two have the same. */
function consumersIn(file: string, content: Uint8Array): Given[] {
  const text = Buffer.from(content).toString();
  const given = /^\s*\{/.test(text) ? linesIn(file, text) : listIn(file, content);
  const places = new Map<string, string>();
  for (const { name, place } of given) {
    const twin = places.get(name);
    if (twin !== undefined) throw new CommandFailure(`${place}: consumer "${printable(name)}" is given twice, first at ${twin}`);
    places.set(name, place);
  }
  return given;
}

function linesIn(file: string, text: string): Given[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const place = `${file}:${index + 1}`;
    try {
      return [givenAt(place, JSON.parse(line))];
    } catch (error) {
      if (error instanceof CommandFailure) throw error;
      throw new CommandFailure(`${place}: is not JSON: write each consumer on a line of its own`);
    }
  });
}

function listIn(file: string, content: Uint8Array): Given[] {
  const { value, lineOf } = checkFile(file, () => readLargeSource(content));
  if (!Array.isArray(value)) throw new CommandFailure(`${file} has no list of consumers, and no lines of JSON with one each`);
  return value.map((one, index) => givenAt(`${file}:${lineOf([index], 'value') ?? 1}`, one));
}

function givenAt(place: string, value: unknown): Given {
  const name = (value as { name?: unknown } | null)?.name;
  if (typeof name !== 'string') throw new CommandFailure(`${place}: needs the name of the consumer`);
  return { name, bucket: bucketOf(name), json: JSON.stringify(value), place };
}
