import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, bench } from './bench.ts';
import {
  approveByKeyboard,
  approveByMouse,
  axe,
  browserPath,
  openBrowser,
  openThread,
  openWindow,
  overflow,
  proposalState,
  type Size,
  signIn,
  type Theme,
  type,
  type Window,
} from './drive.ts';
import { HOSTILE } from './story.ts';

const path = browserPath();
if (!path) console.warn('The console is not tested in a browser: no chromium is installed.');
/** Its own build: another one of the same clone must not change it meanwhile. */
const WEB = 'test-results/web';
const LOOKS = [
  ['desk', 'light'],
  ['desk', 'dark'],
  ['phone', 'light'],
  ['phone', 'dark'],
] as const satisfies readonly (readonly [Size, Theme])[];

describe.skipIf(!path)('the console in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    execFileSync('npx', ['vite', 'build', '--logLevel', 'warn', '--outDir', resolve(WEB)]);
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  async function visit(
    size: Size,
    theme: Theme,
    run: (window: Window, one: Bench) => Promise<void>,
  ): Promise<void> {
    const one = await bench({}, WEB);
    const window = await openWindow(browser, one.url, size, theme);
    try {
      await signIn(window.page, await one.link('ada'));
      await run(window, one);
      expect(window.foreign).toEqual([]);
    } finally {
      await window.close();
      await one.close();
    }
  }

  describe.each(LOOKS)('%s, %s', (size, theme) => {
    it('follows the story and approves by mouse', () =>
      visit(size, theme, async ({ page, complaints }, one) => {
        one.desk.open();
        await openThread(page, '12');
        await approveByMouse(page, '12-A');
        await proposalState(page, '12-A', 'approved');
        expect(one.desk.presses).toEqual([{ what: 'approve 12-A', by: 'ada', allowed: true }]);
        for (const index of [0, 1, 2]) one.desk.step('12-A', index, 'applied');
        await proposalState(page, '12-A', 'running');
        await page.locator('[id="proposal-12-A"] .steps .applied >> nth=2').waitFor();
        one.desk.keep('12-A');
        await proposalState(page, '12-A', 'kept');
        await page.getByText('210 ms', { exact: true }).waitFor();
        one.desk.resolve();
        await page.locator('[data-thread="12"] .since').getByText('RESOLVED').waitFor();
        expect(await overflow(page)).toBe(0);
        expect(complaints).toEqual([]);
      }));

    it('approves by keyboard only, a risky one with its number', () =>
      visit(size, theme, async ({ page }, one) => {
        one.desk.open();
        await page.locator('[data-message][data-incident="12"]').waitFor({ state: 'attached' });
        await approveByKeyboard(page, '12');
        await proposalState(page, '12-A', 'approved');
        await approveByKeyboard(page, '12');
        await proposalState(page, '12-B', 'approved');
        expect(one.desk.presses.map((press) => press.what)).toEqual(['approve 12-A', 'approve 12-B']);
      }));

    it('has nothing that axe finds', () =>
      visit(size, theme, async ({ page }, one) => {
        expect(await axe(page)).toEqual([]);
        one.desk.open();
        await openThread(page, '12');
        await page.locator('[data-plan="12-B"]').click();
        expect(await axe(page)).toEqual([]);
        for (const place of ['/service/app', '/set-up', '/wall', '/incident/11']) {
          await page.goto(one.url + place);
          await page.locator('.thread, .wall').first().waitFor();
          expect(await axe(page)).toEqual([]);
          expect(await overflow(page)).toBe(0);
        }
      }));
  });

  it('the plan is shown before anything can be approved', () =>
    visit('desk', 'light', async ({ page }, one) => {
      one.desk.open();
      const approve = page.locator('[data-approve="12-A"]');
      expect(await approve.getAttribute('aria-disabled')).toBe('true');
      await approve.click({ force: true });
      expect(one.desk.presses).toEqual([]);
      await page.getByText('unset req.http.Cookie; return (hash)').waitFor();
      expect(await approve.getAttribute('aria-disabled')).toBe('false');
      // High risk: the number first.
      await page.locator('[data-plan="12-B"]').click();
      const risky = page.locator('[data-approve="12-B"]');
      await page.locator('[id="proposal-12-B"] .confirm input').fill('11');
      await risky.click({ force: true });
      expect(one.desk.presses).toEqual([]);
      await page.locator('[id="proposal-12-B"] .confirm input').fill('12');
      await risky.click();
      await proposalState(page, '12-B', 'approved');
    }));

  it('says why somebody may not approve', async () => {
    const one = await bench({}, WEB);
    one.desk.open();
    const { page, close } = await openWindow(browser, one.url, 'desk', 'light');
    await signIn(page, await one.link('ben'));
    await approveByMouse(page, '12-A');
    await page.getByText('You may not approve 12-A: your rights are see, operate.').waitFor();
    await proposalState(page, '12-A', 'pending');
    await close();
    await one.close();
  });

  it('keeps the last figures while the connection is lost, and catches up', () =>
    visit('desk', 'dark', async ({ page }, one) => {
      one.desk.open();
      await page.locator('[data-thread="12"]').waitFor();
      await one.stop();
      await page.getByText('Connection lost since').waitFor();
      await page.locator('[data-thread="12"]').waitFor();
      await page.locator('.figures').getByText('2.9 s').waitFor();
      one.desk.quietly('12', (incident) => ({ ...incident, owner: 'ben', title: 'What happened meanwhile' }));
      await one.restart();
      await page.getByRole('heading', { name: 'What happened meanwhile' }).waitFor();
      await page.getByText('Connection lost since').waitFor({ state: 'hidden' });
      // The same session, and events again.
      one.desk.keep('12-A');
      await proposalState(page, '12-A', 'kept');
    }));

  it('shows foreign text as it is: nothing of it runs, links, or turns the line around', () =>
    visit('desk', 'light', async ({ page }, one) => {
      one.desk.open();
      one.desk.change('12', (incident) => ({ ...incident, title: HOSTILE, heldBack: [HOSTILE] }));
      one.desk.propose('12-A', (proposal) => ({ ...proposal, title: HOSTILE, expects: HOSTILE }));
      await page.getByRole('heading', { name: 'gnp.exe' }).first().waitFor();
      const found = await page.evaluate(
        `({ hacked: globalThis.hacked, images: document.images.length, text: document.body.innerText,
            links: [...document.links].map((link) => link.href) })`,
      );
      const { hacked, images, links, text } = found as {
        hacked: unknown;
        images: number;
        links: string[];
        text: string;
      };
      expect(hacked).toBeUndefined();
      expect(images).toBe(0);
      expect(links.every((link) => link.startsWith(one.url))).toBe(true);
      expect(text).toContain('<img src=x onerror="globalThis.hacked=1"> <!channel> @everyone ·gnp.exe·');
      expect(text).not.toMatch(/[\u202a-\u202e]/);
    }));

  it('answers commands to the asker, completes them and remembers them', () =>
    visit('desk', 'light', async ({ page }, one) => {
      await page.keyboard.press('/');
      await page.keyboard.type('sta');
      await page.getByRole('option', { name: 'status' }).waitFor();
      await page.keyboard.press('Tab');
      expect(await page.locator('#command').inputValue()).toBe('status ');
      await page.keyboard.press('Enter');
      await page.getByText('only you see this').waitFor();
      await page.keyboard.press('ArrowUp');
      expect(await page.locator('#command').inputValue()).toBe('status');
      await page.keyboard.press('Escape');
      await type(page, 'whoami');
      await page.getByText('You are ada.').waitFor();
      expect(one.desk.typed).toEqual(['status', 'whoami']);
    }));

  it('is walked by j, k and Enter, and tells its keys at ?', () =>
    visit('desk', 'light', async ({ page }, one) => {
      one.desk.open();
      await page.locator('[data-message][data-incident="12"]').waitFor();
      await page.keyboard.press('k');
      await page.keyboard.press('k');
      await page.keyboard.press('j');
      expect(await page.evaluate('document.activeElement.dataset.incident')).toBe('12');
      await page.keyboard.press('Enter');
      await page.waitForURL('**/incident/12');
      await page.keyboard.press('?');
      await page.getByRole('dialog').getByText('goes to what waits for an approver').waitFor();
      expect(await axe(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'hidden' });
    }));

  it('counts what came while somebody reads further up', () =>
    visit('phone', 'light', async ({ page }, one) => {
      one.desk.open();
      const message = {
        blocks: [
          { kind: 'text' as const, text: [{ kind: 'plain' as const, text: 'A line of the channel.' }] },
        ],
      };
      const say = (id: string) => {
        one.now += 1000;
        one.desk.post({ id, at: one.now, editedAt: null, message });
      };
      for (let i = 0; i < 12; i++) say(`f${i}`);
      await expect.poll(() => page.locator('[data-message]').count()).toBeGreaterThan(14);
      await page.evaluate('document.querySelector(".channel .scroll").scrollTop = 0');
      await page.waitForTimeout(100);
      for (let i = 0; i < 3; i++) say(`g${i}`);
      await page.getByRole('button', { name: '3 new' }).click();
      await page.getByRole('button', { name: '3 new' }).waitFor({ state: 'hidden' });
    }));

  it('tells a signed-out visitor how to get a link, and nothing else', async () => {
    const one = await bench({}, WEB);
    one.desk.open();
    const window = await openWindow(browser, one.url, 'phone', 'dark');
    await window.page.goto(`${one.url}/incident/12`);
    await window.page.getByText('warroom link NAME').waitFor();
    expect(await window.page.content()).not.toContain('egacy');
    expect(await axe(window.page)).toEqual([]);
    await signIn(window.page, await one.link('ada'));
    // The link's secret is gone from the address.
    expect(window.page.url()).toBe(`${one.url}/`);
    await window.close();
    await one.close();
  });

  it('leaves when its session ends', () =>
    visit('desk', 'light', async ({ page }, one) => {
      await one.store.db.deleteFrom('sessions').execute();
      one.desk.open();
      await page.getByText('You are not signed in').waitFor();
    }));

  it('has targets of 40 px for fingers', () =>
    visit('phone', 'light', async ({ page }, one) => {
      one.desk.open();
      await openThread(page, '12');
      const small = await page.evaluate(
        `[...document.querySelectorAll('button, .row, input, summary')]
           .filter((one) => one.checkVisibility() && !one.matches('.copy'))
           .map((one) => [one.textContent, one.getBoundingClientRect().height])
           .filter(([, height]) => height < 40)`,
      );
      expect(small).toEqual([]);
    }));
});
