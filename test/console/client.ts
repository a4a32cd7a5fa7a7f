import type { Bench } from './bench.ts';

export interface Session {
  readonly cookie: string;
  readonly csrf: string;
  get(path: string, signal?: AbortSignal): Promise<Response>;
  post(path: string, body: object): Promise<Response>;
}

/** Signs in as the page does, without a browser. */
export async function signedIn(bench: Bench, name: string): Promise<Session> {
  const token = new URL(await bench.link(name)).hash.slice(1);
  const answer = await fetch(`${bench.url}/api/signin`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: bench.url },
    body: JSON.stringify({ token }),
  });
  const { csrf } = (await answer.json()) as { csrf: string };
  const cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  return {
    cookie,
    csrf,
    get: (path, signal) => fetch(bench.url + path, { headers: { cookie }, ...(signal ? { signal } : {}) }),
    post: (path, body) =>
      fetch(bench.url + path, {
        method: 'POST',
        headers: { cookie, 'content-type': 'application/json', origin: bench.url, 'x-csrf-token': csrf },
        body: JSON.stringify(body),
      }),
  };
}
