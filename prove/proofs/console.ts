import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  approveByKeyboard,
  approveByMouse,
  axe,
  openBrowser,
  openThread,
  openWindow,
  overflow,
  proposalState,
  type Size,
  screenshot,
  signIn,
  type Theme,
  type Window,
} from '../../test/console/drive.ts';
import { type Bot, botFor } from '../bot.ts';
import { warmLab } from '../lab.ts';
import { eventually, Failed, type Proof } from '../proof.ts';

const LOOKS: readonly (readonly [Size, Theme])[] = [
  ['desk', 'light'],
  ['desk', 'dark'],
  ['phone', 'light'],
  ['phone', 'dark'],
];

/** The story's thread in a real browser: by mouse, by keyboard only, at both sizes and in both themes. */
export const consoleProof: Proof = {
  name: 'console',
  shows:
    'the story in Chromium: mouse, keyboard only, two sizes, two themes, a lost connection, axe, no other host',
  seconds: 470,
  run: async (act) => {
    // Pictures are kept where a folder is named behind the proof's name.
    const pictures = process.argv[3] ?? act.folder();
    mkdirSync(pictures, { recursive: true });
    const lab = await warmLab(act);
    let bot = await botFor(act, lab.root);
    const browser = await openBrowser();
    act.after(() => browser.close());
    const windows = new Map<string, Window>();
    for (const [index, [size, theme]] of LOOKS.entries()) {
      const window = await openWindow(browser, bot.url, size, theme);
      await signIn(window.page, linkFor(bot, index % 2 === 0 ? 'ada' : 'ben'));
      windows.set(`${size}-${theme}`, window);
    }
    const look = (name: string) => (windows.get(name) as Window).page;
    await screenshot(look('desk-light'), join(pictures, 'healthy.png'));
    await screenshot(look('phone-light'), join(pictures, 'phone-healthy.png'));

    await lab.fault('no-redirect-cache', true);
    const incident = await eventually(
      'relief and cure',
      async () => {
        const open = (await bot.incidents('open'))[0];
        return open && open.proposals.filter((one) => one.state === 'pending').length >= 2 ? open : undefined;
      },
      90_000,
    );
    for (const [name, { page }] of windows) {
      await openThread(page, incident.id);
      await page.waitForTimeout(300);
      await screenshot(page, join(pictures, `${name}.png`));
      const found = await axe(page);
      act.check(
        `axe finds nothing (${name})`,
        found.length === 0,
        found.slice(0, 3).join(' | ') || 'nothing',
      );
      const wide = await overflow(page);
      act.check(`nothing reaches out of the window (${name})`, wide <= 0, `${wide} px`);
    }
    const { cure, relief } = await pending(bot, incident.id);
    await approveByMouse(look('desk-light'), cure);
    act.say(`${cure} approved by mouse at 1440 px`);
    await proposalState(look('phone-dark'), cure, 'kept', 120_000);
    act.check('by mouse: kept, seen live on the phone too', true);
    await screenshot(look('desk-dark'), join(pictures, 'kept.png'));

    const phone = look('phone-light');
    await openThread(phone, incident.id);
    if ((await bot.proposal(relief)).state === 'pending') {
      await approveByKeyboard(look('desk-dark'), incident.id);
      await eventually(
        'the press by keyboard',
        async () => ((await bot.proposal(relief)).state === 'pending' ? undefined : true),
        20_000,
      );
      act.check('by keyboard only', true, `${relief} ${(await bot.proposal(relief)).state}`);
    } else
      act.check(
        'by keyboard only',
        false,
        `${relief} was ${(await bot.proposal(relief)).state} before it could be pressed`,
      );

    await bot.kill('SIGKILL');
    await look('desk-light').locator('.connection:not(.live)').waitFor({ timeout: 30_000 });
    act.check('a lost connection is said', true);
    await screenshot(look('desk-light'), join(pictures, 'lost.png'));
    bot = await botFor(act, lab.root);
    await look('desk-light').locator('.connection.live').waitFor({ timeout: 60_000 });
    act.check('and it catches up by itself, still signed in', true);

    const foreign = [...windows.values()].flatMap((window) => window.foreign);
    act.check('no request to another host', foreign.length === 0, foreign.slice(0, 3).join(' ') || 'none');
    const complaints = [...windows.values()]
      .flatMap((window) => window.complaints)
      .filter(
        (text) =>
          !/ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|network error|Failed to load resource/i.test(text),
      );
    act.check(
      'the pages complain about nothing',
      complaints.length === 0,
      complaints.slice(0, 2).join(' | ') || 'nothing',
    );
    act.figure('looks', LOOKS.length);
  },
};

async function pending(bot: Bot, incident: string): Promise<{ cure: string; relief: string }> {
  const { proposals } = await bot.incident(incident);
  const cure = proposals.find((one) => one.remediation === 'cache-rule')?.id;
  const relief = proposals.find((one) => one.remediation === 'add-app-server')?.id;
  if (!cure || !relief)
    throw new Failed(`proposals are ${proposals.map((one) => one.remediation).join(', ')}`);
  return { cure, relief };
}

function linkFor(bot: Bot, name: string): string {
  const done = spawnSync(process.execPath, ['dist/main.js', 'link', name, '--config', bot.config], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  const link = /http\S+/.exec(done.stdout)?.[0];
  if (!link) throw new Failed(`no link for ${name}: ${done.stderr}`);
  return link;
}
