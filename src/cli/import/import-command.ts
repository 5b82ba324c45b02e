import { type Command, InvalidArgumentError } from 'commander';
import { parseValue } from '../../config/document.ts';
import { projectTag } from '../../model/entity-tag.ts';
import type { Immutable } from '../../model/immutable.ts';
import type { Project, ProjectInput } from '../../model/project.ts';
import type { ProjectSummary } from '../../model/revision.ts';
import { isTargetUrl } from '../../model/target.ts';
import { pushedProject } from '../../projects/pushed-project.ts';
import { readBasePath, readName } from '../argument-readers.ts';
import { type ControlClient, jsonBody, Refused } from '../client/control-client.ts';
import { CommandFailure } from '../command-failure.ts';
import { checkFile, readInput } from '../input-file.ts';
import { apiPath, type Operator, type OperatorOptions, operatorCommand, operatorOf } from '../operator.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Line, render, type TextTone } from '../terminal/text.ts';
import { notesOn, securityNotes } from './import-notes.ts';
import { maxDocumentBytes } from './large-source.ts';
import { changesBetween, type Merged, mergeImport } from './merged-import.ts';
import { readOpenApi } from './openapi-document.ts';
import { type Imported, type ImportOptions, projectOf } from './openapi-project.ts';
import { projectText, readProjectFile, writeNew } from './project-file.ts';

interface Options extends OperatorOptions, ImportOptions {
  readonly print?: true;
  readonly output?: string;
  readonly update?: string;
  readonly dryRun?: true;
  readonly replace?: true;
}

/** Warnings that are printed; a document that is wrong throughout would fill the screen. */
const mostWarnings = 50;
/** Changes that are printed; `--json` prints all of them. */
const mostChanges = 200;

/** `sluice project import` */
export function importCommand(project: Command, terminal: Terminal): void {
  operatorCommand(
    project
      .command('import')
      .description('make a project from an OpenAPI document (2.0, 3.0, 3.1) and upload it; what was edited since the last import is kept')
      .argument('<openapi-file>', 'YAML or JSON; - is standard input')
      .requiredOption(
        '--target <url>',
        "base URL of the service, to which the document's paths are appended; replaces the document's servers",
        readTarget,
      )
      .option('--name <name>', "the project's name (default: made from the document's title)", readName)
      .option('--base-path <path>', "path prefix for clients (default: the path of the document's first server)", readBasePath)
      .option('--mock', 'answer each request from the examples of the document, with the policy respond, instead of the target')
      .option('--dry-run', 'show what would change, and upload nothing')
      .option('--replace', 'drop what was edited since the last import, policies included')
      .option('--print', 'print the project file instead of uploading it')
      .option('-o, --output <file>', 'write the project file instead of uploading it; an existing file is not overwritten')
      .option('--update <file>', 'bring this project file up to date instead of uploading; what was edited in it is kept'),
  )
    .addHelpText('after', '\nExample:\n  sluice project import openapi.yaml --target http://10.0.0.7:8080/v1 --name petstore')
    .action(async (file: string, options: Options) => {
      const printed = options.print || options.output !== undefined;
      if ([options.print, options.output, options.update].filter((one) => one !== undefined).length > 1)
        throw new CommandFailure('give either --print or --output or --update, not several');
      if (printed && options.dryRun)
        throw new CommandFailure('give either --dry-run or --print or --output: the latter two upload nothing either');
      const content = await readInput(file, maxDocumentBytes);
      const document = checkFile(file, () => readOpenApi(content));
      const imported = checkFile(file, () => projectOf(document, options));
      const note = (text: string, tone: TextTone = 'faint') => terminal.err(render({ text, tone }, terminal.colours.err));
      tellWarnings(imported, file, note);
      for (const text of notesOn(document, imported.project, options, imported.empty)) note(`note: ${text}`);
      const suggested = securityNotes(imported.security);
      for (const text of suggested) note(`note: ${text}`, 'warn');
      if (printed) {
        const text = options.json ? JSON.stringify(imported.project, null, 2) : projectText(imported.project, file, suggested);
        return options.output === undefined ? terminal.out(text.trimEnd()) : writeNew(options.output, text);
      }
      if (options.update !== undefined) await update(imported.project, options.update, options, terminal);
      else await upload(imported.project, options, await operatorOf(options, terminal));
    });
}

