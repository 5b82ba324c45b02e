import type { Argument, Command, Option } from 'commander';
import type { EnvironmentAnswer, ProjectSummaryAnswer, ServerAnswer } from '../../api/answers.ts';
import { ControlClient } from '../client/control-client.ts';
import { NameArgument, type Named, NameOption } from '../names.ts';

/** Something that may stand at the cursor, and a word on it. */
export interface Candidate {
  readonly text: string;
  readonly about?: string;
}

/** What may stand at the cursor; `files`: any file, as the shell completes them. */
export type Completion = readonly Candidate[] | 'files';

/** A balancer that takes longer is not waited for: somebody has pressed a key, in milliseconds. */
const patienceMs = 1500;

/**
 * What may follow on a command line. `words` are those before the cursor without the program's name, the last one as far as it was
 * typed. Names of environments, servers and projects are asked of the balancer that the line, or else the environment, says.
 */
export async function complete(
  program: Command,
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Completion> {
  const typed = words.at(-1) ?? '';
  const line = readLine(program, words.slice(0, -1));
  const live = (named: Named) => liveNames(named, typed, line.given, env);
  if (line.awaiting) return matching(await valuesOf(line.awaiting, live), typed);
  const [, flag = '', value] = /^(--[\w-]+)=(.*)$/.exec(typed) ?? [];
  if (value !== undefined) {
    const option = optionOf(line.command, flag);
    const values = option && takesValue(option) ? await valuesOf(option, live) : [];
    if (values === 'files') return 'files';
    return matching(
      values.map(({ text, ...rest }) => ({ text: `${flag}=${text}`, ...rest })),
      typed,
    );
  }
  if (typed.startsWith('-') && !line.literal) return matching(optionsOf(line.command), typed);
  const commands = line.arguments === 0 ? commandsOf(line.command) : [];
  if (commands.length > 0) return matching(commands, typed);
  const { registeredArguments } = line.command;
  const argument = registeredArguments[line.arguments] ?? registeredArguments.findLast(({ variadic }) => variadic);
  return argument === undefined ? [] : matching(await valuesOf(argument, live), typed);
}

interface ReadLine {
  readonly command: Command;
  /** How many arguments the command has already. */
  readonly arguments: number;
  /** The option whose value comes next. */
  readonly awaiting: Option | undefined;
  /** After `--` nothing is an option. */
  readonly literal: boolean;
  /** Values given, by the option's name. */
  readonly given: Readonly<Record<string, string>>;
}

/** Goes along the words as commander will. */
function readLine(program: Command, words: readonly string[]): ReadLine {
  let command = program;
  let count = 0;
  let awaiting: Option | undefined;
  let literal = false;
  const given: Record<string, string> = {};
  for (const word of words) {
    const [, flag = word, value] = /^(--[\w-]+)=(.*)$/.exec(word) ?? [];
    const option = literal ? undefined : optionOf(command, flag);
    const below = count === 0 && !literal ? command.commands.find((one) => one.name() === word) : undefined;
    if (awaiting) {
      given[awaiting.attributeName()] = word;
      awaiting = undefined;
    } else if (word === '--') literal = true;
    else if (option && value !== undefined) given[option.attributeName()] = value;
    else if (option) awaiting = takesValue(option) ? option : undefined;
    else if (below) command = below;
    else if (literal || !word.startsWith('-')) count++;
  }
  return { command, arguments: count, awaiting, literal, given };
}

function optionOf(command: Command, flag: string): Option | undefined {
  for (let at: Command | null = command; at; at = at.parent) {
    const option = at.options.find(({ long, short }) => long === flag || short === flag);
    if (option) return option;
  }
  return undefined;
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function optionsOf(command: Command): Candidate[] {
  const options: Candidate[] = [];
  for (let at: Command | null = command; at; at = at.parent) {
    for (const { long, description, hidden } of at.options) {
      // A program's own options are everybody's, but nobody asks for the version of a command.
      if (long && !hidden && (at === command || long !== '--version')) options.push({ text: long, about: description });
    }
  }
  return [...options, { text: '--help', about: 'what it does and takes' }];
}

function commandsOf(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((one) => ({ text: one.name(), about: one.description() }));
}

async function valuesOf(of: Option | Argument, live: (named: Named) => Promise<Candidate[]>): Promise<Completion> {
  if (of instanceof NameOption || of instanceof NameArgument) return live(of.named);
  if (of.argChoices) return of.argChoices.map((text) => ({ text }));
  const flags = 'flags' in of ? of.flags : of.name();
  return /<(file|dir)>|^(.*-)?file$/.test(flags) ? 'files' : [];
}

function matching(completion: Completion, typed: string): Completion {
  return completion === 'files' ? 'files' : completion.filter(({ text }) => text.startsWith(typed));
}

/** Quiet: whatever goes wrong, nothing is completed. */
async function liveNames(
  named: Named,
  typed: string,
  given: { readonly control?: string; readonly token?: string },
  env: Readonly<Record<string, string | undefined>>,
): Promise<Candidate[]> {
  try {
    const client = await ControlClient.connect(given, env, patienceMs);
    switch (named) {
      case 'environment':
        return (await client.get<EnvironmentAnswer[]>('/v1/environments')).map(({ name, listen }) => ({ text: name, about: listen ?? '' }));
      case 'server':
        return (await client.get<ServerAnswer[]>('/v1/servers')).map(({ id, state, environment }) => ({
          text: id,
          about: environment === null ? state : `${state} in ${environment}`,
        }));
      case 'project':
        return (await client.get<ProjectSummaryAnswer[]>('/v1/projects')).map(({ name, latest }) => ({
          text: name,
          about: `newest: ${latest}`,
        }));
      case 'revision':
        return (await client.get<ProjectSummaryAnswer[]>('/v1/projects')).flatMap(({ name, latest, revisions }) => [
          { text: name, about: `newest: ${latest}` },
          // Only who asks for one gets to see that there are many.
          ...(typed.startsWith(`${name}@`)
            ? revisions.map(({ revision, version }) => ({ text: `${name}@${revision}`, about: version })).reverse()
            : []),
        ]);
    }
  } catch {
    return [];
  }
}
