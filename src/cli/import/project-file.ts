import { rename, writeFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import * as yaml from 'yaml';
import { parseDocument } from '../../config/document.ts';
import type { Immutable } from '../../model/immutable.ts';
import type { Project, ProjectInput } from '../../model/project.ts';
import { pushedProject } from '../../projects/pushed-project.ts';
import { CommandFailure } from '../command-failure.ts';
import { checkFile, readInput } from '../input-file.ts';
import { printable } from '../terminal/text.ts';

/** The project as a readable YAML file, with one line per resource, operation and schema. @param suggested policies, for comments */
export function projectText(project: ProjectInput, file: string, suggested: readonly string[]): string {
  const document = new yaml.Document(project, { aliasDuplicateObjects: false });
  const origin = ` Made from ${file === '-' ? 'an OpenAPI document' : printable(file)} by "sluice project import".`;
  document.commentBefore = [origin, ...suggested.map((text) => ` ${printable(text)}`)].join('\n');
  return textOf(document);
}

function textOf(document: yaml.Document): string {
  yaml.visit(document, {
    Map: (_key, node, path) => {
      const keys = path.flatMap((around) => (yaml.isPair(around) && yaml.isScalar(around.key) ? [around.key.value] : []));
      if (keys[0] === 'resources' || (keys[0] === 'openapi' && keys.length === (keys[1] === 'operations' ? 4 : 3))) node.flow = true;
    },
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

/** A project file that an import brings up to date. */
export interface ProjectFile {
  /** The project as the file has it. */
  readonly written: ProjectInput;
  /** The same with every default filled in. */
  readonly project: Project;
  /** Writes the file again. Parts that are the same in `project` stay as they stand in it, comments included. */
  replace(project: Immutable<ProjectInput>): Promise<void>;
}

/** Reads a project file; a fault in it is the failure of the command. */
export async function readProjectFile(file: string): Promise<ProjectFile> {
  const text = new TextDecoder().decode(await readInput(file));
  const project = checkFile(file, () => parseDocument(text, pushedProject)) as Project;
  const document = yaml.parseDocument(text);
  const written = document.toJS() as ProjectInput;
  return {
    written,
    project,
    async replace(next) {
      for (const key of new Set([...Object.keys(written), ...Object.keys(next)]) as Set<keyof ProjectInput>) {
        if (isDeepStrictEqual(written[key], next[key])) continue;
        if (next[key] === undefined) document.delete(key);
        else document.set(key, document.createNode(next[key], { aliasDuplicateObjects: false }));
      }
      // Readers see the old file or the new one, never a part.
      await writing(file, async () => {
        await writeFile(`${file}.new`, /^\s*\{/.test(text) ? `${JSON.stringify(next, null, 2)}\n` : textOf(document));
        await rename(`${file}.new`, file);
      });
    },
  };
}

/** Writes a file that does not exist yet. */
export async function writeNew(file: string, text: string): Promise<void> {
  await writing(file, () => writeFile(file, text, { flag: 'wx' }));
}

async function writing(file: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === 'EEXIST'
        ? 'it already exists: remove it, give another name, or bring it up to date with --update'
        : code === 'ENOENT'
          ? 'its folder does not exist'
          : code;
    throw new CommandFailure(`cannot write ${file}: ${reason}`);
  }
}
