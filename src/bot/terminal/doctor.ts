import { pino } from 'pino';
import { SYSTEMS } from '../../checks/index.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import type { Stack } from '../../config/stack.ts';
import { reason, WarroomError } from '../../errors/catalogue.ts';
import { HealthBoard } from '../../health/health.ts';
import { History } from '../../history/history.ts';
import { REMEDIATIONS } from '../../remediations/index.ts';
import { Watcher } from '../../schedule/watcher.ts';
import { type Command, sh } from '../../targets/command.ts';
import type { Target, Targets } from '../../targets/contract.ts';
import { openTargets } from '../../targets/targets.ts';
import { slackSecrets } from '../chat/platforms.ts';
import { EXIT } from './exit.ts';
import { openConfig } from './open-config.ts';

/** ok: works. missing: a right or part that is needed. wrong: works, but must not be so. later: not watched yet. */
export interface Diagnosed {
  readonly state: 'ok' | 'missing' | 'wrong' | 'later';
  readonly about: string;
  readonly what: string;
  readonly mend?: string;
}

const SHAPE: Readonly<Record<Diagnosed['state'], string>> = { ok: '✓', missing: '○', wrong: '▲', later: '·' };

/** `warroom doctor`: what works, which right is missing, and the exact mend. Changes nothing. */
export async function doctor(options: { readonly config?: string; readonly json: boolean }): Promise<void> {
  const { loaded } = openConfig(options.config);
  const health = new HealthBoard();
  const targets = openTargets(loaded.stack, loaded.secret);
  const watcher = new Watcher({
    systems: SYSTEMS,
    stack: loaded.stack,
    config: () => loaded.config,
    targets,
    history: new History(),
    health,
    log: pino({ level: 'silent' }),
    now: Date.now,
  });
  try {
    await watcher.tick(0);
    const rows = [
      ...(await hosts(loaded.stack, targets)),
      ...services(loaded.stack, watcher),
      ...(await accounts(loaded.stack, targets)),
      ...policy(loaded.config),
      ...(await chat(loaded)),
    ];
    for (const row of rows)
      process.stdout.write(
        options.json
          ? `${JSON.stringify(row)}\n`
          : `${SHAPE[row.state]} ${row.about}: ${row.what}${row.mend ? `\n    ${row.mend}` : ''}\n`,
      );
    if (rows.some((row) => row.state === 'missing' || row.state === 'wrong')) process.exitCode = EXIT.warn;
  } finally {
    await targets.close();
  }
}

async function hosts(stack: Stack, targets: Targets): Promise<Diagnosed[]> {
  return Promise.all(
    [...stack.hosts.values()].map(async (host): Promise<Diagnosed> => {
      const about = `host ${host.name}`;
      try {
        await targets.reading(host.name).read(sh`true`);
        return {
          state: 'ok',
          about,
          what: host.local ? 'is this machine' : `answers ${stack.config.ssh?.user ?? ''} over SSH`,
        };
      } catch (thrown) {
        return { state: 'missing', about, what: reason(thrown), ...mendOf(thrown) };
      }
    }),
  );
}

function services(stack: Stack, watcher: Watcher): Diagnosed[] {
  return [...stack.services.values()].flatMap((service): Diagnosed[] => {
    return watcher.state(service.name).map(({ instance, collector, problem, mend }) => ({
      state: problem === undefined ? 'ok' : 'missing',
      about: `${service.name} on ${instance}`,
      what: problem ?? `${collector} is read`,
      ...(mend ? { mend } : {}),
    }));
  });
}

