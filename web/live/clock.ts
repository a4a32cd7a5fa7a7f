import { signal } from '@preact/signals';
import { lasted } from '../../src/message/figures.ts';
import { status } from './state.ts';

/** The bot's time, which a browser's own clock may be far from. */
export const now = signal(Date.now());
let ahead = 0;

export function setServerTime(at: number): void {
  ahead = at - Date.now();
  now.value = at;
}

setInterval(() => {
  now.value = Date.now() + ahead;
}, 1000);

const zone = () => status.value?.launch.timezone ?? 'UTC';
const formats = new Map<string, Intl.DateTimeFormat>();

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone()} ${JSON.stringify(options)}`;
  let made = formats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat('en-GB', { timeZone: zone(), ...options });
    formats.set(key, made);
  }
  return made;
}

const TIME = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;

/** `20:14:05` in the launch's zone; with the day in front when it is not today's. */
export function clock(at: number, seconds = true): string {
  const time = format(seconds ? { ...TIME, second: '2-digit' } : TIME).format(at);
  const day = format({ day: 'numeric', month: 'short' });
  return day.format(at) === day.format(now.value) ? time : `${day.format(at)} ${time}`;
}

export function zoneName(): string {
  return zone();
}

/** `24 s old`, when a figure is older than two of its intervals; else nothing. */
export function age(at: number | null, intervalMs: number): string {
  if (at === null) return '';
  const ms = now.value - at;
  return ms > 2 * intervalMs ? `${lasted(ms)} old` : '';
}
