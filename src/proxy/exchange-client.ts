import type { ServerConnection } from '../http1/connection/server-connection.ts';
import type { ResponseMessages } from './response-messages.ts';

/** The client of an exchange, as exchanges see its connection. */
export interface ExchangeClient
  extends Pick<
    ServerConnection,
    | 'wire'
    | 'peer'
    | 'announced'
    | 'secured'
    | 'proof'
    | 'bodyComplete'
    | 'bodyNearEnd'
    | 'trailers'
    | 'pause'
    | 'resume'
    | 'awaitDrain'
    | 'finish'
    | 'destroy'
    | 'release'
  > {
  /** Takes the response; undefined: it is written to `wire` as HTTP/1.1 text. */
  readonly messages?: ResponseMessages;
}
