import { writeFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import * as yaml from 'yaml';
import type { ProjectInput } from '../../model/project.ts';
import { isTargetUrl } from '../../model/target.ts';
import { readBasePath, readName } from '../argument-readers.ts';
import { jsonBody } from '../client/control-client.ts';
import { CommandFailure } from '../command-failure.ts';
import { checkFile, readInput } from '../input-file.ts';
import { type OperatorOptions, operatorCommand, operatorOf } from '../operator.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { printable, render } from '../terminal/text.ts';
import { maxDocumentBytes, readOpenApi } from './openapi-document.ts';
import { type ImportOptions, projectOf } from './openapi-project.ts';

interface Options extends OperatorOptions, ImportOptions {
  readonly print?: true;
  readonly output?: string;
}

/** `sluice project import` */
export function importCommand(project: Command, terminal: Terminal): void {
  operatorCommand(
    project
      .command('import')
      .description('make a project from an OpenAPI 3 document and upload it')
      .argument('<openapi-file>', 'YAML or JSON; - is standard input')
      .requiredOption(
        '--target <url>',
        "base URL of the service, to which the document's paths are appended; replaces the document's servers",
        readTarget,
      )
      .option('--name <name>', "the project's name (default: made from the document's title)", readName)
      .option('--base-path <path>', "path prefix for clients (default: the path of the document's first server)", readBasePath)
      .option('--print', 'print the project file instead of uploading it')
      .option('-o, --output <file>', 'write the project file instead of uploading it; an existing file is not overwritten'),
  )
    .addHelpText('after', '\nExample:\n  sluice project import openapi.yaml --target http://10.0.0.7:8080/v1 --name petstore')
    .action(async (file: string, options: Options) => {
      if (options.print && options.output !== undefined) throw new CommandFailure('give either --print or --output, not both');
      const content = await readInput(file, maxDocumentBytes);
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

/** The project as a readable YAML file, with one line per resource. */
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
      code === 'EEXIST' ? 'it already exists: remove it or give another name' : code === 'ENOENT' ? 'its folder does not exist' : code;
    throw new CommandFailure(`cannot write ${file}: ${reason}`);
  }
}
