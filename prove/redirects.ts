import http from 'node:http';
import type { Lab } from '../lab/index.ts';
import { SITE } from '../lab/plan.ts';
import { LEGACY_NAMES } from '../lab/traffic/mix.ts';

/** Status and Location of every legacy URL, as Varnish answers them. */
export async function redirectsAgree(lab: Lab): Promise<readonly (readonly [string, number, string])[]> {
  const found: (readonly [string, number, string])[] = [];
  for (const name of LEGACY_NAMES.slice(0, 12)) found.push(await ask(lab.address('web1'), `/legacy/${name}`));
  return found;
}

/** Requests for legacy URLs that Varnish sent to the application in a while, by URL. */
export async function backendFetches(lab: Lab, ms: number): Promise<ReadonlyMap<string, number>> {
  // The exit code of timeout is its own; what was seen until then is the answer.
  const text = await lab.exec('web1', [
    'sh',
    '-c',
    'timeout -s INT "$0" varnishncsa -b -F %U || true',
    String(ms / 1000),
  ]);
  const counts = new Map<string, number>();
  for (const url of text.split('\n').filter((line) => line.startsWith('/legacy/')))
    counts.set(url, (counts.get(url) ?? 0) + 1);
  return counts;
}

function ask(host: string, path: string): Promise<readonly [string, number, string]> {
  return new Promise((resolve, reject) => {
    http
      .get({ host, port: 80, path, headers: { Host: SITE }, timeout: 15_000 }, (response) => {
        response.resume();
        resolve([path, response.statusCode ?? 0, String(response.headers.location ?? '')]);
      })
      .on('error', reject);
  });
}
