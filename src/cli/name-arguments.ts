import { Argument, Option } from 'commander';
import { readName, readProject } from './argument-readers.ts';

/** The kind of object that a name on the command line refers to; completion asks the balancer for the names of that kind. */
export type Named = 'environment' | 'server' | 'project' | 'revision' | 'consumer' | 'product';

/** An argument that names an object known to the balancer. */
export class NameArgument extends Argument {
  readonly named: Named;

  constructor(flags: string, description: string, named: Named) {
    super(flags, description);
    this.named = named;
  }
}

/** An option that names an object known to the balancer. */
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
  return new NameArgument('<name>', "the environment's name", 'environment').argParser(readName);
}

/** @param what the word that the help shows */
export function consumerArgument(what: 'name' | 'consumer' = 'name'): Argument {
  return new NameArgument(`<${what}>`, "the consumer's name", 'consumer').argParser(readName);
}

/** @param what the word that the help shows */
export function productArgument(what: 'name' | 'product' = 'name'): Argument {
  return new NameArgument(`<${what}>`, "the product's name", 'product').argParser(readName);
}

export function projectArgument(): Argument {
  return new NameArgument('<project>', "the project's name", 'project').argParser(readName);
}

/** Read by {@link readProject}. @param what the word that the help shows */
export function revisionArgument(what: 'project' | 'name'): Argument {
  return new NameArgument(`<${what}[@revision]>`, 'for example petstore@3', 'revision').argParser(readProject);
}

export function environmentOption(description: string): Option {
  return new NameOption('-e, --environment <name>', description, 'environment').argParser(readName);
}

export function projectOption(description: string): Option {
  return new NameOption('-p, --project <name>', description, 'project').argParser(readName);
}
