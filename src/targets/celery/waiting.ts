import type { Waiting } from './contract.ts';
import { isRecord, type Opened } from './message.ts';

const MOST_NAME = 200;

/** What a queued message tells of its task: protocol 2 in its headers, protocol 1 in its body. */
export function waitingOf({ headers, properties, body }: Opened): Waiting {
  const from = typeof headers['task'] === 'string' ? headers : isRecord(body) ? body : {};
  const sentAt = time(properties['timestamp']) ?? time(headers['timestamp']) ?? time(headers['sent_at']);
  const eta = time(from['eta']);
  return {
    task: typeof from['task'] === 'string' ? from['task'].slice(0, MOST_NAME) : '(no name)',
    id: typeof from['id'] === 'string' ? from['id'].slice(0, MOST_NAME) : '',
    ...(sentAt === undefined ? {} : { sentAt }),
    ...(eta === undefined ? {} : { eta }),
  };
}

/** Seconds since 1970, or a date in ISO form, as milliseconds. */
function time(value: unknown): number | undefined {
  if (typeof value === 'number' && value > 1e9) return Math.round(value > 1e12 ? value : value * 1000);
  if (typeof value !== 'string') return undefined;
  const at = Date.parse(value);
  return Number.isFinite(at) ? at : undefined;
}
