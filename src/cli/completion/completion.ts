import type { Argument, Command, Option } from 'commander';
import type { EnvironmentAnswer, ProjectSummaryAnswer, ServerAnswer } from '../../api/answers.ts';
import type { ConsumerAnswer, ProductAnswer } from '../../api/caller-answers.ts';
import { ControlClient } from '../client/control-client.ts';
import { NameArgument, type Named, NameOption } from '../name-arguments.ts';

/** A possible word at the cursor, with a short description. */
export interface CompletionItem {
  readonly text: string;
  readonly about?: string;
}

/** The possible words at the cursor; `files`: any file name, which the shell completes by itself. */
export type Completion = readonly CompletionItem[] | 'files';

/** Limit for the balancer's answer, in milliseconds: the user has pressed a key and waits. */
const timeoutMs = 1500;

/**
 * Completes a command line. `words` are the words before the cursor without the program's name; the last one may be unfinished or empty.
 * Names of environments, servers and projects come from the balancer given on that line, or else by the environment variables `env`.
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
  /** Number of arguments that the command has already. */
  readonly arguments: number;
  /** The option whose value is the next word. */
  readonly awaiting: Option | undefined;
  /** The line contains `--`: no later word is an option. */
  readonly literal: boolean;
  /** Option values on the line, by the option's name. */
  readonly given: Readonly<Record<string, string>>;
}

/** Reads the words as commander would. */
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

function optionsOf(command: Command): CompletionItem[] {
  const options: CompletionItem[] = [];
  for (let at: Command | null = command; at; at = at.parent) {
    for (const { long, description, hidden } of at.options) {
      // The program's own options work with every command, except --version.
      if (long && !hidden && (at === command || long !== '--version')) options.push({ text: long, about: description });
    }
  }
  return [...options, { text: '--help', about: 'show what the command does, its arguments and options' }];
}

function commandsOf(command: Command): CompletionItem[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((one) => ({ text: one.name(), about: one.description() }));
}

async function valuesOf(of: Option | Argument, live: (named: Named) => Promise<CompletionItem[]>): Promise<Completion> {
  if (of instanceof NameOption || of instanceof NameArgument) return live(of.named);
  if (of.argChoices) return of.argChoices.map((text) => ({ text }));
  const flags = 'flags' in of ? of.flags : of.name();
  return /<(file|dir)>|^(.*-)?file$/.test(flags) ? 'files' : [];
}

function matching(completion: Completion, typed: string): Completion {
  return completion === 'files' ? 'files' : completion.filter(({ text }) => text.startsWith(typed));
}

/** Names known to the balancer. Empty if the balancer cannot be asked: a message in the middle of a prompt would not help. */
async function liveNames(
  named: Named,
  typed: string,
  given: { readonly control?: string; readonly token?: string },
  env: Readonly<Record<string, string | undefined>>,
): Promise<CompletionItem[]> {
  try {
    const client = await ControlClient.connect(given, env, timeoutMs);
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
      case 'consumer':
        return (await client.get<ConsumerAnswer[]>('/v1/consumers')).map(({ name, keys }) => ({
          text: name,
          about: `${keys.length} keys`,
        }));
      case 'product':
        return (await client.get<ProductAnswer[]>('/v1/products')).map(({ name, projects }) => ({
          text: name,
          about: projects.join(', '),
        }));
      case 'revision':
        return (await client.get<ProjectSummaryAnswer[]>('/v1/projects')).flatMap(({ name, latest, revisions }) => [
          { text: name, about: `newest: ${latest}` },
          // Revisions are many: they are listed only after `NAME@`.
          ...(typed.startsWith(`${name}@`)
            ? revisions.map(({ revision, version }) => ({ text: `${name}@${revision}`, about: version })).reverse()
            : []),
        ]);
    }
  } catch {
    return [];
  }
}
