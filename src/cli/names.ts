import { Argument, Option } from 'commander';
import { readName, readProject } from './arguments.ts';

/** What a name on the command line names; completion asks the balancer for those there are. */
export type Named = 'environment' | 'server' | 'project' | 'revision';

/** An argument that names something of the balancer's. */
export class NameArgument extends Argument {
  readonly named: Named;

  constructor(flags: string, description: string, named: Named) {
    super(flags, description);
    this.named = named;
  }
}

/** An option that names something of the balancer's. */
export class NameOption extends Option {
  readonly named: Named;

  constructor(flags: string, description: string, named: Named) {
    super(flags, description);
    this.named = named;
  }
}

export function serverArgument(): Argument {
  return new NameArgument('<id>', "the server's id", 'server').argParser(readName);
}

export function environmentArgument(): Argument {
  return new NameArgument('<name>', 'its name', 'environment').argParser(readName);
}

export function projectArgument(): Argument {
  return new NameArgument('<project>', 'its name', 'project').argParser(readName);
}

/** Read as {@link readProject} does. @param what as it stands in the help */
export function revisionArgument(what: 'project' | 'name'): Argument {
  return new NameArgument(`<${what}[@revision]>`, 'for example petstore@3', 'revision').argParser(readProject);
}

export function environmentOption(description: string): Option {
  return new NameOption('-e, --environment <name>', description, 'environment').argParser(readName);
}
