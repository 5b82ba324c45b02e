import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { controlTurns } from '../../model/turns.ts';

/** Elements that are written in one turn. */
const atOnce = 100;

/** Answers with a list as JSON, a piece in a turn: thousands of elements have megabytes, and traffic would wait for all of them. */
export function answerList<One>(reply: FastifyReply, list: readonly One[]): readonly One[] | FastifyReply {
  if (list.length <= atOnce) return list;
  return reply.type('application/json; charset=utf-8').send(Readable.from(pieces(list)));
}

async function* pieces(list: readonly unknown[]): AsyncGenerator<string> {
  for (let start = 0; start < list.length; start += atOnce) {
    if (start > 0) await controlTurns.next();
    const texts = list.slice(start, start + atOnce).map((one) => JSON.stringify(one));
    yield `${start === 0 ? '[' : ','}${texts.join(',')}`;
  }
  yield ']';
}
