import type { Command } from 'commander';
import { readyPath } from '../../model/reserved-path.ts';
import { defaultControl } from '../client/control-client.ts';
import { CommandFailure } from '../command-failure.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { printable } from '../terminal/text.ts';

/** Limit for the answer, in milliseconds: a process that takes longer does not serve requests either. */
const timeoutMs = 3000;

/** `sluice ready`, for health checks of containers that have no HTTP client, and for scripts. */
export function readyCommand(program: Command, terminal: Terminal): void {
  program
    .command('ready')
    .description('check whether a balancer or gateway server takes requests: exit status 0, else 1')
    .argument('[url]', `URL to ask (default: /readyz at the balancer's admin address, SLUICE_CONTROL, else ${defaultControl})`)
    .addHelpText('after', `\nExample, for a gateway server:\n  sluice ready http://127.0.0.1:8081${readyPath}`)
    .action(async (given: string | undefined) => {
      const url = given ?? `${(terminal.env['SLUICE_CONTROL'] || defaultControl).replace(/\/+$/, '')}/readyz`;
      if (!/^https?:\/\//.test(url) || !URL.canParse(url)) throw new CommandFailure(`"${url}" is not a URL: give http://HOST:PORT/PATH`);
      const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) }).catch((error: Error) => {
        const { code, message } = (error.cause ?? error) as NodeJS.ErrnoException;
        throw new CommandFailure(`not ready: ${url} does not answer (${code ?? message})`);
      });
      if (response.status !== 200)
        throw new CommandFailure(printable(`not ready: ${url} answers with status ${response.status}${await reasonIn(response)}`));
      await response.body?.cancel();
      terminal.out('ready');
    });
}

/** The reason that an answer of Sluice gives, as it continues a sentence; empty for other answers. */
async function reasonIn(response: Response): Promise<string> {
  if (!/json/.test(response.headers.get('content-type') ?? '')) return '';
  const body = (await response.json().catch(() => undefined)) as { reason?: unknown; title?: unknown } | undefined;
  const reason = body?.reason ?? body?.title;
  return typeof reason === 'string' ? `: ${reason.slice(0, 1000)}` : '';
}
