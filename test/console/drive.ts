import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Drives the console's pages as a person does. Used by the tests on a fake desk, and by whoever drives a real bot. */

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
];
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
export const SIZES = {
  desk: { width: 1440, height: 900 },
  phone: { width: 390, height: 844 },
} as const;
export type Size = keyof typeof SIZES;
export type Theme = 'light' | 'dark';

/** undefined where no browser is installed; `CI` makes that a failure. */
export function browserPath(): string | undefined {
  const found = PLACES.find((path) => existsSync(path));
  if (!found && process.env['CI'])
    throw new Error(`No browser at any of ${PLACES.join(', ')}: install chromium.`);
  return found;
}

export async function openBrowser(): Promise<Browser> {
  const executablePath = browserPath();
  if (!executablePath) throw new Error(`No browser at any of ${PLACES.join(', ')}.`);
  return chromium.launch({ executablePath, args: ARGUMENTS });
}

export interface Window {
  readonly page: Page;
  /** Addresses of other hosts that the page asked for: must stay empty. */
  readonly foreign: string[];
  /** What the page's console and its errors said. */
  readonly complaints: string[];
  close(): Promise<void>;
}

/** A window of its own (cookies, storage) of one size and theme. */
export async function openWindow(browser: Browser, url: string, size: Size, theme: Theme): Promise<Window> {
  const context = await browser.newContext({
    viewport: SIZES[size],
    colorScheme: theme,
    hasTouch: size === 'phone',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const foreign: string[] = [];
  const complaints: string[] = [];
  const { host } = new URL(url);
  page.on('request', (request) => {
    const asked = new URL(request.url());
    if (asked.protocol.startsWith('http') && asked.host !== host) foreign.push(request.url());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  return { page, foreign, complaints, close: () => context.close() };
}

export async function signIn(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await page.locator('.console .connection.live').waitFor({ state: 'attached' });
}

export async function openThread(page: Page, incident: string): Promise<void> {
  const thread = page.locator(`[data-thread="${incident}"]`);
  if (await thread.isVisible()) return;
  await page.locator(`[data-message][data-incident="${incident}"] .into a`).click();
  await thread.waitFor();
}

/** Shows the plan, then presses Approve; a high-risk one gets the incident's number. */
export async function approveByMouse(page: Page, proposal: string): Promise<void> {
  const block = page.locator(`[id="proposal-${proposal}"]`);
  const plan = block.locator(`[data-plan="${proposal}"]`);
  if ((await plan.getAttribute('aria-expanded')) !== 'true') await plan.click();
  const number = block.locator('.confirm input');
  if (await number.isVisible()) await number.fill(proposal.split('-')[0] ?? '');
  await block.locator(`[data-approve="${proposal}"][aria-disabled="false"]`).click();
}

/** `a` goes to what waits first and shows its plan, Enter presses it. Nothing else is touched. */
export async function approveByKeyboard(page: Page, incident: string): Promise<void> {
  await page.keyboard.press('a');
  await page.locator('[data-approve-focus]:focus').waitFor();
  if (await page.evaluate('document.activeElement?.tagName === "INPUT"')) await page.keyboard.type(incident);
  await page.keyboard.press('Enter');
}

export async function proposalState(
  page: Page,
  proposal: string,
  state: string,
  timeoutMs = 20_000,
): Promise<void> {
  await page.locator(`[id="proposal-${proposal}"].${state}`).waitFor({ timeout: timeoutMs });
}

export async function type(page: Page, command: string): Promise<void> {
  await page.keyboard.press('/');
  await page.locator('#command:focus').waitFor();
  await page.keyboard.type(command);
  await page.keyboard.press('Enter');
}

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary?: string }[];
}

/** What axe finds, as sentences. Its source is evaluated by the driver, so the page's policy stays as it is. */
export async function axe(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
  const violations = await page.evaluate(
    '(async () => (await axe.run(document, { resultTypes: ["violations"] })).violations)()',
  );
  return (violations as Violation[]).flatMap((violation) =>
    violation.nodes.map(
      (node) => `${violation.id} at ${node.target.join(' ')}: ${node.failureSummary ?? violation.help}`,
    ),
  );
}

export async function screenshot(page: Page, path: string): Promise<void> {
  await page.screenshot({ path, animations: 'disabled' });
}

/** Elements that reach out of the window to the right, which a phone would scroll to. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}
