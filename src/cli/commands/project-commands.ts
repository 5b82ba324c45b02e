import type { Command } from 'commander';
import * as yaml from 'yaml';
import type { ProjectSummaryAnswer, RevisionAnswer } from '../../api/answers.ts';
import { parseDocument } from '../../config/document.ts';
import { withNamedFiles } from '../../config/named-files.ts';
import type { Fault } from '../../model/fault.ts';
import { warningsOf } from '../../projects/project-warnings.ts';
import { pushedProject } from '../../projects/pushed-project.ts';
import type { readProject } from '../argument-readers.ts';
import { importCommand } from '../import/import-command.ts';
import { checkFile, readInput, sendFile } from '../input-file.ts';
import { revisionArgument } from '../name-arguments.ts';
import { apiPath, type OperatorOptions, operatorCommand, operatorOf } from '../operator.ts';
import type { Column } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { printable } from '../terminal/text.ts';

const projectColumns: readonly Column[] = [
  { heading: 'PROJECT' },
  { heading: 'NEWEST' },
  { heading: 'VERSION', least: 8, leaveOut: 2 },
  { heading: 'PUSHED', leaveOut: 1 },
];

/** `sluice project …` */
export function projectCommands(program: Command, terminal: Terminal): void {
  const project = program.command('project').description('manage projects: APIs with their base path, targets, resources and policies');

  operatorCommand(
    project
      .command('push')
      .description('upload a project; changed content becomes a new revision')
      .argument('<file>', 'YAML or JSON; - is standard input'),
  )
    .addHelpText('after', '\nExample:\n  sluice project push petstore.yaml && sluice deploy petstore --environment production --wait')
    .action(async (file: string, options: OperatorOptions) => {
      const { client, show, note } = await operatorOf(options, terminal);
      const made = await sendFile<{ name: string; revision: number; warnings?: Fault[] }>(client, 'POST', '/v1/projects', file);
      for (const { path, message } of made.warnings ?? []) note(`warning: ${path}: ${printable(message)}`);
      show(made, [`${made.name}@${made.revision}`]);
    });

  operatorCommand(project.command('list').description('list all projects')).action(async (options: OperatorOptions) => {
    const { client, show, table } = await operatorOf(options, terminal);
    const projects = await client.get<ProjectSummaryAnswer[]>('/v1/projects');
    const rows = projects.map((one) => {
      const newest = one.revisions.find((revision) => revision.revision === one.latest);
      return [one.name, one.latest, newest?.version || '-', newest ? new Date(newest.createdAt).toISOString() : '-'];
    });
    show(projects, rows.length === 0 ? ['no projects'] : table(projectColumns, rows));
  });

  operatorCommand(
    project.command('show').description('show a project, by default its newest revision').addArgument(revisionArgument('name')),
  ).action(async ({ name, revision }: ReturnType<typeof readProject>, options: OperatorOptions) => {
    const { client, show } = await operatorOf(options, terminal);
    const number = revision ?? (await client.get<ProjectSummaryAnswer>(apiPath`/v1/projects/${name}`)).latest;
    const found = await client.get<RevisionAnswer>(apiPath`/v1/projects/${name}/revisions/${number}`);
    show(found, [
      `# ${found.name}@${found.revision}, pushed ${new Date(found.createdAt).toISOString()}`,
      ...yaml.stringify(found.project).trimEnd().split('\n'),
    ]);
  });

  operatorCommand(
    project
      .command('delete')
      .description('delete a project or one of its revisions, unless an environment runs it or can be rolled back to it')
      .addArgument(revisionArgument('name')),
  )
    .addHelpText('after', '\nExamples:\n  sluice project delete petstore\n  sluice project delete petstore@3')
    .action(async ({ name, revision }: ReturnType<typeof readProject>, options: OperatorOptions) => {
      const { client, show } = await operatorOf(options, terminal);
      await client.send(
        'DELETE',
        revision === undefined ? apiPath`/v1/projects/${name}` : apiPath`/v1/projects/${name}/revisions/${revision}`,
      );
      const deleted = revision === undefined ? name : `${name}@${revision}`;
      show({ deleted }, [`${deleted} deleted`]);
    });

  importCommand(project, terminal);

  project
    .command('validate')
    .description('check a project file without a balancer')
    .argument('<file>', 'YAML or JSON; - is standard input')
    .action(async (file: string) => {
      const content = await readInput(file);
      const project = checkFile(file, () => parseDocument(withNamedFiles(content, file), pushedProject));
      for (const { path, message } of warningsOf(project, Date.now())) terminal.err(printable(`warning: ${path}: ${message}`));
      terminal.out(`${file} is valid: project ${project.name}`);
    });
}