/** What remediations need from the acting account, and what the reading account must not have. */
async function accounts(stack: Stack, targets: Targets): Promise<Diagnosed[]> {
  const wants = [
    ...stack.of('varnish').flatMap(({ name, config }) =>
      config.on.map((host) => ({
        name,
        host,
        test: sh`test -r ${config.secret}`,
        what: `read ${config.secret}`,
        mend: `setfacl -m u:${stack.config.act?.user ?? 'warroom-act'}:r ${config.secret}`,
        undo: `chmod o-r ${config.secret}`,
        fixes: ['cache-rule'],
      })),
    ),
    ...stack.of('haproxy').flatMap(({ name, config }) => {
      const socket = config.adminSocket;
      return socket === undefined
        ? []
        : config.on.map((host) => ({
            name,
            host,
            test: sh`test -w ${socket}`,
            what: `use ${socket}`,
            mend: `In haproxy.cfg: stats socket ${socket} mode 660 group ${stack.config.act?.user ?? 'warroom-act'} level admin`,
            undo: `Take the reading account out of that socket's group.`,
            fixes: ['add-app-server', 'remove-app-server'],
          }));
    }),
  ];
  const known = REMEDIATIONS.map((one) => one.id);
  const rows = await Promise.all(
    wants.map(async ({ name, host, test, what, mend, undo, fixes }): Promise<Diagnosed[]> => {
      const acting = targets.acting(host);
      const about = `${fixes.filter((id) => known.includes(id)).join(', ')} on ${host}`;
      const can = acting === undefined ? undefined : await allowed(acting, test);
      const first: Diagnosed =
        can === undefined
          ? {
              state: 'missing',
              about,
              what: 'not possible here: there is no acting account',
              mend: 'In the config:  act: { user: warroom-act, key: { file: … } }',
            }
          : can
            ? { state: 'ok', about, what: `the acting account may ${what}` }
            : { state: 'missing', about, what: `the acting account may not ${what}`, mend };
      if (stack.hosts.get(host)?.local || !(await allowed(targets.reading(host), test))) return [first];
      return [
        first,
        {
          state: 'wrong',
          about: `${name} on ${host}`,
          what: `the READING account may ${what}: it should not be able to change anything`,
          mend: undo,
        },
      ];
    }),
  );
  const noAdmin = stack.of('haproxy').filter(({ config }) => config.adminSocket === undefined);
  return [
    ...rows.flat(),
    ...noAdmin.map(
      ({ name }): Diagnosed => ({
        state: 'missing',
        about: `add-app-server through ${name}`,
        what: 'the config names no adminSocket',
        mend: `In the config:  ${name}: { adminSocket: /run/haproxy/admin.sock }`,
      }),
    ),
  ];
}

function policy(config: Config): Diagnosed[] {
  const approvers = Object.entries(config.people).filter(([, person]) => person.may.includes('approve'));
  const rows: Diagnosed[] = [];
  const needed = Math.max(config.policy.approvals, config.policy.highRisk.approvals);
  if (approvers.length === 0)
    rows.push({
      state: 'missing',
      about: 'policy',
      what: 'nobody may approve, so nothing will be carried out',
      mend: 'In the config:  people: { ada: { console: ada, may: [see, operate, approve] } }',
    });
  else if (approvers.length < needed)
    rows.push({
      state: 'missing',
      about: 'policy',
      what: `high-risk changes need ${needed} approvers, ${approvers.length} ${approvers.length === 1 ? 'is' : 'are'} named`,
      mend: `Name another approver, or set  policy: { highRisk: { approvals: ${approvers.length} } }`,
    });
  else
    rows.push({
      state: 'ok',
      about: 'policy',
      what: `${approvers.map(([name]) => name).join(', ')} may approve`,
    });
  return rows;
}

/** The platforms are asked as the bot would ask them; nothing is posted. */
async function chat(loaded: LoadedConfig): Promise<Diagnosed[]> {
  const { slack, discord } = loaded.config.chat;
  const rows: Diagnosed[] = [];
  if (slack) {
    const { examineSlack } = await import('../slack/index.ts');
    rows.push(...(await examineSlack(slack, slackSecrets(loaded, slack))));
  }
  if (discord) {
    const { examineDiscord } = await import('../discord/index.ts');
    rows.push(...(await examineDiscord(discord, loaded.secret(discord.token))));
  }
  const unnamed = Object.entries(loaded.config.people).filter(
    ([, person]) =>
      person.may.includes('approve') && ((slack && !person.slack) || (discord && !person.discord)),
  );
  for (const [name] of unnamed)
    rows.push({
      state: 'missing',
      about: `people.${name}`,
      what: 'may approve, but not from the chat: the config does not say who that is there',
      mend: `/launch whoami, run by ${name} in the chat, gives the id to write into the config`,
    });
  return rows;
}

async function allowed(target: Target, test: Command): Promise<boolean> {
  return (await target.read(test).catch(() => undefined))?.status === 0;
}

function mendOf(thrown: unknown): { mend?: string } {
  const mend = thrown instanceof WarroomError ? thrown.fields['mend'] : undefined;
  return mend ? { mend: String(mend) } : {};
}
