import { type ChildProcess, spawn } from 'node:child_process';
import { type DocumentKind, type DocumentReader, documents, type ReadDocument, readChecked } from '../control/documents.ts';
import { type ErrorCode, type Fault, SluiceError } from '../model/fault.ts';
import { parsePieces } from '../model/parse-pieces.ts';
import { inTurns, type Pieces } from '../model/pieces.ts';
import { type CheckedFacts, CheckedProject } from '../projects/checked-project.ts';
import type { Variables } from '../projects/variables.ts';
import { type DeployableRevision, examineRevision, type RevisionExaminer } from '../registry/rules/deployable-revisions.ts';
import { childEnvironment } from './child-environment.ts';
import { giveWay } from './give-way.ts';
import { ownProgram } from './own-program.ts';
import { startedAs } from './started-as.ts';

/** Milliseconds without a document after which the process is ended. To start it takes some milliseconds of this process. */
const idleMs = 300_000;
/** Has V8 use one thread: those that collect garbage would occupy several processors at once, and traffic would have to wait for one. */
const oneThread = '--single-threaded';
/** Attempts at a document whose process ends. */
const mostAttempts = 2;

/** A document to read, or the text of a revision to examine for an environment. */
type Question = { readonly kind: DocumentKind; readonly octets: Uint8Array } | { readonly revision: string; readonly variables: Variables };

interface Waiting {
  readonly question: Question;
  readonly by: ChildProcess;
  readonly attempts: number;
  resolve(answer: Answer): void;
  reject(error: SluiceError): void;
}

type Answer =
  | { readonly json: { readonly given: string; readonly value: string } }
  | { readonly project: CheckedFacts }
  | { readonly deployable: DeployableRevision };

interface Refused {
  readonly refused: { readonly code: ErrorCode; readonly message: string; readonly faults: readonly Fault[] };
}

interface Numbered<Message> {
  readonly number: number;
  readonly message: Message;
}

/**
 * Reads large documents in a process of its own, so that traffic does not wait meanwhile: half a megabyte of YAML takes half a second. The
 * process is started for the first one, and ended when none came for a while.
 */
export class DocumentProcess {
  #process: ChildProcess | undefined;
  #idle: NodeJS.Timeout | undefined;
  #number = 0;
  #closed = false;
  readonly #waiting = new Map<number, Waiting>();

  readonly read: DocumentReader = async (octets, kind) => {
    const answer = await this.#ask({ kind, octets });
    if ('project' in answer) return { given: undefined, value: new CheckedProject(answer.project) };
    if ('json' in answer) return parsedInTurns(answer.json);
    throw unsuitable(kind);
  };

  readonly examine: RevisionExaminer = async (revision, variables) => {
    const answer = await this.#ask({ revision, variables });
    if ('deployable' in answer) return answer.deployable;
    throw unsuitable('revision');
  };

  /** Ends the process. Documents that are still being read are refused. */
  close(): void {
    this.#closed = true;
    this.#end();
  }

  #end(): void {
    clearTimeout(this.#idle);
    this.#process?.kill('SIGKILL');
    this.#process = undefined;
  }

  #ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => this.#send({ question, attempts: 0, resolve, reject }));
  }

  #send(waiting: Omit<Waiting, 'by'>): void {
    clearTimeout(this.#idle);
    this.#process ??= this.#start();
    const number = this.#number++;
    this.#waiting.set(number, { ...waiting, attempts: waiting.attempts + 1, by: this.#process });
    this.#process.send({ number, message: waiting.question } satisfies Numbered<Question>);
  }

  #start(): ChildProcess {
    const { file, args } = ownProgram([startedAs.documentReader], [oneThread]);
    // In the session of this process: Linux shares time among sessions first (autogroups), and then priorities count only within one.
    const started = spawn(file, args, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'advanced',
      env: childEnvironment(),
    });
    // At once, since its start takes a fifth of a second of a processor. Threads that it starts meanwhile are its own concern.
    if (started.pid !== undefined) giveWay(started.pid);
    started.on('message', (answer: Numbered<Answer | Refused>) => this.#take(answer));
    // If it could not be started, or a message did not reach it, 'close' follows.
    started.on('error', () => started.kill('SIGKILL'));
    started.once('close', () => {
      if (this.#process === started) this.#process = undefined;
      for (const [number, waiting] of this.#waiting) {
        if (waiting.by !== started) continue;
        this.#waiting.delete(number);
        // Another document, or a user, may have ended it. A document that ends it twice is not sent a third time.
        if (waiting.attempts < mostAttempts && !this.#closed) this.#send(waiting);
        else
          waiting.reject(
            new SluiceError('unavailable', 'the process that reads large documents ended before it had read this one: send it again'),
          );
      }
    });
    return started;
  }

  #take({ number, message }: Numbered<Answer | Refused>): void {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (this.#waiting.size === 0) this.#idle = setTimeout(() => this.#end(), idleMs).unref();
    if ('refused' in message) waiting?.reject(new SluiceError(message.refused.code, message.refused.message, message.refused));
    else waiting?.resolve(message);
  }
}

/** Reads documents for the process that started this one, until that ends. */
export function runDocumentReader(): void {
  giveWay(process.pid);
  process.on('message', ({ number, message }: Numbered<Question>) =>
    process.send?.({ number, message: answerTo(message) } satisfies Numbered<Answer | Refused>),
  );
  process.once('disconnect', () => process.exit(0));
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
}

function answerTo(question: Question): Answer | Refused {
  try {
    if ('revision' in question) return { deployable: examineRevision(question.revision, question.variables) };
    const read = readChecked(question.octets, documents[question.kind]);
    return read.value instanceof CheckedProject
      ? { project: read.value.facts }
      : { json: { given: textOf(read.given), value: textOf(read.value) } };
  } catch (error) {
    const { code, message, faults } = error instanceof SluiceError ? error : new SluiceError('internal', (error as Error).message);
    return { refused: { code, message, faults } };
  }
}

function unsuitable(question: string): SluiceError {
  return new SluiceError('internal', `the process that reads large documents gave the answer to another question than about a ${question}`);
}

/** JSON of a document, which may also be nothing. */
function textOf(value: unknown): string {
  return JSON.stringify(value) ?? '';
}

/** JSON is parsed in a fraction of the time that the structured copy of a message takes. */
async function parsedInTurns({ given, value }: { readonly given: string; readonly value: string }): Promise<ReadDocument> {
  return { given: await inTurns(parsed(given)), value: await inTurns(parsed(value)) };
}

function* parsed(text: string): Pieces<unknown> {
  return text === '' ? undefined : yield* parsePieces(text);
}
