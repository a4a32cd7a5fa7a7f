import { batch } from '@preact/signals';
import type { DeskEvent, IncidentJson, NoteJson, StatusJson } from '../../src/bot/contract.ts';
import { get } from './api.ts';
import { now, setServerTime } from './clock.ts';
import {
  connection,
  here,
  incidents,
  keepIncident,
  keepNote,
  loaded,
  type Me,
  me,
  notes,
  status,
} from './state.ts';

const SILENT_MS = 13_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;

let source: EventSource | undefined;
let watch: number | undefined;
let retry: number | undefined;
let attempt = 0;
/** Events that arrive while everything is fetched; they are newer than what the fetch brings. */
let waiting: DeskEvent[] | undefined;

/** Opens the stream and keeps it open. After each connection everything is asked for again, so a gap leaves no trace. */
export function follow(): void {
  stop();
  const stream = new EventSource('/api/stream');
  source = stream;
  alive();
  stream.addEventListener('hello', (event) => {
    setServerTime(read<{ at: number }>(event).at);
    catchUp().catch(lost);
  });
  stream.addEventListener('beat', (event) => {
    setServerTime(read<{ at: number }>(event).at);
    alive();
  });
  stream.addEventListener('here', (event) => {
    here.value = read<{ names: string[] }>(event).names;
  });
  for (const type of ['status', 'incident', 'note'])
    stream.addEventListener(type, (event) => {
      alive();
      const told = read<DeskEvent>(event);
      if (waiting) waiting.push(told);
      else take(told);
    });
  stream.onerror = lost;
}

export function stop(): void {
  source?.close();
  source = undefined;
  clearTimeout(watch);
  clearTimeout(retry);
}

async function catchUp(): Promise<void> {
  waiting = [];
  const [newStatus, newIncidents, newNotes] = await Promise.all([
    get<StatusJson>('/api/status'),
    get<IncidentJson[]>('/api/incidents'),
    get<NoteJson[]>('/api/notes'),
  ]);
  const missed = waiting;
  waiting = undefined;
  batch(() => {
    status.value = newStatus;
    if (loaded.value) for (const incident of newIncidents) keepIncident(incident);
    incidents.value = new Map(newIncidents.map((incident) => [incident.id, incident]));
    notes.value = newNotes;
    for (const event of missed) take(event);
    loaded.value = true;
    connection.value = { state: 'live' };
  });
  attempt = 0;
}

function take(event: DeskEvent): void {
  switch (event.type) {
    case 'status':
      status.value = event.status;
      return;
    case 'incident':
      keepIncident(event.incident);
      return;
    case 'note':
      keepNote(event.note);
      return;
    default:
      // A newer bot tells of something that this page does not know: it shows after a reload.
      event satisfies never;
  }
}

function alive(): void {
  clearTimeout(watch);
  watch = setTimeout(lost, SILENT_MS);
}

function lost(): void {
  stop();
  waiting = undefined;
  const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt) * (0.75 + Math.random() / 2);
  attempt += 1;
  const since = connection.value.state === 'lost' ? connection.value.since : now.value;
  connection.value = { state: 'lost', since, attempt, nextAt: now.value + wait };
  retry = setTimeout(() => void again(), wait);
}

export function tryNow(): void {
  clearTimeout(retry);
  void again();
}

/** An event source does not say why it failed: a signed-out session must not be tried for ever. */
async function again(): Promise<void> {
  try {
    me.value = await get<Me>('/api/me');
    follow();
  } catch {
    if (me.value !== null) lost();
  }
}

function read<T>(event: Event): T {
  return JSON.parse((event as MessageEvent<string>).data) as T;
}