function tellWarnings({ warnings }: Imported, file: string, note: (text: string, tone: TextTone) => void): void {
  for (const { path, line, message } of warnings.slice(0, mostWarnings))
    note(`warning: ${[line === undefined ? file : `${file}:${line}`, ...(path === '' ? [] : [path])].join(': ')}: ${message}`, 'warn');
  if (warnings.length > mostWarnings) note(`warning: and ${warnings.length - mostWarnings} more like these`, 'warn');
}

/** Uploads the project, or with `--dry-run` tells what would change. */
async function upload(imported: ProjectInput, options: Options, { client, show, note }: Operator): Promise<void> {
  const known = await latestOf(imported.name, client);
  const { project, notes, changes } = brought(known?.project, known?.project, imported, options);
  for (const text of notes) note({ text: `note: ${text}`, tone: 'warn' });
  if (options.dryRun) {
    const made = `would make the project ${imported.name}, with ${project.resources?.length ?? 0} resources`;
    return show({ name: project.name, changes: changes ?? null }, changes === undefined ? [made] : listed(changes));
  }
  for (const line of shown(changes ?? [])) note(line);
  const condition = known && { 'if-match': known.tag };
  const pushed = await client.send<{ name: string; revision: number }>('POST', '/v1/projects', jsonBody(project), condition);
  show(pushed, [`${pushed.name}@${pushed.revision}`]);
}

/** Brings a project file up to date, or with `--dry-run` tells what would change. */
async function update(imported: ProjectInput, path: string, options: Options, terminal: Terminal): Promise<void> {
  const file = await readProjectFile(path);
  const named = options.name === undefined ? { ...imported, name: file.written.name } : imported;
  const { project, notes, changes = [] } = brought(file.written, file.project, named, options);
  for (const text of notes) terminal.err(render({ text: `note: ${text}`, tone: 'warn' }, terminal.colours.err));
  if (!options.dryRun) await file.replace(project);
  if (options.json) terminal.out(JSON.stringify({ name: project.name, changes }, null, 2));
  else for (const line of options.dryRun ? listed(changes) : shown(changes)) terminal.out(render(line, terminal.colours.out));
}

/**
 * The result of an import for a project that may be there already, with the changes; without them if there is none.
 *
 * @param written the project that is there, as it is to be written again
 * @param before the same, with every default filled in
 */
function brought(
  written: Immutable<ProjectInput> | undefined,
  before: Project | undefined,
  imported: ProjectInput,
  options: Options,
): Merged & { readonly changes: readonly string[] | undefined } {
  const merged = written === undefined || options.replace ? { project: imported, notes: [] } : mergeImport(written, imported, options);
  const after = parseValue(merged.project, pushedProject) as Project;
  return { ...merged, changes: before && changesBetween(before, after) };
}

function shown(changes: readonly string[]): Line[] {
  const lines = changes.slice(0, mostChanges).map(toned);
  return changes.length > mostChanges ? [...lines, `and ${changes.length - mostChanges} more changes`] : lines;
}

function listed(changes: readonly string[]): Line[] {
  return changes.length === 0 ? ['nothing would change'] : shown(changes);
}

function toned(line: string): Line {
  return { text: line, tone: line.startsWith('+') ? 'good' : line.startsWith('-') ? 'bad' : 'warn' };
}

/** The newest revision of a project, and the tag that it has until another one is pushed; undefined: there is no such project. */
async function latestOf(name: string, client: ControlClient): Promise<{ readonly project: Project; readonly tag: string } | undefined> {
  try {
    const summary = await client.get<ProjectSummary>(apiPath`/v1/projects/${name}`);
    const { project } = await client.get<{ project: Project }>(apiPath`/v1/projects/${name}/revisions/${summary.latest}`);
    return { project, tag: `"${projectTag(summary)}"` };
  } catch (error) {
    if (error instanceof Refused && error.problem.status === 404) return undefined;
    throw error;
  }
}

function readTarget(text: string): string {
  if (text.includes('${') || isTargetUrl(text)) return text;
  throw new InvalidArgumentError('It must be an http:// or https:// URL without query or fragment, for example http://127.0.0.1:9201/v1.');
}
