import { Command, type Option } from 'commander';
import { nearest } from '../config/nearest.ts';

/** Words that an abbreviation must have at least to be recognised, in letters. */
const shortestAbbreviation = 3;
/** Commands that a message names at most. */
const mostNamed = 3;

/**
 * A command that refuses wrong usage with a message about the word that is wrong: commander itself reports a missing mandatory option before an
 * unknown one, and takes the next option for the value that an option lacks. `unknownOption` and `unknownCommand` replace commander's own.
 */
export class ExactCommand extends Command {
  override createCommand(name?: string): ExactCommand {
    return new ExactCommand(name);
  }

  override parseOptions(argv: string[]): ReturnType<Command['parseOptions']> {
    const isLeaf = this.commands.length === 0;
    if (isLeaf) this.#mustHaveValues(argv);
    const parsed = super.parseOptions(argv);
    const [wrong] = parsed.unknown;
    if (isLeaf && wrong !== undefined && !parsed.unknown.some((word) => word === '--help' || word === '-h')) this.unknownOption(wrong);
    return parsed;
  }

  unknownOption(word: string): never {
    // Without a value that is attached to the option: it may be a secret.
    const flag = word.replace(/=.*$/s, '');
    const below = leavesBelow(this).find((command) => command.options.some(isCalled(flag)));
    if (below) this.#refuse(`option '${flag}' comes after the command, as in "${pathOf(below)} ${flag}"`);
    const known = this.commands.length === 0 ? this.#knownOptions() : leavesBelow(this).flatMap(({ options }) => options);
    const names = [...new Set(known.flatMap(({ long }) => (long ? [long] : [])))];
    const meant = optionsMeant(flag, names);
    if (meant.length > 0) this.#refuse(`unknown option '${flag}'; did you mean ${meant.join(' or ')}?`);
    const elsewhere = leavesBelow(root(this)).filter((command) => command.options.some(isCalled(flag)));
    const takers = elsewhere.length <= mostNamed ? elsewhere.map((command) => `"${pathOf(command)}"`) : [];
    const takes = takers.length === 0 ? '' : `; ${takers.join(', ')} ${takers.length === 1 ? 'takes' : 'take'} it`;
    return this.#refuse(`unknown option '${flag}'${takes}`);
  }

  unknownCommand(): never {
    const [word = ''] = this.args;
    const own = this.commands.map((one) => one.name());
    const near = own.find((name) => isAbbreviation(name, word) || isAbbreviation(word, name)) ?? nearest(word, own);
    const meant = this.commands.find((one) => one.name() === near) ?? (this.parent ? undefined : leavesBelow(this).find(isNamed(word)));
    if (meant) this.#refuse(`unknown command '${word}'; did you mean "${pathOf(meant)}"?`);
    return this.#refuse(`unknown command '${word}'; "${pathOf(this)}" has ${own.join(', ')}`);
  }

  /** Refuses an option without its value, an option with a value that it does not take, and a long option written with one dash. */
  #mustHaveValues(argv: readonly string[]): void {
    const options = this.#knownOptions();
    const find = (word: string) => options.find(isCalled(word));
    for (let index = 0; index < argv.length; index++) {
      const word = argv[index] ?? '';
      if (word === '--') return;
      const [, flag = word, attached] = /^(--[^=]+)=(.*)$/s.exec(word) ?? [];
      const option = find(flag);
      if (option === undefined) this.#mustNotBeLong(word, options);
      else if (option.required) {
        const value = attached ?? argv[++index];
        const next = (value ?? '').replace(/=.*$/s, '');
        if (next === '' || next === '--help' || (attached === undefined && find(next)))
          this.#refuse(`option '${option.flags}' argument missing`);
      } else if (attached !== undefined) this.#refuse(`option '${flag}' takes no value`);
    }
  }

  /** Refuses `-environment` or `-env`, which otherwise is `-e` with the value `nvironment` or `nv`. */
  #mustNotBeLong(word: string, options: readonly Option[]): void {
    const name = /^-([a-z][a-z-]+)/.exec(word)?.[1];
    if (name === undefined) return;
    const long = options.find((option) => option.long === `--${name}` || isAbbreviation(name, option.long?.slice(2) ?? ''));
    if (long) this.#refuse(`unknown option '-${name}'; did you mean ${long.long}?`);
  }

  /** The options of this command and of the commands above it. */
  #knownOptions(): Option[] {
    const { parent } = this;
    const above = parent instanceof ExactCommand ? parent.#knownOptions() : [];
    return [...this.options, ...(this.parent ? above.filter(({ long }) => long !== '--version') : [])];
  }

  #refuse(message: string): never {
    return this.error(`error: ${message}`, { exitCode: 2 });
  }
}

/** The options that were probably meant by `flag`. */
function optionsMeant(flag: string, known: readonly string[]): string[] {
  const name = flag.replace(/^-+/, '');
  const exact = known.filter((long) => long.toLowerCase() === `--${name.toLowerCase().replaceAll('_', '-')}`);
  if (exact.length > 0) return exact;
  const abbreviated = known.filter(
    (long) => isAbbreviation(name, long.slice(2)) || (name.length >= shortestAbbreviation && long.split('-').includes(name)),
  );
  if (abbreviated.length > 0) return abbreviated.slice(0, mostNamed);
  const near = flag.startsWith('--') || name.length > 1 ? nearest(name, known) : undefined;
  return near === undefined ? [] : [near];
}

function isAbbreviation(short: string, long: string): boolean {
  return short.length >= shortestAbbreviation && long.startsWith(short);
}

function isCalled(flag: string): (option: Option) => boolean {
  return ({ long, short }) => long === flag || short === flag;
}

function isNamed(name: string): (command: Command) => boolean {
  return (command) => command.name() === name;
}

/** The commands below `command` that do something, at any depth. */
function leavesBelow(command: Command): Command[] {
  return command.commands.flatMap((one) => (one.commands.length === 0 ? [one] : leavesBelow(one)));
}

function root(command: Command): Command {
  return command.parent ? root(command.parent) : command;
}

/** The words that call a command, for example `sluice server add`. */
function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}
