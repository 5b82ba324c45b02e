import type { Command } from 'commander';
import { defaultControl } from '../client/control-client.ts';
import { Failure } from '../failure.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { printable } from '../terminal/text.ts';

/** Whoever does not answer in this many milliseconds does not serve either. */
const patienceMs = 3000;

/** `sluice ready`: for container health checks and scripts that have nothing else to ask with. */
export function readyCommand(program: Command, terminal: Terminal): void {
  program
    .command('ready')
    .description('whether a balancer or gateway server on this machine takes requests: exit status 0, else 1')
    .argument('[url]', `what is asked: …/readyz of a balancer's control address (SLUICE_CONTROL, else ${defaultControl})`)
    .addHelpText('after', '\nExample, for a gateway server:\n  sluice ready http://127.0.0.1:8081/.sluice/ready')
    .action(async (given: string | undefined) => {
      const url = given ?? `${(terminal.env['SLUICE_CONTROL'] || defaultControl).replace(/\/+$/, '')}/readyz`;
      if (!/^https?:\/\//.test(url) || !URL.canParse(url)) throw new Failure(`"${url}" is no URL: give http://HOST:PORT/PATH`);
      const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(patienceMs) }).catch((error: Error) => {
        const { code, message } = (error.cause ?? error) as NodeJS.ErrnoException;
        throw new Failure(`not ready: ${url} does not answer (${code ?? message})`);
      });
      await response.body?.cancel();
      if (response.status !== 200) throw new Failure(`not ready: ${printable(url)} answers with status ${response.status}`);
      terminal.out('ready');
    });
}
