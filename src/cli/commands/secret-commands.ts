import type { Command } from 'commander';
import type { SecretsAnswer, SecretsRotated } from '../../api/secret-answers.ts';
import { type Operator, type OperatorOptions, operatorCommand, operatorOf } from '../operator.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { Line } from '../terminal/text.ts';

/** `sluice secrets …` */
export function secretCommands(program: Command, terminal: Terminal): void {
  const secrets = program.command('secrets').description("show which keys seal the registry's secrets, and replace the key");

  operatorCommand(secrets.command('status').description('show the keys of the balancers, and what each of them seals')).action(
    async (options: OperatorOptions) => {
      const operator = await operatorOf(options, terminal);
      const answer = await operator.client.get<SecretsAnswer>('/v1/secrets');
      operator.show(answer, describe(operator, answer));
    },
  );

  operatorCommand(
    secrets
      .command('rotate')
      .description("seal every secret with the balancer's first key; a single balancer with its key in secret.key makes a new key"),
  )
    .addHelpText(
      'after',
      '\nWith SLUICE_SECRET_KEY, or several balancers: give all of them "OLD NEW" first, then "NEW OLD", then rotate, then give them "NEW".',
    )
    .action(async (options: OperatorOptions) => {
      const operator = await operatorOf(options, terminal);
      const answer = await operator.client.send<SecretsRotated>('POST', '/v1/secrets/rotate');
      operator.show(answer, outcome(answer));
    });
}

function outcome({ keys, unused, secrets, origin, resealed, made }: SecretsRotated): Line[] {
  const [first = '', ...earlier] = keys;
  const unopened = secrets.filter(({ fault }) => fault !== null);
  const droppable = earlier.filter((id) => unused.includes(id));
  return [
    resealed === 0 && !made
      ? `all secrets were sealed with key ${first} already; for another one, put it before the present key in ${origin} of every balancer`
      : `${resealed} secrets are sealed with key ${first} now${made ? `, which was made and is in ${origin}` : ''}`,
    ...(droppable.length > 0 ? [`key ${droppable.join(', ')} seals nothing any more: drop it at every balancer`] : []),
    ...unopened.map(({ name, fault }): Line => [`${name} stays as it is: `, { text: fault ?? '', tone: 'bad' }]),
  ];
}

function describe({ table }: Operator, { keys, unused, secrets, origin, others }: SecretsAnswer): Line[] {
  const ids = [...new Set([...keys, ...secrets.flatMap(({ key }) => key ?? []), ...others.flatMap((other) => other.keys)])];
  const uses = (id: string) => {
    if (id === keys[0]) return 'seals and opens';
    if (keys.includes(id)) return unused.includes(id) ? 'opens; seals nothing any more' : 'opens';
    return 'is not here';
  };
  const holders = (id: string) => others.filter((other) => other.keys.includes(id)).map(({ balancer }) => balancer);
  const damaged = secrets.filter(({ key, fault }) => key === null && fault !== null);
  return [
    `keys of this balancer: ${origin}`,
    '',
    ...table(
      [{ heading: 'KEY' }, { heading: 'SECRETS' }, { heading: 'THIS BALANCER' }, { heading: 'OTHER BALANCERS' }],
      ids.map((id) => [id, secrets.filter(({ key }) => key === id).length, uses(id), holders(id).join(', ') || '–']),
    ),
    ...damaged.map(({ name, fault }): Line => [`${name}: `, { text: fault ?? '', tone: 'bad' }]),
  ];
}
