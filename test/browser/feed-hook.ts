import type { Page } from 'playwright-core';

/**
 * Lets a test act on the live feed of pages opened from now on: `window.hear(message)` delivers a message as the balancer would, and while
 * `window.deaf` is true the page hears nothing of the balancer, as behind a network that has stalled. Once a test has delivered traffic, the
 * balancer's own is not heard any more, so that it does not mix into the averages.
 */
export async function hookFeed(page: Page): Promise<void> {
  await page.addInitScript(`const Own = WebSocket; window.WebSocket = class extends Own {
    set onmessage(listener) {
      let ownTraffic = false;
      this.addEventListener('message', (event) => {
        if (!window.deaf && !(ownTraffic && JSON.parse(event.data).type === 'traffic')) listener(event);
      });
      window.hear = (data) => {
        ownTraffic ||= data.type === 'traffic';
        listener({ data: JSON.stringify(data) });
      };
    }
  }`);
}

/** Delivers a message of the live feed to the page. */
export async function hear(page: Page, message: object): Promise<void> {
  await page.evaluate(`window.hear(${JSON.stringify(message)})`);
}
