import type { IncomingMessage } from 'node:http';
import * as z from 'zod';

const problem = z.object({ detail: z.string().max(1000), code: z.string() });
const maxBytes = 8 * 1024;

/** Reads the reason of an answer that refuses an upgrade; undefined if it is not one of Sluice's problem documents. Never rejects. */
export async function readRefusal(response: IncomingMessage): Promise<string | undefined> {
  if (!/^application\/problem\+json\b/.test(response.headers['content-type'] ?? '')) return undefined;
  try {
    let text = '';
    for await (const data of response.setEncoding('utf8')) {
      text += data;
      if (text.length > maxBytes) return undefined;
    }
    return problem.parse(JSON.parse(text)).detail;
  } catch {
    return undefined;
  }
}
