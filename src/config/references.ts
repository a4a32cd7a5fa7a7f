import { WarroomError } from '../errors/catalogue.ts';
import { nearestWord } from './nearest.ts';
import { type ConfigPath, type Places, pathText } from './places.ts';
import type { Config, SecretSource } from './schema.ts';

/** Names that refer to nothing, stand for two things, or go in a circle: what a schema of single values cannot see. */
export function referenceProblems(config: Config, places: Places): WarroomError[] {
  const hosts = Object.keys(config.hosts);
  const services = Object.keys(config.services);
  const people = Object.keys(config.people);
  const named = (kind: string, known: readonly string[], path: ConfigPath, name: string | undefined) =>
    name === undefined || known.includes(name) ? [] : [unknownName(places, kind, known, path, name)];

  return [
    ...services.filter((name) => hosts.includes(name)).map((name) => sameName(places, name)),
    ...named('host', hosts, ['ssh', 'jump'], config.ssh?.jump),
    ...Object.entries(config.services).flatMap(([name, service]) => {
      const at = (...rest: (string | number)[]) => ['services', name, ...rest];
      const spares = 'spares' in service ? service.spares : [];
      const on = 'on' in service ? service.on : [];
      return [
        ...on.flatMap((host, i) => named('host', hosts, at('on', i), host)),
        ...spares.flatMap((host, i) => named('host', hosts, at('spares', i), host)),
        ...named('service', services, at('before'), service.before),
        ...service.uses.flatMap((other, i) => named('service', services, at('uses', i), other)),
      ];
    }),
    ...config.console.tokens.flatMap((token, i) =>
      named('person', people, ['console', 'tokens', i, 'person'], token.person),
    ),
    ...circles(config).map(
      (circle) =>
        new WarroomError('CONFIG_VALUE', {
          place: places.ofKey(['services', circle[0] as string]),
          path: `services.${circle[0]}`,
          problem: `depends on itself: ${[...circle, circle[0]].join(' -> ')}. Take out the before or uses that is wrong.`,
        }),
    ),
    ...twoPeople(config, places),
    ...unreachableHosts(config, places),
    ...slackSecrets(config, places),
  ];
}

function unknownName(
  places: Places,
  kind: string,
  known: readonly string[],
  path: ConfigPath,
  name: string,
): WarroomError {
  const near = nearestWord(name, known);
  const some =
    known.length > 0 ? `Known: ${known.slice(0, 12).join(', ')}.` : `It names no ${kind} at all yet.`;
  return new WarroomError('CONFIG_UNKNOWN_NAME', {
    place: places.of(path),
    path: pathText(path),
    name,
    kind,
    hint: near ? `Did you mean "${near}"?` : some,
  });
}

/** Findings are `check@name`, so a host and a service may not share one. */
function sameName(places: Places, name: string): WarroomError {
  return new WarroomError('CONFIG_DUPLICATE', {
    place: places.ofKey(['services', name]),
    name,
    first: places.ofKey(['hosts', name]),
  });
}

/** One circle for each group of services that depend on each other. */
function circles(config: Config): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const walk = (name: string, trail: readonly string[]): void => {
    const at = trail.indexOf(name);
    if (at >= 0) {
      found.push(trail.slice(at));
      return;
    }
    const service = config.services[name];
    if (!service || done.has(name)) return;
    for (const below of [...(service.before ? [service.before] : []), ...service.uses])
      walk(below, [...trail, name]);
    done.add(name);
  };
  for (const name of Object.keys(config.services)) walk(name, []);
  return found;
}

/** One human in two records could approve what he himself asked for. */
function twoPeople(config: Config, places: Places): WarroomError[] {
  const holders = new Map<string, string>();
  return Object.entries(config.people).flatMap(([name, person]) =>
    (['slack', 'discord', 'console', 'terminal'] as const).flatMap((platform) => {
      // Without a console name of its own a person signs in under the key.
      const held = person[platform] ?? (platform === 'console' ? name : undefined);
      const id = held && `${platform} ${held}`;
      const other = id ? holders.get(id) : undefined;
      if (id && other === undefined) holders.set(id, name);
      if (other === undefined) return [];
      return [
        new WarroomError('CONFIG_VALUE', {
          place: places.of(['people', name, platform]),
          path: `people.${name}.${platform}`,
          problem: `is that of ${other} too. Keep one record a person.`,
        }),
      ];
    }),
  );
}

function unreachableHosts(config: Config, places: Places): WarroomError[] {
  const far = Object.keys(config.hosts).find((name) => 'address' in (config.hosts[name] as object));
  if (config.ssh || far === undefined) return [];
  return [
    new WarroomError('CONFIG_VALUE', {
      place: places.ofKey(['hosts', far]),
      path: `hosts.${far}`,
      problem:
        'is reached over SSH, but there is no account for it. Write:  ssh: { user: warroom, key: { file: /etc/warroom/id_ed25519 } }',
    }),
  ];
}

/** Each of Slack's modes needs a secret of its own. */
function slackSecrets({ chat: { slack } }: Config, places: Places): WarroomError[] {
  if (!slack) return [];
  const wanted = slack.mode === 'socket' ? 'appToken' : 'signingSecret';
  if (slack[wanted]) return [];
  const example = slack.mode === 'socket' ? 'SLACK_APP_TOKEN' : 'SLACK_SIGNING_SECRET';
  return [
    new WarroomError('CONFIG_VALUE', {
      place: places.ofKey(['chat', 'slack']),
      path: 'chat.slack',
      problem: `needs ${wanted} in ${slack.mode} mode. Write:  ${wanted}: { env: ${example} }`,
    }),
  ];
}

/** Every secret that the config asks for. */
export function secretsOf(config: Config): { path: ConfigPath; source: SecretSource }[] {
  const at = (path: ConfigPath, source: SecretSource | undefined) => (source ? [{ path, source }] : []);
  return [
    ...at(['ssh', 'key'], config.ssh?.key),
    ...at(['ssh', 'password'], config.ssh?.password),
    ...at(['act', 'key'], config.act?.key),
    ...at(['act', 'password'], config.act?.password),
    ...config.console.tokens.flatMap((token, i) => at(['console', 'tokens', i, 'secret'], token.secret)),
    ...config.escalate.flatMap((step, i) => at(['escalate', i, 'webhook'], step.webhook)),
    ...at(['chat', 'slack', 'botToken'], config.chat.slack?.botToken),
    ...at(['chat', 'slack', 'appToken'], config.chat.slack?.appToken),
    ...at(['chat', 'slack', 'signingSecret'], config.chat.slack?.signingSecret),
    ...at(['chat', 'discord', 'token'], config.chat.discord?.token),
    ...at(['heartbeat'], config.heartbeat),
  ];
}
