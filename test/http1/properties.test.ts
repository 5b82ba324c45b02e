import t from 'tap';
import fc from '../tools/fast-check.ts';
import { chunkedBody, mutate, mutation, request, response, runs } from './message-generators.ts';
import { meaning, readChunked, readRequest, readResponse, responseMeaning, surroundings } from './reading.ts';

const changes = fc.array(mutation, { minLength: 1, maxLength: 3 });
const around = fc.constantFrom(...surroundings);

t.test('a valid request head: every shorter beginning is incomplete, and octets after it change nothing', async () => {
  fc.assert(
    fc.property(request, fc.string(), around, ({ head }, rest, around) => {
      const whole = readRequest(head);
      if (whole.consumed !== head.length) throw new Error(`consumed ${whole.consumed} of ${head.length}: ${whole.code}`);
      for (let end = 0; end < head.length; end++) {
        const part = readRequest(head.slice(0, end), {}, around);
        if (part.consumed !== 0) throw new Error(`at ${end}: ${part.consumed} ${part.code}`);
      }
      const followed = readRequest(head + rest, {}, around);
      if (followed.consumed !== head.length) throw new Error('consumed what follows');
      same(meaning(followed.head), meaning(whole.head));
    }),
    runs(150),
  );
});

t.test('a valid response head: every shorter beginning is incomplete, and octets after it change nothing', async () => {
  fc.assert(
    fc.property(response, fc.string(), around, ({ head }, rest, around) => {
      const whole = readResponse(head);
      if (whole.consumed !== head.length) throw new Error(`consumed ${whole.consumed} of ${head.length}: ${whole.code}`);
      for (let end = 0; end < head.length; end++) {
        const part = readResponse(head.slice(0, end), {}, around);
        if (part.consumed !== 0) throw new Error(`at ${end}: ${part.consumed} ${part.code}`);
      }
      const followed = readResponse(head + rest, {}, around);
      if (followed.consumed !== head.length) throw new Error('consumed what follows');
      same(responseMeaning(followed.head), responseMeaning(whole.head));
    }),
    runs(150),
  );
});

t.test('a chunked body reads the same in any pieces, and octets after it are not consumed', async () => {
  fc.assert(
    fc.property(chunkedBody, fc.array(fc.nat(400)), fc.string({ maxLength: 5 }), ({ body, text }, cuts, rest) => {
      const answer = readChunked(text + rest, cuts);
      same([answer.body, answer.consumed, answer.done, answer.code], [body, text.length, true, undefined]);
    }),
    runs(500),
  );
});

t.test('a damaged head always gets the same result, whatever octets surround it', async () => {
  fc.assert(
    fc.property(fc.oneof(request, response), changes, around, around, (sample, changes, one, other) => {
      const damaged = mutate(sample.head, changes);
      for (const read of [readRequest, readResponse] as const) {
        const first = read(damaged, {}, one);
        const second = read(damaged, {}, other);
        same([second.consumed, second.code], [first.consumed, first.code]);
        if (first.consumed < -1 || first.consumed > damaged.length) throw new Error(`consumed ${first.consumed}`);
        if (first.consumed < 0 && first.code === undefined) throw new Error('no fault');
        if (first.consumed <= 0) continue;
        for (let line = 0; line < first.head.fields.count; line++) {
          const { fields } = first.head;
          const order = [
            0,
            fields.start(line),
            fields.nameEnd(line),
            fields.valueStart(line),
            fields.valueEnd(line),
            fields.start(line + 1),
            first.consumed,
          ];
          if (order.some((position, index) => index > 0 && position < (order[index - 1] as number))) throw new Error(`positions ${order}`);
        }
      }
    }),
    runs(1500),
  );
});

t.test('a damaged chunked body gets the same result in any pieces', async () => {
  fc.assert(
    fc.property(chunkedBody, changes, fc.array(fc.nat(400)), ({ text }, changes, cuts) => {
      const damaged = mutate(text, changes);
      const whole = readChunked(damaged);
      const pieces = readChunked(damaged, cuts);
      // A fault in a trailer line that has not ended may be found only when it ends.
      same([pieces.body, pieces.done], [whole.body, whole.done]);
      same(pieces.code ?? whole.code, whole.code);
      if (whole.done) same(pieces.consumed, whole.consumed);
    }),
    runs(1500),
  );
});

function same(found: unknown, wanted: unknown): void {
  const [foundText, wantedText] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (foundText !== wantedText) throw new Error(`found ${foundText}, wanted ${wantedText}`);
}
