import { own, say, time } from '../../message/build.ts';
import type { Block, Message } from '../../message/contract.ts';
import { lasted } from '../../message/figures.ts';
import type { IncidentJson } from '../contract.ts';

/** Shorter than this nobody missed anything: a check is read each 5 s to 60 s anyway. */
export const AWAY_MS = 30_000;
const MOST = 8;

/** After a start: how long nothing was watched, and what is different from before. */
export function awayMessage(
  away: { readonly from: number; readonly to: number },
  before: ReadonlyMap<string, string>,
  incidents: readonly IncidentJson[],
): Message {
  const changes = incidents.flatMap((incident): Block[] => {
    const was = before.get(incident.id);
    const news = incident.timeline.filter((entry) => entry.at >= away.to).length;
    if (was === undefined)
      return [
        line(say`${own(`#${incident.id} `)}${incident.title} began meanwhile${own(` (${incident.level})`)}`),
      ];
    if (was !== incident.state)
      return [line(say`${own(`#${incident.id} `)}${incident.title}${own(`: ${was} -> ${incident.state}`)}`)];
    if (news > 0)
      return [line(say`${own(`#${incident.id} `)}${incident.title} is still ${own(incident.state)}`)];
    return [];
  });
  return {
    blocks: [
      {
        kind: 'text',
        text: say`I was away ${time(away.from)} to ${time(away.to)} (${own(lasted(away.to - away.from))}). ${own(changes.length === 0 ? 'Nothing is different from before.' : 'This changed:')}`,
      },
      ...changes.slice(0, MOST),
      ...(changes.length > MOST
        ? [line(say`${own(`and ${changes.length - MOST} more: /launch incidents`)}`)]
        : []),
    ],
  };
}

function line(text: ReturnType<typeof say>): Block {
  return { kind: 'text', text };
}
