import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyFile, knownHostsFile } from '../../../lab/accounts.ts';
import type { Lab } from '../../../lab/index.ts';
import type { Echo } from './echo.ts';
import type { Plants } from './plants.ts';
import { twoAtATime, warroom } from './terminal.ts';

interface Case {
  readonly name: string;
  readonly yaml: string;
  readonly command?: 'start' | 'check' | 'doctor';
  readonly env?: NodeJS.ProcessEnv;
}

export interface Chats {
  readonly slackApi: string;
  readonly discordApi: string;
}

/** Configs that are refused or do not work, each with a secret at the place of the mistake; what the terminal said. */
export async function refusedConfigs(
  lab: Lab,
  plants: Plants,
  chats: Chats,
  echo: Echo,
): Promise<{ readonly where: string; readonly text: string }[]> {
  // The control's marker stands in the path, which every complaint names.
  const folder = join(lab.root, plants.control);
  mkdirSync(folder, { recursive: true });
  const file = (name: string, text: string, mode = 0o600) => {
    writeFileSync(join(folder, name), text, { mode });
    return join(folder, name);
  };
  const said: { where: string; text: string }[] = [];
  await twoAtATime(cases(lab, plants, chats, echo, file), async ({ name, yaml, command = 'start', env }) => {
    const config = file(`${name.replaceAll(' ', '-')}.yaml`, `${yaml}\nconsole: { listen: "127.0.0.1:0" }\n`);
    const store = `store: "sqlite:${join(folder, `${name.replaceAll(' ', '-')}.db`)}"\n`;
    writeFileSync(config, store, { flag: 'a' });
    const more =
      command === 'check' ? ['--json', '--sample', '500ms'] : command === 'doctor' ? ['--json'] : [];
    const text = await warroom([command, '--config', config, ...more], env, 6_000);
    said.push({ where: `terminal: ${command}, ${name}`, text });
  });
  return said;
}

function cases(
  lab: Lab,
  plants: Plants,
  { slackApi, discordApi }: Chats,
  echo: Echo,
  file: (name: string, text: string, mode?: number) => string,
): Case[] {
  const me = 'hosts: { me: { local: true } }\n';
  const host = `hosts: { web1: { address: ${lab.address('web1')} } }\n`;
  const key = `key: { file: ${keyFile(lab.root, 'warroom')} }`;
  const known = `knownHosts: ${knownHostsFile(lab.root)}`;
  const p = (kind: string, form?: (marker: string) => string) =>
    plants.plant(`refused config: ${kind}`, form);
  const slack = (api: string, env: string) =>
    `slack: { channel: C0LAUNCH, api: "${api}", botToken: { env: ${env}_BOT }, appToken: { env: ${env}_APP } }`;
  const discord = (api: string, env: string) =>
    `discord: { guild: "7700000000000000001", channel: "7700000000000000002", api: "${api}", token: { env: ${env}_DISCORD } }`;
  const tokens = (env: string, what: string): NodeJS.ProcessEnv => ({
    [`${env}_BOT`]: p(`Slack bot token that ${what}`, (m) => `xoxb-1-2-${m}`),
    [`${env}_APP`]: p(`Slack app token that ${what}`, (m) => `xapp-1-A-2-${m}`),
    [`${env}_DISCORD`]: p(`Discord token that ${what}`),
  });
  const stderr = file('stderr.txt', p('what a failing {command} printed'));
  const argument = plants.plant('refused config: argument of a failing {command}', (m) => m, /process list/);
  const open = file('open', p('content of a file that others may read'), 0o644);
  const broken = file(
    'broken-key',
    `-----BEGIN OPENSSH PRIVATE KEY-----\n${p('SSH key that cannot be read')}\n-----END OPENSSH PRIVATE KEY-----\n`,
  );
  return [
    { name: 'file that others read', yaml: `${me}heartbeat: { file: ${open} }` },
    { name: 'token as a value', yaml: `${me}heartbeat: ${p('token written as the value')}` },
    {
      name: 'webhook as a value',
      yaml: `${me}escalate: [{ after: 5s, webhook: "https://h/${p('webhook as the value')}" }]`,
    },
    {
      name: 'token as env name',
      yaml: `${me}heartbeat: { env: ${p('token instead of its name', (m) => `xoxb-${m}`)} }`,
    },
    {
      name: 'password as key',
      yaml: `${me}ssh: { user: u, passwort: ${p('password under a mistyped key')} }`,
    },
    {
      name: 'failing command',
      yaml: `${me}heartbeat: { command: [sh, -c, "cat ${stderr} >&2; cat ${stderr}; exit 3", ${argument}] }`,
    },
    { name: 'password with a star', yaml: `${me}heartbeat: *${p('password that YAML takes for an alias')}` },
    {
      name: 'password with a bang',
      yaml: `${me}heartbeat: !${p('password that YAML takes for a tag')} x: y`,
    },
    { name: 'password with a quote', yaml: `${me}heartbeat: "${p('password with an open quote')}` },
    {
      name: 'token with a line break',
      yaml: `${me}heartbeat: { env: BROKEN }`,
      env: {
        BROKEN: `${p('token with a line break, first part')}\n${p('token with a line break, second part')}`,
      },
    },
    {
      name: 'broken key',
      command: 'check',
      yaml: `${host}ssh: { user: warroom, key: { file: ${broken} }, ${known} }`,
    },
    {
      name: 'wrong ssh password',
      command: 'check',
      yaml: `${host}ssh: { user: warroom, password: { env: SSH_PASSWORD }, ${known} }`,
      env: { SSH_PASSWORD: p('SSH password that is refused') },
    },
    {
      name: 'wrong act password',
      command: 'doctor',
      yaml: `${host}ssh: { user: warroom, ${key}, ${known} }\nact: { user: warroom-act, password: { env: ACT_PASSWORD }, ${known} }\nservices: { edge: { kind: varnish, on: web1, url: "http://www.example.com" } }`,
      env: { ACT_PASSWORD: p('act password that is refused') },
    },
    {
      name: 'tokens that the platforms refuse',
      command: 'doctor',
      yaml: `${me}chat: { ${slack(slackApi, 'REFUSED')}, ${discord(discordApi, 'REFUSED')} }`,
      env: tokens('REFUSED', 'the platform refuses'),
    },
    {
      name: 'tokens that an API echoes',
      command: 'doctor',
      yaml: `${me}chat: { ${slack(`${echo.url}/api/`, 'ECHO')}, ${discord(`${echo.url}/api`, 'ECHO')} }`,
      env: tokens('ECHO', 'a 500 answer echoes'),
    },
    {
      name: 'start with refused tokens',
      yaml: `${me}chat: { ${slack(slackApi, 'START')}, ${discord(discordApi, 'START')} }\nheartbeat: { env: BEAT }`,
      env: {
        ...tokens('START', 'is refused at the start'),
        BEAT: p('heartbeat with user and password', (m) => `https://ada:${m}@beat.example.invalid/x`),
      },
    },
  ];
}
