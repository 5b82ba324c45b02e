import type { Command } from 'commander';
import { authorityCommands } from './commands/authority-commands.ts';
import { cacheCommands } from './commands/cache-commands.ts';
import { configCommand } from './commands/config-command.ts';
import { consumerCommands } from './commands/consumer-commands.ts';
import { deployCommands } from './commands/deploy-commands.ts';
import { environmentCommands } from './commands/environment-commands.ts';
import { explainCommand } from './commands/explain-command.ts';
import { productCommands } from './commands/product-commands.ts';
import { projectCommands } from './commands/project-commands.ts';
import { readyCommand } from './commands/ready-command.ts';
import { secretCommands } from './commands/secret-commands.ts';
import { serverCommands } from './commands/server-commands.ts';
import { statusCommand } from './commands/status-command.ts';
import { usageCommand } from './commands/usage-command.ts';
import { completionCommand } from './completion/completion-command.ts';
import { type Roles, roleProgram } from './role-program.ts';
import type { Terminal } from './terminal/terminal.ts';
import { topCommand } from './top/top-command.ts';

/** The whole command line. Throws commander's errors and `CommandFailure` instead of ending the process. */
export function buildProgram(roles: Roles, version: string, terminal: Terminal): Command {
  const program = roleProgram(roles, version, terminal);
  environmentCommands(program, terminal);
  serverCommands(program, terminal);
  projectCommands(program, terminal);
  deployCommands(program, terminal);
  explainCommand(program, terminal);
  cacheCommands(program, terminal);
  consumerCommands(program, terminal);
  productCommands(program, terminal);
  authorityCommands(program, terminal);
  secretCommands(program, terminal);
  statusCommand(program, terminal);
  topCommand(program, terminal);
  usageCommand(program, terminal);
  configCommand(program, terminal);
  readyCommand(program, terminal);
  completionCommand(program, terminal);
  return program;
}
