import type { Command } from 'commander';
import { dateFaults, loadConfig } from '../../config/config.ts';
import { uncoveredHosts } from '../../config/uncovered-hosts.ts';
import { tlsWarnings } from '../../model/outgoing-tls.ts';
import { checkFile } from '../input-file.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { printable } from '../terminal/text.ts';

/** `sluice config check` */
export function configCommand(program: Command, terminal: Terminal): void {
  program
    .command('config')
    .description("check a balancer's configuration")
    .command('check')
    .description('report every fault of a configuration file with its line')
    .argument('<file>', 'YAML or JSON')
    .option('--ignore-dates', 'only warn of certificates that have expired or are not valid yet: a balancer that runs keeps serving them')
    .action((file: string, { ignoreDates = false }: { ignoreDates?: boolean }) => {
      const config = checkFile(file, () => loadConfig({ file, env: {}, datesIgnored: () => ignoreDates }));
      for (const { path, message } of dateFaults(config)) terminal.err(printable(`warning: ${path}: ${message}`));
      for (const { name, spec } of config.environments) {
        for (const { id, tls } of spec.servers)
          for (const { path, message } of tlsWarnings(tls, `environments.${name}.servers.${id}.tls`, Date.now()))
            terminal.err(printable(`warning: ${path}: ${message}`));
      }
      for (const { path, message } of uncoveredHosts(config)) terminal.err(printable(`warning: ${path}: ${message}`));
      terminal.out(`${file} is valid: ${config.environments.map((one) => `${one.name} on ${one.spec.listen}`).join(', ')}`);
    });
}
