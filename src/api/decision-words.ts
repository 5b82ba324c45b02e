import type { Explanation } from '../model/explanation.ts';

type Explained = Explanation['policies'][number];

/** The decision of a policy in words, where it does not answer the request. */
export const decisionWords: Readonly<Record<Explained['decision'], string>> = {
  passes: 'passes',
  answers: 'answers',
  'on-server': 'decided on the gateway server',
  'not-reached': 'not reached',
  settings: 'sets the way to the target',
  response: "acts on the target's response",
};

/** An answer in one line: `401 unauthorized: an API key is needed`. */
export function answerText({ status, code, title, location }: NonNullable<Explained['answer']>): string {
  const more = [code, title, location].filter((one) => one !== undefined);
  return more.length === 0 ? String(status) : `${status} ${more.join(': ')}`;
}
