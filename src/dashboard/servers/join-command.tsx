import type { JoinTokenAnswer } from '../../api/answers.ts';
import { ApiError, call } from '../state/api.ts';
import { Command } from '../widgets/command.tsx';

/** Names of this machine, which a server on the same machine can use as they are. */
const ownNames = ['127.0.0.1', 'localhost', '[::1]'];

/** The command that starts a gateway server which joins this balancer. Its copy has the join token, so that it works in any folder. */
export function JoinCommand({ environment }: { environment?: string }) {
  const text = `sluice gateway --join ${location.origin}${environment === undefined ? '' : ` --environment ${environment}`}`;
  const complete = async () => {
    try {
      const { token } = await call<JoinTokenAnswer>('GET', '/v1/join-token');
      return `SLUICE_JOIN_TOKEN=${quoted(token)} ${text}`;
    } catch (error) {
      // The command without a token works where the server finds one: in the balancer's folder, or in its environment variables.
      if (!(error instanceof ApiError)) throw error;
      return text;
    }
  };
  return (
    <>
      <Command text={text} complete={complete} />
      {!ownNames.includes(location.hostname) && (
        <p class="muted small">
          On another machine, add <code>--listen HOST:PORT</code> with an address that the balancer can reach.
        </p>
      )}
    </>
  );
}

/** A word for a shell. */
function quoted(word: string): string {
  return /^[\w./:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
