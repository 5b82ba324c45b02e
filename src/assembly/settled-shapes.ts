import { PolicyRun } from '../gateway/policy-run.ts';
import { ClientConnection } from '../http1/connection/client-connection.ts';
import { ServerConnection } from '../http1/connection/server-connection.ts';
import { RequestHead } from '../http1/message/request-head.ts';
import { ResponseHead } from '../http1/message/response-head.ts';
import { LinkWire } from '../link/link-wire.ts';
import { Forwarding } from '../proxy/forwarding.ts';
import { Passage } from '../proxy/passage.ts';
import { PassageClient } from '../proxy/passage-client.ts';
import { ProxyExchange } from '../proxy/proxy-exchange.ts';
import { ResponseWriter } from '../proxy/response-writer.ts';

type Shaped = new (...given: never[]) => object;

/** Classes of which requests and connections make objects, and whose objects have many fields. */
export const shaped: readonly Shaped[] = [
  ...[ProxyExchange, ResponseWriter, Forwarding, PolicyRun, Passage, PassageClient],
  ...[ServerConnection, ClientConnection, LinkWire, RequestHead, ResponseHead],
];

/** V8 decides with the seventh object of a class. */
const enough = 8;

/**
 * Has V8 decide how much room the objects of these classes have for fields. It does so after the first seven, by the fields of those that it still knows of:
 * if it has collected garbage since the sixth, it knows of none, and the fields of all later objects go to a table, which makes a request half as dear again
 * for the life of the process. That happens to a process that gets few requests at first.
 */
export function settleShapes(): void {
  for (const type of shaped) for (let count = 0; count < enough; count++) makeFields(type);
}

/** Makes the fields of an object: a constructor that is given nothing may throw once it has made them. */
function makeFields(type: Shaped): void {
  try {
    new (type as new () => object)();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}
