import type { StoredFile } from './world.ts';

/** The JSON and the files of a request, whether it came as JSON or as a form with files. */
export function readBody(type: string | undefined, raw: Buffer): { body: unknown; files: StoredFile[] } {
  if (raw.length === 0) return { body: {}, files: [] };
  const boundary = /boundary=(?:"([^"]+)"|([^;]+))/.exec(type ?? '');
  if (!boundary) return { body: JSON.parse(raw.toString('utf8')), files: [] };
  let body: unknown = {};
  const files: StoredFile[] = [];
  for (const part of raw
    .toString('utf8')
    .split(`--${boundary[1] ?? boundary[2]}`)
    .slice(1, -1)) {
    const gap = part.indexOf('\r\n\r\n');
    const head = part.slice(0, gap);
    const text = part.slice(gap + 4, -2);
    if (/name="payload_json"/.test(head)) body = JSON.parse(text);
    else files.push({ name: /filename="([^"]*)"/.exec(head)?.[1] ?? 'file', text });
  }
  return { body, files };
}
