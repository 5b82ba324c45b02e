import { Argument, type Command } from 'commander';
import type { ConsumerAnswer, KeyMade } from '../../api/caller-answers.ts';
import { digestOf } from '../../model/password-digest.ts';
import { readCredentialId, readExpiry, readMost, readName } from '../argument-readers.ts';
import { jsonBody, Refused } from '../client/control-client.ts';
import { CommandFailure } from '../command-failure.ts';
import { consumerArgument } from '../name-arguments.ts';
import { apiPath, type OperatorOptions, operatorCommand, operatorOf } from '../operator.ts';
import { readHidden } from '../terminal/hidden-input.ts';
import type { Column } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { consumerImportCommand } from './consumer-import-command.ts';

const consumerColumns: readonly Column[] = [
  { heading: 'CONSUMER' },
  { heading: 'KEYS', leaveOut: 2 },
  { heading: 'PRODUCTS', least: 10, leaveOut: 1 },
];
const credentialColumns: readonly Column[] = [{ heading: 'ID' }, { heading: 'KIND' }, { heading: 'EXPIRES' }];

interface ListOptions extends OperatorOptions {
  readonly search?: string;
  readonly product?: string;
  readonly limit?: number;
}

/** `sluice consumer …` */
export function consumerCommands(program: Command, terminal: Terminal): void {
  const consumer = program.command('consumer').description('manage consumers: programs and people that call APIs, with their keys');

  operatorCommand(consumer.command('create').description('create a consumer').argument('<name>', "the consumer's name", readName))
    .addHelpText('after', '\nExample:\n  sluice consumer create anna && sluice consumer key anna --expires 90d')
    .action(async (name: string, options: OperatorOptions) => {
      const { client, show } = await operatorOf(options, terminal);
      try {
        const path = apiPath`/v1/consumers/${name}`;
        show(await client.send<ConsumerAnswer>('PUT', path, jsonBody({}), { 'if-none-match': '*' }), [`consumer ${name} created`]);
      } catch (error) {
        if (error instanceof Refused && error.problem.status === 412)
          throw new CommandFailure(`consumer ${name} already exists: see "sluice consumer show ${name}"`);
        throw error;
      }
    });

  operatorCommand(consumer.command('list').description('list all consumers, or the first of those that match'))
    .option('--search <text>', 'only consumers with this text in their names')
    .option('--product <name>', 'only subscribers of this product', readName)
    .option('--limit <number>', 'maximum number of consumers (default: all)', readMost)
    .action(async ({ search, product, limit, ...options }: ListOptions) => {
      const { client, show, table } = await operatorOf(options, terminal);
      const wanted = { ...(search && { search }), ...(product && { product }), ...(limit && { limit: String(limit) }) };
      const query = new URLSearchParams(wanted);
      const consumers = await client.get<ConsumerAnswer[]>(`/v1/consumers${query.size === 0 ? '' : `?${query}`}`);
      const rows = consumers.map(({ name, keys, products }) => [name, keys.length, products.join(', ') || '-']);
      show(consumers, rows.length === 0 ? ['no consumers'] : table(consumerColumns, rows));
    });

  operatorCommand(
    consumer.command('show').description('show the keys and subscriptions of a consumer').addArgument(consumerArgument()),
  ).action(async (name: string, options: OperatorOptions) => {
    const { client, show, table } = await operatorOf(options, terminal);
    const found = await client.get<ConsumerAnswer>(apiPath`/v1/consumers/${name}`);
    const rows = [
      ...found.keys.map(({ id, expires }) => [id, 'key', expires ?? 'never']),
      ...found.passwords.map(({ id, expires }) => [id, 'password', expires ?? 'never']),
    ];
    show(found, [
      `consumer ${found.name}, created ${new Date(found.createdAt).toISOString()}`,
      `products: ${found.products.join(', ') || 'none'}`,
      '',
      ...(rows.length === 0 ? [`no keys: "sluice consumer key ${name}" makes one`] : table(credentialColumns, rows)),
    ]);
  });

  operatorCommand(
    consumer.command('delete').description('delete a consumer with its keys and subscriptions').addArgument(consumerArgument()),
  ).action(async (name: string, options: OperatorOptions) => {
    const { client, show } = await operatorOf(options, terminal);
    await client.send('DELETE', apiPath`/v1/consumers/${name}`);
    show({ deleted: name }, [`consumer ${name} deleted`]);
  });

  operatorCommand(
    consumer
      .command('key')
      .description('make a key for a consumer and print it; it is shown this once, and earlier keys stay valid')
      .addArgument(consumerArgument()),
  )
    .option('--expires <time>', 'time for which it is valid, such as 90d, or an instant (default: until it is revoked)', readExpiry)
    .option('--id <id>', 'id that names the key afterwards (default: a new one)', readCredentialId)
    .action(async (name: string, { expires, id, ...options }: OperatorOptions & { expires?: string; id?: string }) => {
      const { client, show, note } = await operatorOf(options, terminal);
      const body = { ...(expires !== undefined && { expires }), ...(id !== undefined && { id }) };
      const made = await client.send<KeyMade>('POST', apiPath`/v1/consumers/${name}/keys`, jsonBody(body));
      show(made, [made.key]);
      note(`key ${made.id} of ${name}${made.expires === null ? '' : `, valid until ${made.expires}`}: it is not shown again`);
    });

  operatorCommand(
    consumer
      .command('revoke')
      .description('revoke a key of a consumer: gateway servers refuse it within two seconds')
      .addArgument(consumerArgument())
      .addArgument(new Argument('<key-id>', 'id of the key, see "sluice consumer show"').argParser(readCredentialId)),
  ).action(async (name: string, id: string, options: OperatorOptions) => {
    const { client, show } = await operatorOf(options, terminal);
    await client.send('DELETE', apiPath`/v1/consumers/${name}/keys/${id}`);
    show({ revoked: id }, [`key ${id} of ${name} revoked`]);
  });

  consumerImportCommand(consumer, terminal);

  consumer
    .command('password')
    .description(
      'make the digest of a password for a project file, without a balancer; the password is asked for, or read from standard input',
    )
    .argument('<name>', 'name of the user', readName)
    .addHelpText('after', '\nThe line that it prints goes under users of the policy basicAuth: { users: { anna: "$scrypt$…" } }')
    .action(async (name: string) => {
      terminal.out(`${name}: "${await digestOf(await readHidden(terminal, 'password'))}"`);
    });
}
