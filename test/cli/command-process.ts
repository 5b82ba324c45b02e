import { runCommand } from '../../src/cli/run-command.ts';

const none = async () => undefined;
process.exitCode = await runCommand(process.argv.slice(2), { serve: none, gateway: none, up: none }, 'test');
