import { own, paragraph, say, strong, time } from '../../message/build.ts';
import type { Block, Field, Message, Text, Tone } from '../../message/contract.ts';
import { figure } from '../../message/figures.ts';
import type { ServiceJson, StatusJson } from '../contract.ts';
import { visitorsLine } from './head.ts';

/** `status`: visitors first, then each service with its figures, then what waits. */
export function statusMessage(status: Omit<StatusJson, 'message'>): Message {
  const open = status.incidents.filter((incident) => incident.resolvedAt === null);
  const blocks: Block[] = [
    {
      kind: 'heading',
      tone: status.level,
      text: say`${status.launch.name}${own(open.length ? ` · ${open.length} ${open.length === 1 ? 'incident' : 'incidents'}` : '')} · ${time(status.at)}`,
    },
    ...open
      .slice(0, 5)
      .map((incident) =>
        paragraph(
          say`${own(`#${incident.id} `)}${incident.title} · since ${time(incident.since)}${incident.owner ? say` · ${incident.owner}` : own('')}`,
        ),
      ),
    paragraph(visitorsLine(status.visitors)),
  ];
  const rows = [...status.services, ...status.hosts.filter((host) => host.level !== 'ok')].map((row) =>
    field(row, status.at),
  );
  if (rows.length > 0) blocks.push({ kind: 'fields', rows });
  const waiting = open.flatMap((incident) => incident.waiting);
  if (waiting.length > 0)
    blocks.push(paragraph(say`${strong('Waiting for you:')} ${own(waiting.join(', '))}`));
  if (status.handsOff)
    blocks.push(
      paragraph(
        say`${strong('hands-off')} since ${time(status.handsOff.since)} (${status.handsOff.by}): nothing is changed.`,
      ),
    );
  for (const silence of status.silences)
    blocks.push(
      paragraph(
        say`Silenced: ${silence.scope} until ${time(silence.until, false)} (${silence.by}: ${silence.reason})`,
      ),
    );
  const todo = status.setUp.filter((item) => !item.done).length;
  if (todo > 0)
    blocks.push(
      paragraph(
        say`${own(`○ ${todo} ${todo === 1 ? 'thing needs' : 'things need'} set-up: /launch status shows it on the console.`)}`,
      ),
    );
  blocks.push(
    paragraph(
      say`${own(`${status.counts.ok} checks OK, ${status.counts.warn} warn, ${status.counts.critical} critical, ${status.counts.unknown} unknown.`)}`,
    ),
  );
  return { blocks };
}

function field(row: ServiceJson, at: number): Field {
  const stale =
    row.at !== null && at - row.at > 2 * row.intervalMs
      ? ` · ${figure(Math.round((at - row.at) / 1000), 's')} old`
      : '';
  const value: Text =
    row.level === 'unwatched'
      ? say`not watched yet (${own(row.kind)})`
      : row.figures
        ? say`${row.figures}${own(stale)}`
        : say`no figures yet`;
  const worst = row.findings.find((finding) => finding.level === row.level && finding.level !== 'ok');
  return {
    ...(row.level === 'unwatched' ? {} : { tone: row.level satisfies Tone }),
    name: say`${row.name}`,
    value: worst ? [...value, own(' · '), ...say`${worst.summary}`] : value,
  };
}

/** The one card of things to finish, ticked off as they are mended; never an incident. */
export function setUpMessage(items: StatusJson['setUp']): Message {
  const open = items.filter((item) => !item.done).length;
  return {
    blocks: [
      {
        kind: 'heading',
        tone: open > 0 ? 'set-up' : 'ok',
        text: own2(open > 0 ? `${open} ${open === 1 ? 'thing' : 'things'} to finish` : 'Set-up is finished'),
      },
      ...items.map(
        (item): Block => ({
          kind: 'fields',
          rows: [{ tone: item.done ? 'ok' : 'set-up', name: say`${item.target}`, value: say`${item.what}` }],
        }),
      ),
      ...items
        .filter((item) => !item.done)
        .map((item): Block => ({ kind: 'code', language: 'sh', text: item.mend })),
    ],
  };
}

const own2 = (text: string): Text => [own(text)];
