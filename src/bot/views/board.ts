import { own, paragraph, say, strong, time } from '../../message/build.ts';
import type { Block, Message } from '../../message/contract.ts';
import type { IncidentSummary, StatusJson } from '../contract.ts';

const MOST = 15;
const ORDER = ['critical', 'warn', 'unknown', 'ok'];

/** The one pinned board: open incidents worst first, who has each, its age, and what waits for whom. Ages are whole minutes, so that it is edited once a minute at most by time alone. */
export function boardMessage(status: Omit<StatusJson, 'message'>): Message {
  const open = status.incidents
    .filter((incident) => incident.resolvedAt === null)
    .sort((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level) || a.since - b.since);
  const blocks: Block[] = [
    {
      kind: 'heading',
      tone: status.level,
      text: say`${status.launch.name}${own(` · ${open.length === 0 ? 'nothing is open' : `${open.length} open`}`)}`,
    },
  ];
  if (open.length > 0)
    blocks.push({
      kind: 'fields',
      rows: open.slice(0, MOST).map((incident) => ({
        tone: incident.level,
        name: say`${own(`#${incident.id}`)}`,
        value: say`${incident.title}${own(` · ${minutes(status.at - incident.since)} · `)}${owner(incident)}${own(waits(incident))}`,
      })),
    });
  if (open.length > MOST)
    blocks.push(paragraph(say`${own(`and ${open.length - MOST} more: /launch incidents`)}`));
  const [last] = status.incidents
    .filter((incident) => incident.resolvedAt !== null)
    .sort((a, b) => (b.resolvedAt ?? 0) - (a.resolvedAt ?? 0));
  if (open.length === 0 && last)
    blocks.push(
      paragraph(
        say`Last: ${own(`#${last.id} `)}${last.title}, over since ${time(last.resolvedAt ?? last.since, false)}`,
      ),
    );
  if (status.handsOff)
    blocks.push(
      paragraph(
        say`${strong('hands-off')} since ${time(status.handsOff.since, false)} (${status.handsOff.by}): nothing is changed.`,
      ),
    );
  for (const silence of status.silences.slice(0, 5))
    blocks.push(
      paragraph(say`Silenced: ${silence.scope} until ${time(silence.until, false)} (${silence.by})`),
    );
  return { blocks };
}

function owner(incident: IncidentSummary) {
  return incident.owner === null ? own('nobody has it') : say`${incident.owner} has it`;
}

function waits(incident: IncidentSummary): string {
  const waiting = incident.waiting.length > 0 ? ` · ${incident.waiting.join(', ')} wait for an approver` : '';
  return incident.owner === null && incident.level === 'critical'
    ? `${waiting} · waits for somebody to take it`
    : waiting;
}

function minutes(ms: number): string {
  const whole = Math.floor(ms / 60_000);
  if (whole < 1) return 'under 1 min';
  return whole < 60 ? `${whole} min` : `${Math.floor(whole / 60)} h ${whole % 60} min`;
}
