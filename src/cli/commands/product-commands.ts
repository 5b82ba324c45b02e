import type { Command } from 'commander';
import type { ProductAnswer } from '../../api/caller-answers.ts';
import { readLimit, readName, readNames, readQuota } from '../argument-readers.ts';
import { jsonBody, Refused } from '../client/control-client.ts';
import { CommandFailure } from '../command-failure.ts';
import { consumerArgument, productArgument } from '../name-arguments.ts';
import { apiPath, type OperatorOptions, operatorCommand, operatorOf } from '../operator.ts';
import type { Column } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';

const columns: readonly Column[] = [
  { heading: 'PRODUCT' },
  { heading: 'PROJECTS', least: 10 },
  { heading: 'LIMIT', leaveOut: 2 },
  { heading: 'QUOTA', leaveOut: 1 },
];

interface CreateOptions {
  readonly projects: string[];
  readonly limit?: string;
  readonly quota?: string;
}

/** `sluice product …`, `sluice subscribe` and `sluice unsubscribe` */
export function productCommands(program: Command, terminal: Terminal): void {
  const product = program.command('product').description('manage products: projects that consumers use by one subscription');

  operatorCommand(
    product
      .command('create')
      .description('create a product; from then on its projects demand a subscription')
      .argument('<name>', "the product's name", readName),
  )
    .requiredOption('--projects <names>', 'its projects, separated by commas', readNames)
    .option('--limit <n/unit>', 'requests of each subscriber in a time, such as 100/s (default: no limit)', readLimit)
    .option('--quota <n/period>', 'requests of each subscriber in a period, such as 10000/day (default: no quota)', readQuota)
    .addHelpText('after', '\nExample:\n  sluice product create gold --projects shop,pay --limit 100/s && sluice subscribe anna gold')
    .action(async (name: string, { projects, limit, quota, ...options }: OperatorOptions & CreateOptions) => {
      const { client, show } = await operatorOf(options, terminal);
      const body = { projects, ...(limit !== undefined && { limit }), ...(quota !== undefined && { quota }) };
      try {
        const made = await client.send<ProductAnswer>('PUT', apiPath`/v1/products/${name}`, jsonBody(body), { 'if-none-match': '*' });
        show(made, [`product ${name} created: ${made.projects.join(', ')}`]);
      } catch (error) {
        if (error instanceof Refused && error.problem.status === 412)
          throw new CommandFailure(`product ${name} already exists: see "sluice product show ${name}"`);
        throw error;
      }
    });

  operatorCommand(product.command('list').description('list all products')).action(async (options: OperatorOptions) => {
    const { client, show, table } = await operatorOf(options, terminal);
    const products = await client.get<ProductAnswer[]>('/v1/products');
    show(products, products.length === 0 ? ['no products'] : table(columns, products.map(row)));
  });

  operatorCommand(product.command('show').description('show a product').addArgument(productArgument())).action(
    async (name: string, options: OperatorOptions) => {
      const { client, show, table } = await operatorOf(options, terminal);
      const found = await client.get<ProductAnswer>(apiPath`/v1/products/${name}`);
      show(found, table(columns, [row(found)]));
    },
  );

  operatorCommand(product.command('delete').description('delete a product').addArgument(productArgument()))
    .option('--force', 'delete it even if consumers have subscribed to it, and end their subscriptions')
    .action(async (name: string, options: OperatorOptions & { force?: true }) => {
      const { client, show } = await operatorOf(options, terminal);
      try {
        await client.send('DELETE', `${apiPath`/v1/products/${name}`}${options.force ? '?force' : ''}`);
      } catch (error) {
        if (error instanceof Refused && error.problem.code === 'in-use')
          throw new CommandFailure(`${error.problem.detail.replace(/ with force$/, '')} with --force`);
        throw error;
      }
      show({ deleted: name }, [`product ${name} deleted`]);
    });

  operatorCommand(
    program
      .command('subscribe')
      .description('let a consumer use the projects of a product')
      .addArgument(consumerArgument('consumer'))
      .addArgument(productArgument('product')),
  ).action(async (consumer: string, name: string, options: OperatorOptions) => {
    const { client, show } = await operatorOf(options, terminal);
    show(await client.send('PUT', apiPath`/v1/products/${name}/subscriptions/${consumer}`), [`${consumer} has subscribed to ${name}`]);
  });

  operatorCommand(
    program
      .command('unsubscribe')
      .description('end the subscription of a consumer to a product')
      .addArgument(consumerArgument('consumer'))
      .addArgument(productArgument('product')),
  ).action(async (consumer: string, name: string, options: OperatorOptions) => {
    const { client, show } = await operatorOf(options, terminal);
    await client.send('DELETE', apiPath`/v1/products/${name}/subscriptions/${consumer}`);
    show({ unsubscribed: consumer }, [`${consumer} has no subscription to ${name} any more`]);
  });
}

function row({ name, projects, limit, quota }: ProductAnswer): string[] {
  return [name, projects.join(', '), limit ?? '-', quota ?? '-'];
}
