// node tls-connections.mjs PORT SECONDS new|resumed
// Opens TLS 1.3 connections, each for one request, some at a time, and tells how many there were and how long they took.
import tls from 'node:tls';

const [port, seconds, kind] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]];
const atOnce = 16;
const secureContext = tls.createSecureContext({ minVersion: 'TLSv1.3' });
const request = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
const durations = [];
const failures = [];
let measuring = false;
let ended = false;

/** Opens one connection. Resolves with the newest session of the server. */
function connection(session) {
  return new Promise((resolve) => {
    const begun = performance.now();
    let text = '';
    let newest = session;
    const resumes = kind === 'resumed' && session !== undefined;
    const options = {
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      secureContext,
      rejectUnauthorized: false,
      checkServerIdentity() {},
    };
    const socket = tls.connect({ ...options, ...(resumes && { session }) }, () => {
      if (resumes !== socket.isSessionReused()) failures.push(resumes ? 'a session was not resumed' : 'a session was resumed');
      socket.write(request);
    });
    socket.setNoDelay(true);
    socket.on('session', (given) => {
      newest = given;
    });
    socket.on('data', (piece) => {
      text += piece.latin1Slice();
    });
    socket.on('error', (error) => failures.push(error.message));
    socket.on('close', () => {
      if (!(text.startsWith('HTTP/1.1 200 ') && text.endsWith('ninety b"}'))) failures.push(`not the answer: ${text.slice(0, 100)}`);
      if (measuring) durations.push(performance.now() - begun);
      resolve(newest);
    });
  });
}

async function client(session) {
  let newest = session;
  while (!ended && failures.length === 0) newest = await connection(newest);
}

const first = await connection();
measuring = true;
const begun = performance.now();
setTimeout(() => {
  ended = true;
}, seconds * 1000);
await Promise.all(Array.from({ length: atOnce }, () => client(first)));
const microseconds = Math.round((performance.now() - begun) * 1000);
durations.sort((one, other) => one - other);
const p99 = Math.round((durations[Math.floor(durations.length * 0.99)] ?? 0) * 1000);
if (failures.length > 0) console.log(failures[0]);
else
  console.log(
    `bench ${durations.length} requests in ${microseconds} us, p99 ${p99} us, failed 0 connect 0 read 0 write 0 timeout 0 status`,
  );
