import { test } from 'tap';
import { AcmeFailure, failureOf } from '../../src/acme/acme-failure.ts';
import { afterAnswer, afterFailure, afterIssue, dueOf, type NameState } from '../../src/acme/name-state.ts';
import { acmeSpec } from '../../src/model/acme.ts';

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
const directory = 'https://ca.example/dir';
const spec = acmeSpec.parse({ directory });
const middle = () => 0.5;
const pair = { directory, chain: 'chain', key: 'key', from: 0, until: 90 * day };

function issued(now = 0): NonNullable<NameState['issued']> {
  return afterIssue(pair, now, middle).issued as NonNullable<NameState['issued']>;
}

test('a name without a certificate is due at once; one with it is renewed when a third of its lifetime is left', async (t) => {
  t.strictSame(dueOf({}, spec), { step: 'issue', at: 0 });
  const state = afterIssue(pair, hour, middle);
  t.strictSame(dueOf(state, spec), { step: 'ask', at: hour }, 'the authority is asked first');
  const asked = { issued: afterAnswer(issued(hour), undefined, undefined, hour, middle) };
  t.strictSame(dueOf(asked, spec), { step: 'ask', at: 7 * hour });
  t.equal(asked.issued.renewAt, 60 * day);
  t.strictSame(dueOf({ issued: { ...asked.issued, askAt: 70 * day } }, spec), { step: 'issue', at: 60 * day });
  const dates = [0, 0.25, 0.5, 1].map((chance) => afterIssue(pair, 0, () => chance).issued?.renewAt);
  t.equal(new Set(dates).size, 4, 'names that were issued together are not renewed together');
  const other = { ...spec, directory: 'https://other.example/dir' };
  t.strictSame(dueOf(asked, other), { step: 'issue', at: 0 }, 'another authority makes a new certificate due');
});

test('the authority decides about the renewal', async (t) => {
  const window = { start: 10 * day, end: 12 * day };
  t.match(afterAnswer(issued(), window, undefined, hour, middle), { renewAt: 11 * day, askAt: 7 * hour });
  const drawn = afterAnswer(issued(), window, undefined, hour, () => 0.9);
  t.equal(afterAnswer(drawn, window, undefined, 2 * hour, middle).renewAt, drawn.renewAt, 'the date stays while the window does');
  const revoked = { start: -day, end: -day + hour };
  t.equal(afterAnswer(issued(), revoked, undefined, 5 * day, middle).renewAt, day, 'a window that has passed means now');
  t.strictSame(dueOf({ issued: afterAnswer(issued(), revoked, undefined, 5 * day, middle) }, spec), { step: 'issue', at: day });
  t.equal(afterAnswer(issued(), { start: 80 * day, end: 100 * day }, 0, 0, () => 1).renewAt, 88.2 * day, 'always before the end');
  for (const useless of [
    { start: 12 * day, end: 10 * day },
    { start: 91 * day, end: 92 * day },
  ])
    t.equal(afterAnswer(issued(), useless, undefined, 0, middle).renewAt, 60 * day, 'a window that makes no sense is passed over');
  t.match(
    [0, 30 * minute, 10 * day].map((askAt) => afterAnswer(issued(), window, askAt, 0, middle).askAt),
    [minute, 30 * minute, day],
  );
});

test('failures back off, keep to what the authority asks for, and leave the certificate alone', async (t) => {
  let state: NameState = { issued: issued() };
  let now = 0;
  const waits = Array.from({ length: 7 }, () => {
    state = afterFailure(state, new AcmeFailure('away'), spec, now, middle);
    const wait = dueOf({ failure: state.failure as NonNullable<NameState['failure']> }, spec).at - now;
    now += wait;
    return wait / minute;
  });
  t.strictSame(waits, [1, 3, 9, 27, 60, 60, 60]);
  t.match(state, { issued: { chain: 'chain' }, failure: { attempts: 7, reason: 'away' } });
  t.strictSame(afterIssue(pair, now, middle).failure, undefined);
  const changed = { ...spec, email: 'ops@example.com' };
  t.equal(dueOf({ failure: state.failure as NonNullable<NameState['failure']> }, changed).at, 0, 'corrected settings are tried at once');
  t.equal(afterFailure(state, new AcmeFailure('away'), changed, now, middle).failure?.attempts, 1);
  const brief = afterIssue({ ...pair, until: 10 * minute }, 0, middle);
  t.equal(
    afterFailure(brief, new AcmeFailure('away'), spec, 0, middle).failure?.retryAt,
    minute / 2,
    'a certificate that lives for minutes outlives a failure',
  );

  const limited = failureOf({ type: 'urn:ietf:params:acme:error:rateLimited', detail: 'too many\u001b[31m\nnew orders' }, 'it', {
    retryAt: 5 * hour,
  });
  t.match(limited, {
    general: true,
    type: 'rateLimited',
    message: /^the authority refused it \(rateLimited\): too many \[31m new orders\. What/,
  });
  const retryAt = afterFailure({}, limited, spec, 0, middle).failure?.retryAt ?? 0;
  t.ok(retryAt > 5 * hour && retryAt < 5 * hour + minute, 'after the date that the authority named');
  const never = failureOf({}, 'it', { retryAt: 1e15 });
  t.ok((afterFailure({}, never, spec, 0, middle).failure?.retryAt ?? 0) < 8 * day, 'an authority cannot end it for ever');
  t.ok(new Set([0, 0.5, 1].map((chance) => afterFailure({}, limited, spec, 0, () => chance).failure?.retryAt)).size === 3);
});
