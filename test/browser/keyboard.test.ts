import type { Page } from 'playwright-core';
import { test } from 'tap';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { Load } from '../tools/load.ts';
import { adminToken, serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';
import { startBrowser } from './browser.ts';

/** The name that a screen reader gives to the focused element. */
async function focused(page: Page): Promise<string> {
  return String(
    await page.evaluate(
      "(() => { const at = document.activeElement; return at.getAttribute('aria-label') ?? (at.labels?.[0] ?? at).textContent.trim() })()",
    ),
  );
}

/** Presses Tab until an element with a matching name has the focus, at most 60 times. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab');
    seen.push(await focused(page));
    if (name.test(seen.at(-1) ?? '')) return;
  }
  throw new Error(`${name} cannot be reached by Tab: ${seen.join(' · ')}`);
}

/** Resolves when the page has shown `count` different traffic figures, that is, after as many messages. */
async function figures(page: Page, count: number): Promise<void> {
  const figure = page.locator('.view-head .muted');
  const seen = new Set<string | null>();
  await eventually(
    async () => seen.add(await figure.textContent()),
    ({ size }) => size >= count,
  );
}

test('by keyboard alone: sign in, find the busiest environment, add a server, drain and remove it', async (t) => {
  const balancer = await startBalancer(t, {}, { development: { ...testEnvironment, hosts: ['development.test'] } });
  const target = await startTarget(t);
  await startGateway(t, 'prod-1', balancer.control);
  await deployEcho(balancer, target.url);
  await serving(balancer, ['prod-1']);
  const { page, complaints } = await startBrowser(t);
  await page.goto(balancer.control);
  await page.getByLabel('Admin token').waitFor();
  t.equal(await focused(page), 'Admin token', 'the token field has the focus');
  await page.keyboard.type(adminToken);
  await page.keyboard.press('Enter');
  const production = page.getByRole('region', { name: 'Environment production' });
  const load = new Load(balancer.address, '/echo/', { clients: 3, restMs: 10 });
  t.teardown(() => load.stop());
  await production.getByText('Busiest').waitFor();
  await page.keyboard.press('Tab');
  t.equal(await focused(page), 'Skip to content', 'the first element reached by Tab');
  await page.keyboard.press('Enter');
  t.equal(await page.evaluate('document.activeElement.id'), 'main');

  await startGateway(t, 'spare-1', balancer.control, []);
  await page.getByRole('region', { name: 'Available servers' }).locator('[data-server=spare-1]').waitFor();
  await tabTo(page, /^Add to an environment: spare-1$/);
  await page.keyboard.press('Enter');
  await tabTo(page, /^production/);
  await page.keyboard.press('Enter');
  const row = production.locator('[data-server=spare-1]');
  await row.getByText('Ready').waitFor();
  await load.until((tally) => tally.by.has('spare-1'));

  await tabTo(page, /^Actions for spare-1$/);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  t.equal(await focused(page), 'Actions for spare-1', 'Escape returns the focus to the button');
  await page.keyboard.press('Enter');
  await tabTo(page, /^Weight$/);
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type('3');
  await figures(page, 3);
  t.equal(await page.getByRole('spinbutton', { name: 'Weight' }).inputValue(), '3', 'updates of the page do not overwrite the input');
  await page.keyboard.press('Enter');
  await row.getByText('weight 3').waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  t.match(await focused(page), /^Drain/);
  await page.keyboard.press('Enter');
  await row.getByText('nothing in flight, gets no new requests').waitFor();
  t.equal(await focused(page), 'Actions for spare-1');
  await page.keyboard.press('Enter');
  await tabTo(page, /^Remove/);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Remove spare-1 from production?' }).waitFor();
  t.equal(await focused(page), 'Cancel', 'a key pressed in haste cancels');
  for (let presses = 0; presses < 5; presses++) {
    await page.keyboard.press('Tab');
    t.ok(
      await page.evaluate('document.activeElement === document.body || document.activeElement.closest("dialog") !== null'),
      'the focus stays in the dialog',
    );
  }
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  t.equal(await focused(page), 'Actions for spare-1', 'and returns to where it was before');
  await page.keyboard.press('Enter');
  await tabTo(page, /^Remove/);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Remove spare-1 from production?' }).waitFor();
  await tabTo(page, /^Remove spare-1$/);
  await page.keyboard.press('Enter');
  await page.getByRole('region', { name: 'Available servers' }).locator('[data-server=spare-1]').waitFor();
  t.same((await load.stop()).wrong, []);
  t.same(
    complaints.filter((text) => !text.includes('401')),
    [],
  );
});

test('reduced motion is respected, and screen readers do not announce figures that change each second', async (t) => {
  const balancer = await startBalancer(t);
  const target = await startTarget(t);
  await startGateway(t, 'prod-1', balancer.control);
  await deployEcho(balancer, target.url);
  await serving(balancer, ['prod-1']);
  const { page } = await startBrowser(t);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByText('Ready', { exact: true }).waitFor();
  const moving = 'document.getAnimations({ subtree: true }).length';
  const slow = `[...document.querySelectorAll('*')].filter((one) => parseFloat(getComputedStyle(one).transitionDuration) > 0).length`;
  t.same([await page.evaluate(moving), await page.evaluate(slow)], [0, 0], 'reduced motion');
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  t.ok(((await page.evaluate(slow)) as number) > 0, 'transitions run without that preference');

  await page.evaluate(`window.readOut = []; new MutationObserver((all) => {
    for (const { target } of all) {
      const region = (target.nodeType === 1 ? target : target.parentElement)?.closest('[aria-live], [role=status], [role=alert]');
      if (region) window.readOut.push(region.textContent);
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true })`);
  const load = new Load(balancer.address, '/echo/', { clients: 2, restMs: 10 });
  t.teardown(() => load.stop());
  await page.locator('.share-figures b', { hasText: '100%' }).waitFor();
  await figures(page, 4);
  t.same(await page.evaluate('window.readOut'), [], 'figures that change each second are not announced');
  await load.stop();
});
