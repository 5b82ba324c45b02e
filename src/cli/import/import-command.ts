import { writeFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import * as yaml from 'yaml';
import { isTargetUrl, type ProjectInput } from '../../model/project.ts';
import { readBasePath, readName } from '../arguments.ts';
import { jsonBody } from '../client/control-client.ts';
import { Failure } from '../failure.ts';
import { checkFile, readInput } from '../input-file.ts';
import { type OperatorOptions, operatorCommand, operatorOf } from '../operator.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { printable, render } from '../terminal/text.ts';
import { readOpenApi } from './openapi-document.ts';
import { type ImportOptions, projectOf } from './openapi-project.ts';

interface Options extends OperatorOptions, ImportOptions {
  readonly print?: true;
  readonly output?: string;
}

const mostBytes = 16 * 1024 * 1024;

/** `sluice project import` */
export function importCommand(project: Command, terminal: Terminal): void {
  operatorCommand(
    project
      .command('import')
      .description('make a project from an OpenAPI 3 document and upload it')
      .argument('<openapi-file>', 'YAML or JSON; - is standard input')
      .requiredOption('--target <url>', "where the document's paths begin at the service, in place of its server", readTarget)
      .option('--name <name>', "the project's name (default: made from the document's title)", readName)
      .option('--base-path <path>', "the path that clients use before the document's (default: that of its first server)", readBasePath)
      .option('--print', 'print the project file instead of uploading it')
      .option('-o, --output <file>', 'write the project file instead of uploading it; one that is there stays'),
  )
    .addHelpText('after', '\nExample:\n  sluice project import openapi.yaml --target http://10.0.0.7:8080/v1 --name petstore')
    .action(async (file: string, options: Options) => {
      if (options.print && options.output !== undefined) throw new Failure('give either --print or --output, not both');
      const content = await readInput(file, mostBytes);
      const { project: made, notes } = checkFile(file, () => projectOf(readOpenApi(content), options));
      for (const note of notes) terminal.err(render({ text: `note: ${note}`, tone: 'faint' }, terminal.colours.err));
      if (options.print) return terminal.out((options.json ? JSON.stringify(made, null, 2) : projectText(made, file)).trimEnd());
      if (options.output !== undefined)
        return write(options.output, options.json ? JSON.stringify(made, null, 2) : projectText(made, file));
      const { client, show } = await operatorOf(options, terminal);
      const pushed = await client.send<{ name: string; revision: number }>('POST', '/v1/projects', jsonBody(made));
      show(pushed, [`${pushed.name}@${pushed.revision}`]);
    });
}

function readTarget(text: string): string {
  if (text.includes('${') || isTargetUrl(text)) return text;
  throw new InvalidArgumentError('It must be an http:// or https:// URL without query or fragment, for example http://127.0.0.1:9201/v1.');
}

/** The project as its author could have written it: a line a resource. */
function projectText(project: ProjectInput, file: string): string {
  const document = new yaml.Document(project);
  document.commentBefore = ` Made from ${file === '-' ? 'an OpenAPI document' : printable(file)} by "sluice project import".`;
  yaml.visit(document, {
    Map: (_key, node, path) => {
      if (path.some((around) => yaml.isPair(around) && yaml.isScalar(around.key) && around.key.value === 'resources')) node.flow = true;
    },
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === 'EEXIST' ? 'it exists already: remove it or give another name' : code === 'ENOENT' ? 'there is no such folder' : code;
    throw new Failure(`cannot write ${file}: ${reason}`);
  }
}
