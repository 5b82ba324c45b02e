import { type Command, Option } from 'commander';
import type { AuthoritiesAnswer } from '../../api/authority-answers.ts';
import { minuteOf } from '../../api/minute-of.ts';
import { readDuration } from '../argument-readers.ts';
import { type Operator, type OperatorOptions, operatorCommand, operatorOf } from '../operator.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { Line } from '../terminal/text.ts';
import { waitUntil } from '../wait-until.ts';

const uses = {
  present: 'certifies balancers and servers',
  next: 'servers learn of it first',
  past: 'believed until all that it certified is certified again',
} as const;

/** `sluice ca …` */
export function authorityCommands(program: Command, terminal: Terminal): void {
  const ca = program.command('ca').description('show and replace the authority of the certificates between balancers and gateway servers');

  operatorCommand(ca.command('status').description('show the authorities, and how far a replacement is')).action(
    async (options: OperatorOptions) => {
      const operator = await operatorOf(options, terminal);
      const answer = await operator.client.get<AuthoritiesAnswer>('/v1/ca');
      operator.show(answer, describe(operator, answer));
    },
  );

  operatorCommand(
    ca
      .command('rotate')
      .description('replace the authority: servers learn of the new one, get its certificates, and forget the former one'),
  )
    .option('--wait', 'wait until the former authority is forgotten; the balancers go on without the command')
    .addOption(new Option('--timeout <time>', 'how long to wait, for example 10m').argParser(readDuration).default(600_000, '10m'))
    .action(async (options: OperatorOptions & { wait?: true; timeout: number }) => {
      const operator = await operatorOf(options, terminal);
      let answer = await operator.client.send<AuthoritiesAnswer>('POST', '/v1/ca/rotate');
      const observe = async () => {
        answer = await operator.client.get<AuthoritiesAnswer>('/v1/ca');
        const missing = answer.rotating ? progressOf(answer) : undefined;
        return { steps: missing === undefined ? [] : [{ name: 'authority', line: missing }], missing };
      };
      if (options.wait) await waitUntil(operator, observe, { timeoutMs: options.timeout, remedy: 'see "sluice ca status"' });
      operator.show(answer, describe(operator, answer));
    });
}

function describe({ table }: Operator, answer: AuthoritiesAnswer): Line[] {
  const { authorities, rotating } = answer;
  return [
    ...table(
      [{ heading: 'AUTHORITY' }, { heading: 'STAGE' }, { heading: 'SINCE' }, { heading: 'USE' }],
      authorities.map(({ id, stage, since, own }) => [
        id,
        stage,
        since === undefined ? '–' : minuteOf(since),
        own ? uses[stage] : 'of a balancer with another secret key',
      ]),
    ),
    ...(rotating ? ['', progressOf(answer)] : []),
  ];
}

function progressOf({ authorities, waiting, waitingFor }: AuthoritiesAnswer): string {
  const step = authorities.some(({ stage }) => stage === 'next')
    ? 'servers learn of the new authority'
    : 'servers get certificates of the new authority';
  if (waiting === 0) return `${step}: all have; the next step follows when every balancer has read that, after 90 s`;
  return `${step}: waiting for ${waitingFor.join(', ')}${waiting > waitingFor.length ? ` and ${waiting - waitingFor.length} more` : ''}`;
}
